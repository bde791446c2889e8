"""What consortium.toml says of hospitals' tables: label, ignored columns, decimal mark, clipping."""

from __future__ import annotations

import json

from proofward.cli.project.project_table import ProjectError, Table
from proofward.data.schema import (
    CLIPPED_PERCENT,
    DUPLICATE_PERCENT,
    FeaturesInvalid,
    Label,
    Notation,
    ascending,
)

NOTATION_KEYS = ("ignore", "decimal", "clipped_percent", "duplicate_percent", "label", "id")
_LABEL_KEYS = ("column", "positive", "negative", "classes")


def read_notation(table: Table) -> Notation:
    """The notation in the file's top table; raises ProjectError."""
    label = Table(table.table("label"), "label.", _LABEL_KEYS)
    try:
        return Notation(
            _label(label),
            ascending(table.texts("ignore")),
            table.text("decimal", "."),
            table.integer("clipped_percent", 0, 100, CLIPPED_PERCENT),
            _identifier(table),
            table.integer("duplicate_percent", 0, 100, DUPLICATE_PERCENT),
        )
    except FeaturesInvalid as error:
        raise ProjectError("columns", "a label, columns to ignore and a decimal mark", str(error)) from error


def _identifier(table: Table) -> str:
    """The column in the table [id], "" where there is none."""
    if table.peek("id") is None:
        return ""
    return Table(table.table("id"), "id.", ("column",)).text("column")


def _label(table: Table) -> Label:
    """The label in the table [label]: negative and positive, or classes."""
    usual, column = Label(), table.text("column", Label().column)
    if table.peek("classes") is None:
        negative, positive = (table.value(name, getattr(usual, name)) for name in ("negative", "positive"))
        return Label(column, negative, positive)
    if table.peek("negative") is not None or table.peek("positive") is not None:
        raise ProjectError("label", "either classes, or negative and positive", "both")
    return Label.of(column, table.values("classes"))


def notation_lines(notation: Notation) -> list[str]:
    """The lines of the file's top table."""
    ignored = ", ".join(map(_quoted, notation.ignore))
    return [
        f"ignore = [{ignored}]  # columns that may be there and are not used",
        f'decimal = {_quoted(notation.decimal)}  # the mark in numbers; with "," semicolons part the cells',
        f"clipped_percent = {notation.clipped_percent}  # a column of which more is out of range is refused",
        *(
            [f"duplicate_percent = {notation.duplicate_percent}  # a table of which more repeats is refused"]
            if notation.duplicate_percent != DUPLICATE_PERCENT
            else []
        ),
    ]


def label_lines(label: Label) -> list[str]:
    """The lines of the file's table [label]."""
    lines = ["", "[label]", f"column = {_quoted(label.column)}"]
    if label.others:
        names = ", ".join(map(_quoted, label.classes))
        return [*lines, f"classes = [{names}]  # what stands in it for each class, alike at every hospital"]
    return [
        *lines,
        f"positive = {_quoted(label.positive)}  # what stands in the column for class 1",
        f"negative = {_quoted(label.negative)}  # and for class 0, alike at every hospital",
    ]


def id_lines(notation: Notation) -> list[str]:
    """The lines of the file's table [id], where one was agreed."""
    if not notation.id:
        return []
    words = "patients are counted and split by it; nothing is learnt from it"
    return ["", "[id]", f"column = {_quoted(notation.id)}  # {words}"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
