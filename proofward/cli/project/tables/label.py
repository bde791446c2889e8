"""What consortium.toml says of hospitals' tables: label, ignored columns, decimal mark, clipping."""

from __future__ import annotations

import json

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.data.columns.schema import (
    CLIPPED_PERCENT,
    DECIMALS,
    DUPLICATE_PERCENT,
    MAX_IGNORED,
    MAX_NAME,
    FeaturesInvalid,
    Label,
    Notation,
    ascending,
)
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.models.keys import Cell, Either, Integer, Key, Keys, Several, Text

_CLASS = Either((Cell(), Several(Cell(), 1)))
LABEL = Keys((
    Key("column", Text(1, MAX_NAME), "with the label", Label().column),
    Key("positive", _CLASS, "what stands in it for class 1; of images a class or a list of them",
        Label().positive),
    Key("negative", _CLASS, "what stands in it for class 0", Label().negative),
    Key("classes", Several(_CLASS, 2, MOST_CLASSES),
        "what stands in it for each class, in place of positive and negative"),
), (("classes", "positive"), ("classes", "negative")))  # fmt: skip
ID = Keys((
    Key("column", Text(1, MAX_NAME), "with the patient's number, of which nothing is learnt", needed=True),
))  # fmt: skip
IGNORE = Key("ignore", Several(Text(1, MAX_NAME), most=MAX_IGNORED),
             "columns that may be there and are not used", ())  # fmt: skip
DECIMAL = Key("decimal", Text(options=tuple(DECIMALS)),
              'the mark in numbers; with "," semicolons part the cells', ".")  # fmt: skip
CLIPPED = Key("clipped_percent", Integer(0, 100), "a column of which more is out of range is refused",
              CLIPPED_PERCENT)  # fmt: skip
DUPLICATES = Key("duplicate_percent", Integer(0, 100), "a table of which more repeats is refused",
                 DUPLICATE_PERCENT)  # fmt: skip
STATISTICS = Keys((
    Key("ledger", Text(64, 64), "the root of the ledger of the statistics that centres and spreads come from",
        needed=True),
))  # fmt: skip
NOTATION = (
    IGNORE, DECIMAL, CLIPPED, DUPLICATES, Key("label", LABEL, "what hospitals' records are labelled with"),
    Key("id", ID, "the column by which rows are counted and parted"),
    Key("statistics", STATISTICS, "where centres and spreads come from"),
)  # fmt: skip
"""Keys of the file's top table."""
NOTATION_KEYS = tuple(key.name for key in NOTATION)


def read_notation(table: Table) -> Notation:
    """The notation in the file's top table; raises ProjectError."""
    label = Table(table.table("label"), "label.", LABEL)
    try:
        return Notation(
            _label(label),
            ascending(table.texts("ignore")),
            table.text("decimal"),
            table.integer("clipped_percent"),
            _identifier(table),
            table.integer("duplicate_percent"),
            _statistics(table),
        )
    except FeaturesInvalid as error:
        raise ProjectError("columns", "a label, columns to ignore and a decimal mark", str(error)) from error


def _identifier(table: Table) -> str:
    """The column in the table [id], "" where there is none."""
    if not table.has("id"):
        return ""
    column = Table(table.table("id"), "id.", ID).text("column")
    if not column:
        raise ProjectError("id.column", "the name of a column", "none")
    return column


def _statistics(table: Table) -> str:
    """The ledger in the table [statistics], "" where there is none."""
    if not table.has("statistics"):
        return ""
    return Table(table.table("statistics"), "statistics.", STATISTICS).text("ledger")


def _label(table: Table) -> Label:
    """The label in the table [label]: negative and positive, or classes."""
    column = table.text("column")
    if not table.has("classes"):
        return Label(column, table.value("negative"), table.value("positive"))
    if table.has("negative") or table.has("positive"):
        raise ProjectError("label", "either classes, or negative and positive", "both")
    return Label.of(column, table.values("classes"))


def notation_lines(notation: Notation) -> list[str]:
    """The lines of the file's top table."""
    ignored = ", ".join(map(_quoted, notation.ignore))
    return [
        f"ignore = [{ignored}]  # {IGNORE.meaning}",
        f"decimal = {_quoted(notation.decimal)}  # {DECIMAL.meaning}",
        f"clipped_percent = {notation.clipped_percent}  # {CLIPPED.meaning}",
        *(
            [f"duplicate_percent = {notation.duplicate_percent}  # {DUPLICATES.meaning}"]
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
    """The lines of the file's tables [id] and [statistics], where they were agreed."""
    lines = []
    if notation.id:
        words = "patients are counted and split by it; nothing is learnt from it"
        lines += ["", "[id]", f"column = {_quoted(notation.id)}  # {words}"]
    if notation.statistics:
        words = STATISTICS["ledger"].meaning
        lines += ["", "[statistics]", f"ledger = {_quoted(notation.statistics)}  # {words}"]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
