"""Tables that a program holds: numpy arrays and data frames, read by the rules of a hospital's CSV file.

The same columns are asked for, the same values refused, and the same integers made of the same numbers. Rows
and columns are counted from 1 in what is said of them, and no value is repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proofward.api.refusals import TablesRefused
from proofward.cli.common.answering import Refused
from proofward.cli.kit.records.data_file import DataFile
from proofward.data.columns.column_kinds import is_plain
from proofward.data.columns.schema import Label, Notation, Schema
from proofward.data.reading.header import read_header
from proofward.data.reading.plausibility import Readings
from proofward.data.reading.problems import CsvRefused, Problems
from proofward.data.reading.table_records import Table, read_table, table_of
from proofward.data.reading.table_rows import Reading
from proofward.layers.rules.model import FixedPoint

MISSING, NO_NUMBER, INFINITE = "missing values", "values that are no number", "values that are not finite"
_REAL = "biuf"
"""Kinds of numpy's types that stand for real numbers."""


@dataclass(frozen=True)
class Held:
    """Columns by their names, the label's among them; each has `count` values of any kind."""

    names: tuple[str, ...]
    columns: tuple[Any, ...]
    count: int

    @classmethod
    def of(cls, x: Any, y: Any, label: str, names: Sequence[str] | None = None) -> Held:
        """A data frame or an array (n, d), and labels (n,) or None for those in the frame's own column.

        names: of an array's columns; `feature-1` and so on where there are none. Raises TablesRefused.
        """
        if is_frame(x):
            titles = [str(name) for name in x.columns]
            columns = [x.iloc[:, at] if hasattr(x, "iloc") else x[x.columns[at]] for at in range(len(titles))]
            count = len(x)
        else:
            array = np.asarray(x)
            if array.ndim != 2:
                words = f"an array of {array.ndim} dimension{'s' if array.ndim != 1 else ''}"
                expected = "rows and columns, an array (n, d) or a data frame"
                raise TablesRefused(f"expected {expected}, found {words}")
            count, width = array.shape
            titles = [f"feature-{at}" for at in range(1, width + 1)] if names is None else list(names)
            if len(titles) != width:
                raise TablesRefused(f"expected {len(titles)} columns, one for each feature, found {width}")
            columns = [array[:, at] for at in range(width)]
        if y is not None:
            labels = np.asarray(y)
            if labels.shape != (count,):
                found = " x ".join(map(str, labels.shape)) or "one value"
                raise TablesRefused(f"expected a label for each of the {count} rows, found {found}")
            titles.append(label)
            columns.append(y)
        return cls(tuple(titles), tuple(columns), count)

    def numbers(self, at: int, problems: Problems) -> NDArray[np.float64]:
        """A column's numbers, not finite where there is a problem."""
        found, wrong = as_numbers(self.columns[at])
        for row, what in wrong:
            problems.cell(row + 1, at + 1, self.names[at], what)
        return found

    def texts(self, at: int) -> list[str]:
        """What stands in a column of labels, as a CSV file would have it."""
        return [as_text(value) for value in np.asarray(self.columns[at], dtype=object)]

    typed: ClassVar[bool] = True
    """Whether cells have types, see `data.tables.table_file.TableFile`."""

    @contextmanager
    def rows(self, usual: str = ",", decimal: str = ".") -> Iterator[Iterator[list[str]]]:
        """The header and every row, as a file would have them."""
        columns = [[as_text(value).replace(".", decimal) if isinstance(value, Real) else as_text(value)
                    for value in np.asarray(column, dtype=object)] for column in self.columns]  # fmt: skip
        yield iter([list(self.names), *map(list, zip(*columns, strict=True))])

    def originals(self, at: int, label: Label) -> dict[int, Any]:
        """By class, the first value that stands for it in a column."""
        values, found = np.asarray(self.columns[at], dtype=object), dict[int, Any]()
        reading = Reading(Schema((), Notation(label)))
        for text, first in zip(*np.unique(np.array(self.texts(at)), return_index=True), strict=True):
            number, _ = reading.label(str(text), 0)
            if number is not None:
                found.setdefault(number, values[first])
        return found


