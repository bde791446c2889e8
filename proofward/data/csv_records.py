"""Records from a CSV file with a header: columns by name, normalised with public constants.

Nothing that is raised or said here repeats a cell of the file: cells are patients' data. All that is wrong is
said at once, with counts and places.
"""

from __future__ import annotations

import csv
import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proofward.data.csv_header import Header, read_header
from proofward.data.csv_problems import CsvRefused, Places, Problems, described
from proofward.data.plausibility import (
    Doubt,
    Readings,
    clipped_by_name,
    column_doubts,
    notes,
    outside,
    table_doubts,
)
from proofward.data.records import Records, to_fixed_point
from proofward.data.schema import DECIMALS, Schema, folded, plain_number
from proofward.layers.model import FixedPoint

_NO_TEXT = "the file is no UTF-8 text: save it as CSV UTF-8"
_TOO_LARGE = re.compile(r"[+-]?[\d.]+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """What a file gave.

    records: in the file's order. clipped: by feature, how many values lay outside the range of inputs; only
    those with any. doubts: what should stop it, unless its owner insists. notes: what is worth a word.
    """

    records: Records
    clipped: Mapping[str, int]
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()


def read_csv(
    path: Path,
    schema: Schema,
    scales: FixedPoint,
    *,
    delimiter: str = "",
    least_rows: int = 1,
    reading: Reading | None = None,
) -> Table:
    """A file's records at scale fa.

    Rows are counted as a spreadsheet does: the header is row 1. delimiter: "" for the usual one. least_rows:
    how many the consortium's training needs. reading: what takes the rows. Raises CsvRefused with all that is
    wrong.
    """
    problems, reading = Problems(), reading or Reading(schema)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter=delimiter or schema.notation.delimiter, strict=True)
            rows = _rows(lines, problems)
            _, cells = next(rows, (1, []))
            header = None
            if any("\0" in cell for cell in cells):  # UTF-16 or no text at all, and yet valid UTF-8
                problems.say(_NO_TEXT)
            else:
                header = read_header(cells, schema, problems)
            if header is not None:
                for number, row in rows:
                    reading.take(header, number, row, problems)
    except UnicodeDecodeError:
        problems.say(_NO_TEXT)
        header = None
    if header is None:
        raise CsvRefused(problems.lines())
    if reading.seen < least_rows:
        problems.say(
            f"too few rows: expected at least {least_rows} records below the header, which one batch of the "
            f"agreed training needs, found {reading.seen}"
        )
    told = () if problems else reading.repeated_identifiers()
    return table_of(reading.readings(header), schema, scales, problems, told)


def table_of(
    readings: Readings, schema: Schema, scales: FixedPoint, problems: Problems, told: Iterable[str] = ()
) -> Table:
    """The records of what was read; told: what else is worth a word.

    Raises CsvRefused where there are problems, with what is doubtful as well.
    """
    normalised = readings.normalised(schema)
    clipped = outside(normalised, scales)
    doubts = column_doubts(readings, schema, clipped, normalised)
    if problems:
        raise CsvRefused([*problems.lines(), *(f"in the rows that could be read: {d.words}" for d in doubts)])
    records = Records(to_fixed_point(normalised, scales), readings.labels)
    return Table(
        records,
        clipped_by_name(schema.features, clipped.sum(axis=0)),
        (*doubts, *table_doubts(readings, schema, records)),
        (*notes(readings), *told),
    )


def _rows(reader: Iterator[list[str]], problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers, without empty ones at the end."""
    number = 0
    empty: list[int] = []
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            problems.say(f"row {number + 1}: {error}; nothing after it could be read")
            return
        if row is None:
            return
        number += 1
        if any(cell.strip() for cell in row):
            for before in empty:
                problems.row(before, "empty rows between others, which have to be removed")
            empty = []
            yield number, row
        else:
            empty.append(number)


class Reading:
    """Rows as they come: numbers and labels of the good ones, problems of the others."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.seen = 0
        self._values, self._labels, self._numbers = array("d"), array("q"), array("q")
        self._identifiers: dict[tuple[str, int], tuple[set[bytes], Places]] = {}

    def take(self, header: Header, number: int, row: list[str], problems: Problems) -> None:
        """A row below the header."""
        self.seen += 1
        if len(row) < header.width or any(cell.strip() for cell in row[header.width :]):
            problems.row(number, f"rows that have not {header.width} cells, as the header has")
            return
        for name, at in header.ignored:
            self._note_identifier(name, at, number, row[at].strip())
        good, values = True, []
        for feature, at in zip(self.schema.features, header.features, strict=True):
            value, what = self._number(row[at])
            if value is None:
                problems.cell(number, at + 1, feature.name, what)
                good = False
            else:
                values.append(value)
        label, what = self.label(row[header.label], number)
        if label is None:
            problems.cell(number, header.label + 1, self.schema.label.column, what)
        elif good:
            self._values.extend(values)
            self._labels.append(label)
            self._numbers.append(number)

    def readings(self, header: Header) -> Readings:
        """The good rows."""
        values = np.array(self._values, dtype=np.float64).reshape(len(self._labels), len(header.features))
        labels = np.array(self._labels, dtype=np.int64)
        return Readings(values, labels, self._numbers, [at + 1 for at in header.features])

    def repeated_identifiers(self) -> list[str]:
        """What ignored columns with mostly different cells, such as patients' numbers, say of repetitions."""
        return [
            f"{described(at + 1, name)} (ignored): {again.count} rows repeat an earlier one's ({again})"
            for (name, at), (seen, again) in self._identifiers.items()
            if 0 < again.count <= len(seen)
        ]

    def _note_identifier(self, name: str, at: int, number: int, cell: str) -> None:
        seen, again = self._identifiers.setdefault((name, at), (set(), Places()))
        if cell:
            digest = hashlib.blake2b(cell.encode(), digest_size=16).digest()
            if digest in seen:
                again.add(number)
            seen.add(digest)

    def _number(self, cell: str) -> tuple[float | None, str]:
        """A cell's number, or None and what is wrong."""
        text, decimal = cell.strip(), self.schema.notation.decimal
        if not text:
            return None, "empty cells"
        if decimal != ".":
            text = "" if "." in text else text.replace(decimal, ".")
        value = plain_number(text)
        if value is None and _TOO_LARGE.fullmatch(text) and text.count(".") < 2:
            return None, "numbers that are too large to be one"
        return value, f"cells that are no number with a decimal {DECIMALS[decimal]}"

    def label(self, cell: str, number: int) -> tuple[int | None, str]:
        """The label in a cell of the row `number`, or None and what is wrong."""
        label, text = self.schema.label, folded(cell)
        if not text:
            return None, "empty cells"
        if label.numbers is not None:
            value, _ = self._number(text)
            found = [index for index, known in enumerate(label.numbers) if known == value]
        else:
            found = [index for index, known in enumerate(label.classes) if folded(known) == text]
        *most, last = label.classes
        words = f"cells that are none of the agreed labels, {', '.join(most)} and {last}"
        return (found[0] if found else None), words
