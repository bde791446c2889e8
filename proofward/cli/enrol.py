"""`proofward enrol`: a hospital's records, from a CSV file into its kit."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.membership import JSON, KIT, Refused, answering, choose, opened, tell

if TYPE_CHECKING:
    from proofward.data.csv_records import Feature, Table
    from proofward.engines.remote.home import Home

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@click.command()
@KIT
@click.option("--data", required=True, metavar="FILE", help="CSV with a header; columns in any order.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--label", default="label", show_default=True, help="The column with 0 or 1.")
@click.option("--delimiter", type=click.Choice(sorted(DELIMITERS)), default="comma", show_default=True)
@click.option("--member", metavar="NAME", help="Which hospital, if the site has several.")
@click.option("--force", is_flag=True, help="Replace records that are not enrolled yet.")
@JSON
def enrol(
    kit: Path, data: Path, label: str, delimiter: str, member: str | None, force: bool, as_json: bool
) -> None:
    """Take a hospital's records into KIT: labels, and a column for each feature of the consortium.

    The features are in KIT/proofward/features.json. Values are normalised with the consortium's constants;
    they stay in the kit, readable by its owner only, and no message of this command repeats one. The running
    site enrols with them.
    """
    from proofward.data.csv_records import CsvRefused, read_csv
    from proofward.federation.messages.rules import HOSPITAL

    with answering(as_json):
        home = opened(kit)
        seats = [seat for seat in home.seats if seat.role == HOSPITAL]
        name = choose(seats, member, "has data", "--member").member
        _check_open(home, name, force)
        config, features = home.terms.round_config, _features(home)
        if len(features) != config.model.widths[0]:
            width = config.model.widths[0]
            raise Refused(f"{len(features)} features in the kit, the model has {width}: ask the coordinator")
        try:
            table = read_csv(data, features, label, config.scales, DELIMITERS[delimiter])
        except CsvRefused as error:
            raise Refused(f"{data}: {error}; nothing was taken in") from error
        rows = len(table.records)
        config.check_rows(rows)
        _save(home, name, table)
        _tell(kit, name, table, as_json)


def _features(home: Home) -> tuple[Feature, ...]:
    from proofward.data.csv_records import FEATURES_NAME, FeaturesInvalid, features_from_bytes

    try:
        return features_from_bytes(home.read(FEATURES_NAME))
    except FeaturesInvalid as error:
        raise Refused(f"{home.root / FEATURES_NAME}: {error}; ask the coordinator for it") from error


def _check_open(home: Home, name: str, force: bool) -> None:
    """Raises Refused when there are records that may not be replaced."""
    from proofward.engines.remote.requests import enrolment_begun, followed

    folder, rules = home.member(name), home.rules
    try:
        enrolled = rules is not None and name in followed(folder, rules).enrolments
        begun = enrolled or enrolment_begun(folder)
    except sqlite3.Error as error:
        raise Refused(f"{folder}: its state cannot be read: {error}") from error
    if begun:
        raise Refused(f"{name} has enrolled: its records are fixed for this federation")
    if home.has_dataset(name) and not force:
        raise Refused(f"{name} has records already, not enrolled yet; --force replaces them")


def _save(home: Home, name: str, table: Table) -> None:
    """Records that a process may have read are replaced while none runs only."""
    features, labels = table.records.features, table.records.labels
    if not home.has_dataset(name):
        home.save_dataset(name, features, labels)
        return
    with home.lock(name, patience=0.0):
        _check_open(home, name, force=True)
        home.save_dataset(name, features, labels)


def _tell(kit: Path, name: str, table: Table, as_json: bool) -> None:
    positive = int(table.records.labels.sum())
    counts = {"0": len(table.records) - positive, "1": positive}
    plain = {"did": "taken in", "member": name, "rows": len(table.records), "labels": counts}
    lines = [f"{name}: {len(table.records)} records, {counts['0']} of label 0, {counts['1']} of label 1"]
    if 0 in counts.values():
        lines.append("all records have one label: is that right?")
    for feature, count in table.clipped.items():
        lines.append(f"clipped to the range of inputs: {count} values of {feature}")
    lines.append(f"next: proofward start {kit}; where it runs already, it goes on within seconds")
    tell({**plain, "clipped": dict(table.clipped)}, lines, as_json)