def is_frame(value: Any) -> bool:
    """Whether it is a data frame, of pandas or another package that has such."""
    return hasattr(value, "columns") and hasattr(value, "to_numpy")


def as_text(value: Any) -> str:
    """What a CSV file would have for a label; "" for one that is missing."""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        if math.isnan(number):
            return ""
        return str(int(number)) if number.is_integer() else repr(number)
    return "" if _missing(value) else str(value).strip()


def as_numbers(column: Any) -> tuple[NDArray[np.float64], list[tuple[int, str]]]:
    """A column's numbers, and (position from 0, what is wrong) of values that are none."""
    kind = getattr(getattr(column, "dtype", None), "kind", "O")
    if kind in _REAL and hasattr(column, "to_numpy"):
        found = np.asarray(column.to_numpy(dtype=np.float64, na_value=math.nan))
    elif np.asarray(column).dtype.kind in _REAL:
        found = np.asarray(column, dtype=np.float64)
    else:
        return _one_by_one(np.asarray(column, dtype=object))
    wrong = np.flatnonzero(~np.isfinite(found))
    return found, [(int(at), MISSING if np.isnan(found[at]) else INFINITE) for at in wrong]


def _one_by_one(values: NDArray[Any]) -> tuple[NDArray[np.float64], list[tuple[int, str]]]:
    found, wrong = np.full(len(values), math.nan), []
    for at, value in enumerate(values):
        if _missing(value):
            wrong.append((at, MISSING))
        elif not isinstance(value, Real):
            wrong.append((at, NO_NUMBER))
        elif not math.isfinite(number := _float(value)):
            wrong.append((at, MISSING if math.isnan(number) else INFINITE))
        else:
            found[at] = number
    return found, wrong


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _missing(value: Any) -> bool:
    """None, and what packages have for a missing value: it is not known to be equal to itself."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


@dataclass(frozen=True)
class HeldTable(DataFile):
    """A table that is held instead of a file; path: what it is called."""

    held: Held = field(default_factory=lambda: Held((), (), 0))

    def rows(self) -> Held:
        """See DataFile."""
        return self.held

    def _table(self, schema: Schema, scales: FixedPoint, least_rows: int) -> Table:
        problems, held = Problems(), self.held
        if schema.notation.id or not is_plain(schema.features):
            try:
                return read_table(held, schema, scales, least_rows=least_rows)
            except CsvRefused as error:
                raise Refused(f"{self.path}: nothing was taken in", error.problems) from error
        header = read_header(held.names, schema, problems)
        if header is None:
            lines = [line.removeprefix("row 1: ") for line in problems.lines()]
            raise Refused(f"{self.path}: nothing was taken in", lines)
        values = np.column_stack([held.numbers(at, problems) for at in header.features])
        labels = self._labels(schema, header.label, problems)
        if held.count < least_rows:
            problems.say(
                f"too few rows: expected at least {least_rows}, which one batch of the agreed training "
                f"needs, found {held.count}"
                if least_rows > 1
                else "there are no rows"
            )
        good = np.isfinite(values).all(axis=1) & (labels >= 0)
        readings = Readings(
            np.ascontiguousarray(values[good]),
            labels[good],
            [int(at) + 1 for at in np.flatnonzero(good)],
            [at + 1 for at in header.features],
        )
        try:
            return table_of(readings, schema, scales, problems)
        except CsvRefused as error:
            raise Refused(f"{self.path}: nothing was taken in", error.problems) from error

    def _labels(self, schema: Schema, at: int, problems: Problems) -> NDArray[np.int64]:
        """Numbers of classes, -1 where there is a problem."""
        reading = Reading(schema)
        texts = self.held.texts(at)
        known = {text: reading.label(text, 0) for text in dict.fromkeys(texts)}
        found = np.full(len(texts), -1, dtype=np.int64)
        for row, text in enumerate(texts):
            label, what = known[text]
            if label is None:
                problems.cell(row + 1, at + 1, schema.label.column, what if text else MISSING)
            else:
                found[row] = label
        return found
