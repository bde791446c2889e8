"""A table's values as they are counted: numbers, places among levels, and how many cells have neither.

Nothing is refused for what a cell holds: a missing value and a cell that cannot be read are counted, too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from proofward.data.columns.column_kinds import Category, Number, Ordinal, TableColumn
from proofward.data.columns.schema import Schema
from proofward.data.reading.header import Header, read_header
from proofward.data.reading.problems import CsvRefused, Problems
from proofward.data.reading.table_rows import Reading
from proofward.data.tables.limits import BATCH_ROWS, check_extent
from proofward.data.tables.refusal import FileRefused
from proofward.data.tables.rows import Rows
from proofward.statistics.counts import ColumnValues, TableValues
from proofward.statistics.layout import MOST_ROWS

_NOT_TEXT = "the file is no UTF-8 text: save it as CSV UTF-8"


def read_values(file: Rows, schema: Schema) -> TableValues:
    """All values of a table; raises CsvRefused with all that is wrong with header and rows."""
    problems, notation = Problems(), schema.notation
    try:
        with file.rows(notation.delimiter, notation.decimal) as lines:
            reading = Reading(schema)
            reading.typed = file.typed
            header = read_header(next(lines, []), schema, problems)
            if header is not None:
                found = _counted(lines, header, _Columns(schema, reading), problems)
    except UnicodeDecodeError:
        problems.say(_NOT_TEXT)
    except (csv.Error, FileRefused) as error:
        problems.say(str(error))
    if problems:
        raise CsvRefused(problems.lines(), problems.kinds())
    return found


class _Columns:
    """The cells of every column as they come, each different text looked at once."""

    def __init__(self, schema: Schema, reading: Reading) -> None:
        self.reading, self.columns = reading, schema.features
        width = len(self.columns) + 1
        self.known: list[list[NDArray[np.float64]]] = [[] for _ in range(width)]
        self.unknown, self.missing = [0] * width, [0] * width
        self._memory: list[dict[str, float | str | None]] = [{} for _ in range(width)]

    def add(self, at: int, cells: Sequence[str]) -> None:
        """More cells of a column; the last is the label."""
        memory = self._memory[at]
        found = list[float]()
        for cell in cells:
            if cell not in memory:
                if len(memory) > BATCH_ROWS:
                    memory.clear()
                memory[cell] = self._value(at, cell)
            value = memory[cell]
            if value is None:
                self.missing[at] += 1
            elif isinstance(value, str):
                self.unknown[at] += 1
            else:
                found.append(value)
        self.known[at].append(np.array(found, dtype=np.float64))

    def _value(self, at: int, cell: str) -> float | str | None:
        """A number or a place, None for a missing value, a text for anything else."""
        text = cell.strip()
        if not text:
            return None
        if at == len(self.columns):
            label, what = self.reading.label(text, 0)
            return what if label is None else float(label)
        column = self.columns[at]
        if isinstance(column, Category | Ordinal):
            if column.codes.has(text):
                return None
            place = column.place(text)
            return "another" if place is None else float(place)
        return self._number(column, text)

    def _number(self, column: TableColumn, text: str) -> float | str | None:
        coded = isinstance(column, Number) and column.codes.has_text(text)
        value, what = (None, "") if coded else self.reading.number(text)
        if coded or (isinstance(column, Number) and value is not None and column.codes.has_number(value)):
            return None
        return what if value is None else value

    def values(self, rows: int) -> TableValues:
        """What has come together."""
        found = [
            ColumnValues(np.concatenate([np.zeros(0), *parts]), unknown, missing)
            for parts, unknown, missing in zip(self.known, self.unknown, self.missing, strict=True)
        ]
        return TableValues(rows, tuple(found))


def _counted(
    lines: Iterator[list[str]], header: Header, columns: _Columns, problems: Problems
) -> TableValues:
    places, rows, number = [*header.features, header.label], 0, 1
    while batch := list(islice(lines, BATCH_ROWS)):
        whole = []
        for row in batch:
            number += 1
            if not any(cell.strip() for cell in row):
                continue
            if len(row) < header.width or any(cell.strip() for cell in row[header.width :]):
                problems.row(number, f"rows that have not {header.width} cells, as the header has")
            else:
                whole.append(row)
        rows += len(whole)
        check_extent(rows, len(places))
        for at, place in enumerate(places):
            columns.add(at, [row[place] for row in whole])
    if rows > MOST_ROWS:
        problems.say(f"expected at most {MOST_ROWS} rows, found {rows}")
    if not rows:
        problems.say("there are no rows below the header")
    return columns.values(rows)
