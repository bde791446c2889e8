"""`proofward enrol`: a hospital's records, from a CSV file or from images into its kit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, KIT, Refused, answering, choose, opened, tell
from proofward.cli.common.console import WrongThing
from proofward.cli.kit.records.data_file import data_file, data_options, described, schema_of
from proofward.data.columns.schema import FEATURES_NAME
from proofward.engines.operations.suggestions import command

if TYPE_CHECKING:
    from proofward.cli.kit.records.data_file import DataFile
    from proofward.data.columns.schema import Schema
    from proofward.data.image_schema import ImageSchema
    from proofward.data.reading.table_records import Table
    from proofward.engines.remote.agreement.home import Home
    from proofward.statistics.layout import Layout


@click.command()
@KIT
@data_options
@click.option("--member", metavar="NAME", help="Which hospital, if the site has several.")
@click.option("--data-sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="A text about the records: period, source, consent. Everybody will see it.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Replace records that are not enrolled yet.")
@click.option("--force", is_flag=True, help="Take in what can be read but looks wrong; this is recorded.")
@click.option("--publish-evaluations", "publish", is_flag=True,
              help="Publish this hospital's own counts of every evaluation on the ledger, proved where "
                   "counts are, else signed; without it only the sum of all is opened.")  # fmt: skip
@JSON
def enrol(
    kit: Path,
    member: str | None,
    data_sheet: Path | None,
    replace: bool,
    force: bool,
    publish: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Take a hospital's records into KIT: labels, and a column for each feature of the consortium, or images.

    The columns, or how images are made, are in KIT/proofward/features.json. Values are normalised with the
    consortium's constants; they stay in the kit, readable by its owner only, and no message of this command
    repeats one. The running site enrols with them. `proofward check-data` looks at a file beforehand.

    The text of --data-sheet goes to the ledger, signed, where all members and auditors read it for as long as
    the ledger is kept: write nothing into it that tells of a patient.
    """
    from proofward.engines.remote.agreement.data_sheets import keep
    from proofward.engines.remote.agreement.own_counts import set_publishes_counts
    from proofward.federation.messages.consortium.rules import HOSPITAL
    from proofward.statistics.source import layout_of_rounds

    with answering(as_json):
        home = opened(kit)
        seats = [seat for seat in home.seats if seat.role == HOSPITAL]
        name = choose(seats, member, "has data", "--member").member
        _check_open(home, name, replace)
        sheet = () if data_sheet is None else read_sheet(data_sheet)
        schema, file = schema_of(home), data_file(options)
        if (layout := layout_of_rounds(home.terms.counted)) is not None:
            lines = _count(home, name, file, schema, layout)
            noted = noted_counts(home, name, file)
            plain = {"forced": False, "noted": noted}
            tell({"did": "taken in", "member": name, **plain}, lines + noted + next_lines(kit), as_json)
            return
        table = file.read(schema, home.terms.round_config)
        doubts = [doubt.words for doubt in table.doubts]
        if doubts and not force:
            words = f"{file.path}: nothing was taken in, for this would spoil what all train together; where "
            words += "it is right as it is, --force takes it in, and says so in the hospital's status and log"
            raise Refused(words, doubts)
        keep(home.member(name), sheet)
        set_publishes_counts(home, name, publish)
        _save(home, name, table)
        plain, lines = described(table, schema)
        lines = [f"{name}: {lines[0]}", *lines[1:]]
        lines += [f"forced although {words}" for words in doubts]
        if sheet:
            lines.append(f"with a data sheet of {len(sheet)} lines, which everybody will see on the ledger")
        noted = _noted(home, name, file, table)
        lines += noted
        lines += ["its own counts of every evaluation will be published"] if publish else []
        lines += next_lines(kit)
        said = {"forced": bool(doubts), "data_sheet": len(sheet), "publishes": publish, "noted": noted}
        plain = {**said, **plain}
        tell({"did": "taken in", "member": name, **plain}, lines, as_json)


