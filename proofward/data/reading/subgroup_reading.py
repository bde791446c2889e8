"""Rows of a table to be evaluated: columns that are no feature are let be, some of them make subgroups.

A subgroup's levels are what stands in a column. Only those with the least count of records of every class
become levels, so the name of none is told that fewer patients have.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace

import numpy as np

from proofward.data.columns.feature import FeaturesInvalid, check_name
from proofward.data.columns.schema import Schema, ascending, folded
from proofward.data.reading.header import Header
from proofward.data.reading.plausibility import Readings
from proofward.data.reading.problems import CsvRefused, Problems, listed
from proofward.data.reading.table_rows import Reading
from proofward.data.tables.rows import Rows
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.subgroup import MOST_LEVELS, MOST_NAME, Subgroup

MOST_DIFFERENT = 1 << 12
"""Texts of a column that are told apart: one with more makes no subgroups."""


@dataclass
class _Texts:
    """The texts of a column, and of each row the number of its text."""

    names: dict[str, int] = field(default_factory=dict)
    rows: array[int] = field(default_factory=lambda: array("q"))

    def note(self, text: str) -> None:
        self.rows.append(self.names.setdefault(text, len(self.names)) if text else -1)


class KeptReading(Reading):
    """Keeps the numbers as they are read, and what stands in the columns of subgroups."""

    def __init__(self, schema: Schema, subgroups: tuple[str, ...] = ()) -> None:
        super().__init__(schema)
        self.kept: Readings | None = None
        self._columns = {folded(name): _Texts() for name in subgroups}

    def take(self, header: Header, number: int, row: list[str], problems: Problems) -> None:
        """As of any table; notes the texts of the rows that are good."""
        before = len(self._labels)
        super().take(header, number, row, problems)
        if len(self._labels) == before:
            return
        places = {folded(name): at for name, at in header.ignored}
        features = zip(self.schema.features, header.features, strict=True)
        places |= {folded(column.name): at for column, at in features}
        for name, texts in self._columns.items():
            texts.note(folded(row[places[name]]))
            if len(texts.names) > MOST_DIFFERENT:
                raise CsvRefused([f"column {name}: more than {MOST_DIFFERENT} different texts: no subgroups"])

    def readings(self, header: Header) -> Readings:
        """As of any table."""
        self.kept = super().readings(header)
        return self.kept

    def subgroups(self, classes: int, least: int) -> tuple[list[tuple[Subgroup, Int64Array]], list[str]]:
        """With the level of each record, -1 for none; and a line for each column with levels left out.

        Their positions are those of no features: they only differ.
        """
        found, notes, words, position = [], [], "levels that are not shown", 0
        labels = np.array(self._labels, dtype=np.int64)
        for name, texts in self._columns.items():
            of_row = np.array(texts.rows, dtype=np.int64)
            counts = np.zeros((len(texts.names), classes), dtype=np.int64)
            there = of_row >= 0
            np.add.at(counts, (of_row[there], labels[there]), 1)
            enough = counts.min(axis=1) >= least
            shown = sorted(text for text, number in texts.names.items() if enough[number])
            if len(shown) > MOST_LEVELS:
                raise CsvRefused([f"column {name}: {len(shown)} levels, expected at most {MOST_LEVELS}"])
            if left := len(texts.names) - len(shown):
                notes.append(f"{name}: {words}, with fewer than {least} records of a class: {left}")
            if shown:
                level = np.full(len(texts.names) + 1, -1, dtype=np.int64)
                level[[texts.names[text] for text in shown]] = np.arange(len(shown))
                cut = tuple(text[:MOST_NAME] for text in shown)
                found.append((Subgroup(name, cut, position), level[of_row]))
                position += len(cut)
        return found, notes


def with_others_ignored(
    file: Rows, schema: Schema, subgroups: tuple[str, ...] = ()
) -> tuple[Schema, list[str]]:
    """The schema that lets be whatever other columns a file has, and the names of these.

    Raises CsvRefused where a subgroup's column is not there, and what reading raises.
    """
    with file.rows(schema.notation.delimiter, schema.notation.decimal) as lines:
        header = [folded(cell) for cell in next(lines, [])]
    known = {folded(name) for name in (*(column.name for column in schema.features), schema.label.column)}
    others = [name for name in ascending([name for name in header if name not in known]) if _is_name(name)]
    given = [*others, *(folded(column.name) for column in schema.features)]
    if missing := [name for name in subgroups if folded(name) not in given]:
        raise CsvRefused([f"row 1: no column {listed(missing)} for subgroups"])
    return replace(schema, notation=replace(schema.notation, ignore=tuple(others))), others


def _is_name(name: str) -> bool:
    try:
        check_name("ignore", name)
    except FeaturesInvalid:
        return False
    return True
