"""A table inspected, alone or by a consortium's file: for `proofward data inspect` and for Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofward.cli.project.project import Project
    from proofward.data.table_inspection import TableInspection


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

    table: a path, a data frame of pandas or a table of pyarrow. consortium: a consortium.toml. label: the
    column with the classes, where it is not the consortium's. decimal: the mark in texts of numbers, "" for
    the consortium's, or a point.
    Raises FileRefused, TablesExtraMissing, OSError, and Refused for a consortium's file that is wrong.
    """
    from dataclasses import replace

    from proofward.cli.project.project_file import opened_project
    from proofward.data.schema import Notation, Schema, plain_number
    from proofward.data.table_agreement import agreement_of
    from proofward.data.table_inspection import inspect_contents
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
        contents = contents_of(file, parse, usual)
    except UnicodeDecodeError:
        raise FileRefused("text in UTF-8", "another encoding: save the file as CSV UTF-8") from None
    agreement = None
    if project is not None and schema is not None:
        notation = replace(schema.notation, decimal=mark)
        if label:
            notation = replace(notation, label=replace(notation.label, column=label))
        config = project.config()
        agreement = agreement_of(file, replace(schema, notation=notation), config.scales, config.least_rows)
        label = notation.label.column
    return inspect_contents(contents, label, agreement)