def read_sheet(path: Path) -> tuple[str, ...]:
    """The lines of a data sheet; raises WrongThing, Refused."""
    from proofward.engines.remote.agreement.data_sheets import read_text
    from proofward.federation.messages.basics.texts import TextRefused
    from proofward.ledger.reading import NotReadable

    try:
        return read_text(path, follow=True)
    except (TextRefused, NotReadable, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise WrongThing(f"{path}: expected a text file in UTF-8, found other bytes") from error
        raise Refused(f"{path}: {error}") from error


def _noted(home: Home, name: str, file: DataFile, table: Table) -> list[str]:
    """Writes the records down in the site's own ledger; what else they are enrolled for."""
    from proofward.engines.remote.agreement.record_sketch import sketch_of

    records = table.records
    sketch = sketch_of(records.features, records.labels)
    return _note(home, name, file, records.features.tobytes() + records.labels.tobytes(), sketch)


def noted_counts(home: Home, name: str, file: DataFile, records: bytes = b"") -> list[str]:
    """The same of a file that is counted. records: what was made of it, where it is a folder."""
    return _note(home, name, file, records, "")


def _note(home: Home, name: str, file: DataFile, records: bytes, sketch: str) -> list[str]:
    from proofward.engines.remote.agreement.site_ledger import Enrolled, digest_of, note, place, told

    try:
        note(Enrolled.of(home.terms, name, digest_of(file.path, records), sketch))
    except (OSError, ValueError) as error:
        words = f"{place()}: {error}: this site will not notice another federation over these records"
        return [words]
    return told(home.terms, [name])


def next_lines(kit: Path) -> list[str]:
    """What to do once a hospital's data are taken in."""
    running = "where the site's process runs already, it goes on within seconds"
    return [running, f"next: {command('start', kit)}"]


def _count(
    home: Home, name: str, file: DataFile, schema: Schema | ImageSchema, layout: Layout
) -> list[str]:
    """Takes a table's values in for a federation that counts them and trains nothing; what is said of it."""
    from proofward.data.columns.statistics_layout import schema_of as counted_columns
    from proofward.statistics.source import values_to_bytes

    if schema != counted_columns(layout):
        raise Refused(f"{FEATURES_NAME} of the kit has other columns than the terms count")
    values = file.values(schema)
    data = values_to_bytes(values)
    _replacing(home, name, lambda: home.save_values(name, data))
    return [f"{name}: {values.rows} rows; their counts are encrypted and summed with those of the others"]


def _check_open(home: Home, name: str, replace: bool) -> None:
    """Raises Refused when there are records that may not be replaced."""
    from proofward.engines.remote.agreement.requests import enrolment_begun, followed

    folder, rules = home.member(name), home.rules
    try:
        enrolled = rules is not None and name in followed(folder, rules).joined
        begun = enrolled or enrolment_begun(folder)
    except sqlite3.Error as error:
        raise Refused(f"{folder}: its state cannot be read: {error}") from error
    if begun:
        raise Refused(f"{name} has enrolled: its records are fixed for this federation")
    if home.has_dataset(name) and not replace:
        raise Refused(f"{name} has records already, not enrolled yet; --replace replaces them")


def _save(home: Home, name: str, table: Table) -> None:
    """Forced records are written down before they are there, so that none lacks a line in the log."""
    from proofward.data.reading.plausibility import short_doubts
    from proofward.engines.operations.event_log import EventLog
    from proofward.engines.remote.agreement.home import LOG

    forced = short_doubts(table.doubts)

    def save() -> None:
        if forced:
            log = EventLog(home.root / LOG)
            log.note("records forced", party=name)
            if log.lost:
                raise Refused(f"{log.path} cannot be written, and forced records have to be recorded in it")
        home.save_dataset(name, table.records.features, table.records.labels, table.patients, forced)

    _replacing(home, name, save)


def _replacing(home: Home, name: str, save: Callable[[], None]) -> None:
    """Records that a process may have read are replaced while none runs only."""
    with ExitStack() as stack:
        if home.has_dataset(name):
            stack.enter_context(home.lock(name, patience=0.0))
            _check_open(home, name, replace=True)
        save()
