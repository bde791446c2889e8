"""A table's columns in memory: numbers as doubles, what kind each cell is, and what tells cells apart.

Values stay here: who describes a column to people takes its counts and averages.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from proofward.data.tables.batches import Batches
from proofward.data.tables.cells import EXACT, Column, is_date, is_missing, is_truth, texts
from proofward.data.tables.limits import BATCH_ROWS, check_extent
from proofward.data.tables.refusal import FileRefused
from proofward.data.tables.rows import Rows

MISSING, NUMBER, TEXT, DATE, TRUTH = range(5)
KINDS = ("missing", "numbers", "texts", "dates", "truth values")
_DATE = re.compile(r"\d{1,2}[./]\d{1,2}[./]\d{2,4}", re.ASCII)
_ABSENT = np.int64(-(1 << 62) - 12345)
Parse = Callable[[str], float | None]


class Openable(Rows, Protocol):
    """A table's file, or a data frame."""

    def batches(self) -> Any:
        """See TableFile."""


@dataclass(frozen=True)
class Contents:
    """A column. kinds: int8 (n,), of KINDS. numbers: float64 (n,), NaN where there is none.

    identity: int64 (n,), the same for cells that hold the same, and _ABSENT for those that hold nothing.
    levels: how often each text stands there. quoted: numbers that a file with types holds as texts.
    """

    name: str
    kinds: NDArray[np.int8]
    numbers: NDArray[np.float64]
    identity: NDArray[np.int64]
    levels: Counter[str]
    quoted: int = 0

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which cells hold something."""
        return np.asarray(self.kinds != MISSING)

    def count(self, kind: int) -> int:
        """Cells of this kind."""
        return int((self.kinds == kind).sum())


@dataclass
class _Builder:
    """A column that grows, batch by batch."""

    name: str
    parse: Parse
    typed: bool
    decimal: str = "."
    parts: list[tuple[Any, Any, Any]] = field(default_factory=list)
    levels: Counter[str] = field(default_factory=Counter)
    known: dict[str, int] = field(default_factory=dict)
    told: list[tuple[int, float, int]] = field(default_factory=list)
    quoted: int = 0

    def add(self, cells: Column) -> None:
        """More cells."""
        if isinstance(cells, np.ndarray) and cells.dtype.kind in "iuf":
            numbers = cells.astype(np.float64)
            if cells.dtype.kind == "f" or (np.abs(numbers) < EXACT).all():
                self._doubles(numbers)
                return
        listed: Any = cells.tolist() if isinstance(cells, np.ndarray) else cells
        types = set(map(type, listed))
        if types == {float}:
            self._doubles(np.array(listed, dtype=np.float64))
        elif types <= {int, type(None)} and all(cell is None or abs(cell) < EXACT for cell in listed):
            self._doubles(np.array([np.nan if cell is None else cell for cell in listed], dtype=np.float64))
        elif types != {str} or not self._all_numbers(listed):
            self._one_by_one(listed, types)

    def _doubles(self, numbers: NDArray[np.float64]) -> None:
        missing = np.isnan(numbers)
        identity = (numbers + 0.0).view(np.int64)
        identity[missing] = _ABSENT
        self.parts.append((np.where(missing, MISSING, NUMBER).astype(np.int8), numbers, identity))

    def _all_numbers(self, cells: list[str]) -> bool:
        """Takes texts that are numbers, or nothing; False where one is another, and nothing is taken."""
        filled = [cell for cell in cells if cell]
        whole = "".join(filled)
        if self.parse("1.5") is None or not whole.isascii() or "_" in whole:
            return False
        try:
            found = np.array(list(map(float, filled)), dtype=np.float64)
        except ValueError:
            return False
        if not np.isfinite(found).all():
            return False
        numbers = np.full(len(cells), np.nan)
        numbers[np.fromiter(map(bool, cells), dtype=bool, count=len(cells))] = found
        self.quoted += len(filled) if self.typed else 0
        self._doubles(numbers)
        return True

    def _one_by_one(self, cells: list[object], types: set[type]) -> None:
        """Takes cells of any kind: each text is looked at once."""
        written: list[str] = texts(cells, self.decimal)
        for text in dict.fromkeys(written):
            if text not in self.known:
                self.known[text] = len(self.told)
                self.told.append(self._told(text))
        codes = np.fromiter(map(self.known.__getitem__, written), np.int64, len(written))
        kinds, numbers, identity = map(np.array, zip(*self.told, strict=True))
        kinds, numbers, identity = kinds[codes].astype(np.int8), numbers[codes], identity[codes]
        if self.typed and str in types:
            self.quoted += sum(type(cells[at]) is str for at in np.flatnonzero(kinds == NUMBER))
        if int in types:  # of which a double may not hold all digits
            for at, cell in enumerate(cells):
                if type(cell) is int and abs(cell) >= EXACT:
                    identity[at] = hash(cell)
        often = np.bincount(codes, minlength=len(self.told))
        for text, code in self.known.items():
            if often[code] and self.told[code][0] in (TEXT, TRUTH):
                self.levels[text.strip()] += int(often[code])
        self.parts.append((kinds, numbers.astype(np.float64), identity.astype(np.int64)))

    def _told(self, text: str) -> tuple[int, float, int]:
        """What a text is: its kind, its number and its identity."""
        if is_missing(text):
            return MISSING, np.nan, int(_ABSENT)
        number = self.parse(text.strip())
        if number is not None:
            return NUMBER, number, int(np.float64(number + 0.0).view(np.int64))
        stripped = text.strip()
        kind = (
            DATE if is_date(stripped) or _DATE.fullmatch(stripped) else TRUTH if is_truth(stripped) else TEXT
        )
        return kind, np.nan, hash(stripped)

    def contents(self) -> Contents:
        """What has come together."""
        empty = np.zeros(0, np.int8), np.zeros(0), np.zeros(0, np.int64)
        kinds, numbers, identity = map(np.concatenate, zip(empty, *self.parts, strict=True))
        return Contents(self.name, kinds, numbers, identity, self.levels, self.quoted)


def contents_of(file: Openable, parse: Parse, usual: str = ",", decimal: str = ".") -> list[Contents]:
    """All columns of a table.

    parse: a text's number, or None, with the mark `decimal`. usual: the delimiter of a CSV file that says
    none. Raises FileRefused, TablesExtraMissing, UnicodeDecodeError.
    """
    if file.typed:
        with file.batches() as table:
            return _built(table, parse, True, decimal)
    with file.rows(usual) as rows:
        header = _first(rows)
        if any("\0" in name for name in header):
            raise FileRefused("text in UTF-8", "another encoding")
        while header and not header[-1].strip():
            header.pop()
        table = Batches([name.strip() for name in header], _transposed(rows, len(header)))
        return _built(table, parse, False, decimal)


def _first(rows: Iterator[list[str]]) -> list[str]:
    try:
        return next(rows, [])
    except csv.Error as error:
        raise FileRefused("a header", f"a row that cannot be read: {error}") from None


def _transposed(rows: Iterator[list[str]], width: int) -> Iterator[list[Column]]:
    """Columns of full rows; raises FileRefused, with the row, for others."""
    number = 1
    while True:
        try:
            batch = list(islice(rows, BATCH_ROWS))
        except csv.Error as error:
            raise FileRefused(
                "rows of cells", f"one behind row {number} that cannot be read: {error}"
            ) from None
        if not batch:
            return
        whole = []
        for row in batch:
            number += 1
            if len(row) == width:
                whole.append(row)
            elif len(row) > width and not any(cell.strip() for cell in row[width:]):
                whole.append(row[:width])
            elif any(cell.strip() for cell in row):
                raise FileRefused(
                    f"{width} cells in each row, as the header has", f"{len(row)} in row {number}"
                )
        if whole:
            yield [list(column) for column in zip(*whole, strict=True)]


def _built(table: Batches, parse: Parse, typed: bool, decimal: str) -> list[Contents]:
    builders = [_Builder(name, parse, typed, decimal) for name in table.names]
    rows = 0
    for batch in table.columns:
        if len(batch) != len(builders):
            raise FileRefused(f"{len(builders)} columns, as the header has", str(len(batch)))
        rows += len(batch[0]) if batch else 0
        check_extent(rows, len(builders))
        for builder, cells in zip(builders, batch, strict=True):
            builder.add(cells)
    return [builder.contents() for builder in builders]
