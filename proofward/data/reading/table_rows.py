"""Rows of a table as they come: what the columns give, and what is wrong with the cells.

Nothing that is said here repeats a cell of the file: cells are patients' data.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array

import numpy as np

from proofward.data.columns.column_kinds import Category, Encoded, Number, Ordinal, TableColumn, is_plain
from proofward.data.columns.missing_codes import EMPTY
from proofward.data.columns.schema import DECIMALS, Schema, folded, plain_number
from proofward.data.reading.header import Header
from proofward.data.reading.plausibility import Readings
from proofward.data.reading.problems import Places, Problems, described
from proofward.data.tables.cells import EXACT, is_date, is_truth
from proofward.layers.rules.model import Int64Array

_TOO_LARGE = re.compile(r"[+-]?[\d.]+([eE][+-]?\d+)?", re.ASCII)


class Reading:
    """Rows as they come: numbers and labels of the good ones, problems of the others.

    typed: whether the file's cells have types, so that what is no number can be named.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.seen = 0
        self.typed = False
        self._are_plain = is_plain(schema.features)
        self._width = len(schema.inputs)
        self._salt = os.urandom(16)
        self._patients = dict[bytes, int]()
        self._groups = array("q")
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
        values = self._plain([row[at] for at in header.features]) if self._are_plain else None
        good = values is not None
        if values is None:
            good, values = self._one_by_one(header, number, row, problems)
        patient = -1
        if header.id >= 0 and (found := self._patient(row[header.id])) is not None:
            patient = found
        elif header.id >= 0:
            problems.cell(number, header.id + 1, self.schema.notation.id, EMPTY)
        label, what = self.label(row[header.label], number)
        if label is None:
            problems.cell(number, header.label + 1, self.schema.label.column, what)
        elif good:
            self._groups.append(patient)
            self._values.extend(values)
            self._labels.append(label)
            self._numbers.append(number)

    def _plain(self, cells: list[str]) -> list[float] | None:
        """The numbers in cells that all are plain ones; None where that is not sure."""
        whole = "".join(cells)
        if self.schema.notation.decimal != "." or not whole.isascii() or "_" in whole:
            return None
        try:
            found = list(map(float, cells))
        except ValueError:
            return None
        return found if all(-EXACT < value < EXACT for value in found) else None

    def _one_by_one(
        self, header: Header, number: int, row: list[str], problems: Problems
    ) -> tuple[bool, list[float]]:
        """The numbers of a row, and whether they are all there."""
        good, values = True, list[float]()
        for column, at in zip(self.schema.features, header.features, strict=True):
            found, what = self._encoded(column, row[at])
            if found is None:
                problems.cell(number, at + 1, column.name, what)
                good = False
            else:
                values.extend(found)
        return good, values

    def _encoded(self, column: TableColumn, cell: str) -> Encoded:
        """What a cell gives."""
        if isinstance(column, Category | Ordinal):
            return column.encode(cell.strip())
        if isinstance(column, Number) and (not cell.strip() or column.codes.has_text(cell)):
            return column.encode(None)
        value, what = self.number(cell)
        if value is None:
            return None, what
        return column.encode(value) if isinstance(column, Number) else ((value,), "")

    def readings(self, header: Header) -> Readings:
        """The good rows."""
        values = np.array(self._values, dtype=np.float64).reshape(len(self._labels), self._width)
        labels = np.array(self._labels, dtype=np.int64)
        places = zip(self.schema.features, header.features, strict=True)
        columns = [at + 1 for column, at in places for _ in column.inputs]
        return Readings(values, labels, self._numbers, columns)

    @property
    def patients(self) -> Int64Array | None:
        """Of each good row the number of its patient, from 0 in the order of the file; None without an id."""
        return np.array(self._groups, dtype=np.int64) if self.schema.notation.id else None

    def _patient(self, cell: str) -> int | None:
        """A patient's number among those of this reading; None for an empty cell."""
        if not cell.strip():
            return None
        digest = hashlib.blake2b(folded(cell).encode(), digest_size=16, key=self._salt).digest()
        return self._patients.setdefault(digest, len(self._patients))

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

    def number(self, cell: str) -> tuple[float | None, str]:
        """A cell's number, or None and what is wrong."""
        text, decimal = cell.strip(), self.schema.notation.decimal
        if not text:
            return None, EMPTY
        if decimal != ".":
            text = "" if "." in text else text.replace(decimal, ".")
        value = plain_number(text)
        if self.typed and (what := altered(cell.strip(), value)):
            return None, what
        if value is None and _TOO_LARGE.fullmatch(text) and text.count(".") < 2:
            return None, "numbers that are too large to be one"
        return value, f"cells that are no number with a decimal {DECIMALS[decimal]}"

    def label(self, cell: str, number: int) -> tuple[int | None, str]:
        """The label in a cell of the row `number`, or None and what is wrong."""
        label, text = self.schema.label, folded(cell)
        if not text:
            return None, EMPTY
        if label.numbers is not None:
            value, _ = self.number(text)
            found = [index for index, known in enumerate(label.numbers) if known == value]
        else:
            found = [index for index, known in enumerate(label.classes) if folded(known) == text]
        *most, last = label.classes
        words = f"cells that are none of the agreed labels, {', '.join(most)} and {last}"
        return (found[0] if found else None), words


def altered(text: str, value: float | None) -> str:
    """What is wrong with a typed cell that would not be a number as it is, "" where nothing is known."""
    if value is None:
        if is_date(text):
            return "dates, which are no numbers"
        return "truth values, which are no numbers" if is_truth(text) else ""
    if abs(value) >= EXACT and text.lstrip("+-").isdigit():
        return "whole numbers of 2^53 and above, which no number of 64 bits holds"
    return ""
