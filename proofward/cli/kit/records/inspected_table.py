"""A table inspected, alone or by a consortium's file: for `proofward data inspect` and for Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.data.inspection.table_inspection import TableInspection


def inspect_table(
    table: Any,
    consortium: str | Path | None = None,
    *,
    label: str = "",
    delimiter: str = "",
    sheet: str = "",
    key: str = "",
    decimal: str = "",
) -> TableInspection:
    """What a table holds, and what `enrol` would say of it; nothing of it is kept, written or sent.

    Args:
        table: A path, a data frame of pandas or a table of pyarrow.
        consortium: The path of a consortium.toml, for what `enrol` would say.
        label: The column with the classes, where it is not the consortium's.
        delimiter: Between the cells of a CSV file. By default it is found by looking.
        sheet: The sheet of an Excel file, by default the first.
        key: The table's place in an HDF5 file.
        decimal: The mark in texts of numbers. By default the consortium's, or a point.

    Raises:
        FileRefused: A file that is no table, or not one of these formats.
        TablesExtraMissing: A format that needs the extra `[tables]`.
        Refused: A consortium's file that is wrong.
        OSError: A file that cannot be opened.
    """
    from dataclasses import replace

    from proofward.cli.project.consortium_file.reading import opened_project
    from proofward.data.columns.schema import Notation, Schema, plain_number
    from proofward.data.inspection.table_agreement import agreement_of
    from proofward.data.inspection.table_inspection import inspect_contents
    from proofward.data.tables.contents import contents_of
    from proofward.data.tables.delimited import guessed
    from proofward.data.tables.frame import Frame
    from proofward.data.tables.refusal import FileRefused
    from proofward.data.tables.table_file import TableFile

    file: TableFile | Frame
    project: Project | None = None if consortium is None else opened_project(Path(consortium))
    schema = None if project is None else project.schema
    if schema is not None and not isinstance(schema, Schema):
        raise FileRefused("a consortium on tables", "one on images, which check-images looks at")
    mark = decimal or (schema.notation.decimal if schema is not None else ".")
    if isinstance(table, str | Path):
        file = TableFile(Path(table), delimiter, sheet, key)
        file.check_options()
    else:
        file = Frame(table)

    def parse(text: str) -> float | None:
        if mark == ".":
            return plain_number(text)
        return None if "." in text else plain_number(text.replace(mark, "."))

    usual = Notation(decimal=mark).delimiter
    try:
        if schema is None and isinstance(file, TableFile) and not file.typed:
            usual = guessed(file.path)
        contents = contents_of(file, parse, usual, mark)
    except UnicodeDecodeError:
        raise FileRefused("text in UTF-8", "another encoding: save the file as CSV UTF-8") from None
    agreement, known = None, frozenset[str]()
    if project is not None and schema is not None:
        notation = replace(schema.notation, decimal=mark)
        if label:
            notation = replace(notation, label=replace(notation.label, column=label))
        config = project.config()
        agreement = agreement_of(file, replace(schema, notation=notation), config.scales, config.least_rows)
        label = notation.label.column
        known = frozenset({notation.id, *notation.ignore})
    return inspect_contents(contents, label, agreement, known)
