"""`proofward data`: a hospital's table or images looked at, before anybody agrees on anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.console import FLAW, WrongThing
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.table_options import DELIMITERS, NAMES, table_file, table_options
from proofward.data.columns.schema import DECIMALS

if TYPE_CHECKING:
    from proofward.data.inspection.table_inspection import TableInspection

HTML, MARKDOWN = (".html", ".htm"), (".md",)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=GuardedGroup)
def data() -> None:
    """Look at a hospital's table or images; nothing of them leaves the site."""


@data.command(name="inspect")
@click.argument("table", metavar="FILE|IMAGES", type=click.Path(exists=True, path_type=Path))
@click.option("--consortium", type=FILE, metavar="TOML",
              help="A consortium.toml: what `enrol` would refuse by it and what it would clip, or its rule "
              "for images.")  # fmt: skip
@click.option("--label", metavar="COLUMN", help="The column with the classes.",
              show_default="the consortium's")  # fmt: skip
@table_options
@click.option("--decimal", type=click.Choice(sorted(DECIMALS.values())), help="The mark in numbers.",
              show_default="the consortium's, else point")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="A page with pictures to write, .html or .md; one that is there is replaced. Of images "
              "a contact sheet, .png, which stays at the site.")  # fmt: skip
@click.option("--size", metavar="HEIGHTxWIDTH", help="Of images, without --consortium: grey ones of so many "
              "pixels.")  # fmt: skip
@click.option("--labels", type=FILE, metavar="CSV",
              help="Of images: table of files, labels, patients; else each folder is a class.")  # fmt: skip
@click.option("--allow-identifying", is_flag=True,
              help="Of images: take DICOM files that name a patient; no name is kept.")  # fmt: skip
@click.option("--allow-burned-in", is_flag=True,
              help="Of images: take DICOM files that say they have text in the pixels.")  # fmt: skip
@JSON
def inspect_data(
    table: Path, consortium: Path | None, label: str | None, decimal: str | None, out: Path | None,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Say what FILE holds: types, empty cells, constant and repeated columns and rows, identifiers, ranges.

    FILE is CSV, Excel (.xlsx), Parquet or HDF5. Everything worth a look is listed at once, with counts and
    without a value of any patient: counts of fewer than five rows are not given. Nothing is kept or sent.
    Exit code 1 when --consortium is given and `enrol` would not take the table in.

    IMAGES are a folder of them, an npz archive or an HDF5 file in PatchCamelyon's layout. They are looked at
    as `check-images` does, which has more options.
    """
    from proofward.cli.kit.inspected_images import agreed_images, holds_images, inspect_images
    from proofward.cli.kit.records.inspected_table import inspect_table

    with answering(as_json):
        agreed = agreed_images(consortium)
        if holds_images(table, options["size"], agreed):
            inspect_images(table, agreed, {**options, "label": label, "decimal": decimal}, out, as_json)
            return
        _without_options_of_images(options)
        if out is not None and out.suffix.lower() not in (*HTML, *MARKDOWN):
            raise click.UsageError(f"--out: expected a name that ends in .html or .md, found {out}")
        mark = next((mark for mark, name in DECIMALS.items() if name == decimal), "")
        given = {name: options[name] or "" for name in NAMES}
        table_file(table, options, alone=False)
        try:
            found = inspect_table(table, consortium, label=label or "", decimal=mark, **given)
        except ValueError as error:
            if type(error).__name__ == "FileRefused":
                raise Refused(f"{table}: {error}") from error
            raise
        if not found.columns:
            raise WrongThing(f"{table} is empty: expected a table, with a header in the first row")
        if len(found.columns) < 2 and consortium is None and not any(given.values()):
            words = "has one column only: is it a table? --delimiter says what parts the cells of a CSV file"
            raise WrongThing(f"{table} {words}")
        doubt = _other_delimiter(table, given["delimiter"]) if len(found.columns) < 2 else ""
        if label and not found.label:
            raise Refused(f"{table}: expected a column {label} with the classes, found none")
        written = "" if out is None else _written(found, table.name, out)
        plain = {"did": "inspected", "file": str(table), "page": None if out is None else str(out)}
        plain["other_delimiter"] = doubt
        lines = [*([doubt] if doubt else []), *_lines(found, table), *([written] if written else [])]
        tell({**plain, **found.to_plain()}, lines, as_json)
        if found.agreement is not None and not found.agreement.taken:
            raise SystemExit(FLAW)


def _without_options_of_images(options: dict[str, Any]) -> None:
    """Raises UsageError for an option that says nothing of a table."""
    for name in ("labels", "allow_identifying", "allow_burned_in"):
        if options[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is of images, and FILE is no image")


def _other_delimiter(table: Path, given: str) -> str:
    """A warning that a CSV file has one column by the delimiter that was given; "" where no other fits."""
    from proofward.data.tables.delimited import guessed

    fitting = guessed(table) if given else given
    if not given or fitting == given or fitting not in _first_row(table):
        return ""
    name = next((name for name, mark in DELIMITERS.items() if mark == fitting), fitting)
    words = f"--delimiter {name} parts its first row into more"
    return f"WARNING: one column was found by this delimiter; {words}"


def _first_row(table: Path) -> str:
    with table.open(encoding="utf-8-sig", newline="") as file:
        return file.readline(1 << 20)


def _written(found: TableInspection, name: str, out: Path) -> str:
    """Writes the page for its owner only; what is said of it."""
    from proofward.ledger.files import write_out
    from proofward.report.figures.canvas import PicturesUnavailable
    from proofward.report.table_page import markdown, page
    from proofward.report.table_picture import picture

    image, missing = b"", ""
    try:
        image = picture(found)
    except PicturesUnavailable as error:
        missing = str(error)
    beside = out.with_name(f"{out.stem}-distributions.png")
    if out.suffix.lower() in HTML:
        files = {out: page(found, name, image, missing).encode()}
    else:
        files = {out: markdown(found, name, beside.name if image else "", missing).encode()}
        files |= {beside: image} if image else {}
    for path, content in files.items():
        write_out(path, content, 0o600)
    return f"written: {', '.join(map(str, files))}{f'; no picture: {missing}' if missing else ''}"


def _lines(found: TableInspection, table: Path) -> list[str]:
    kinds: dict[str, int] = {}
    for column in found.columns:
        kinds[column.type] = kinds.get(column.type, 0) + 1
    listed = ", ".join(f"{count} of {kind}" for kind, count in kinds.items())
    lines = [f"{table}: {found.rows} rows, {len(found.columns)} columns: {listed}"]
    if found.label:
        classes = ", ".join(f"{name}: {count}" for name, count in found.classes)
        lines.append(f"classes in {found.label}: {classes}")
    for finding in found.findings:
        where = f"{', '.join(finding.columns)}: " if finding.columns else ""
        lines.append(f"{finding.kind}: {where}{finding.words}")
    if not found.findings:
        lines.append("nothing is worth a second look")
    agreed = found.agreement
    if agreed is not None:
        for name, what, rows in agreed.problems:
            lines.append(f"refused: {f'{name}: ' if name else ''}{what}{f': {rows}' if rows else ''}")
        lines += [f"doubtful: {doubt}" for doubt in agreed.doubts]
        lines += [f"clipped to the range of inputs: {n} values of {name}" for name, n in agreed.clipped]
        lines.append("enrol would take this in" if agreed.taken else "enrol would refuse this")
    return lines
