"""What a model says of new records: a table without labels, the integers that decide, probabilities.

The integers are those of the federation's own evaluation (`layers.local_training.training.scores`): features
are scaled and rounded as at enrolment. Of two classes the score is the logit difference at scale
2^activation_bits, the class is classes[1] where it is above 0, and the probability is its sigmoid. Of more
classes each has a score, its rounded logit; the class is that of the largest, and the probabilities are the
softmax of the scores.

Nothing that is raised here repeats a cell of the file: cells are patients' data.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proofward.data.columns.column_kinds import Category, Encoded, Number, Ordinal, TableColumn
from proofward.data.columns.schema import Notation, folded, plain_number
from proofward.data.reading.plausibility import clipped_by_name, normalised, outside
from proofward.data.reading.records import to_fixed_point
from proofward.data.reading.table_rows import altered
from proofward.data.tables.refusal import FileRefused
from proofward.data.tables.rows import Rows
from proofward.data.tables.table_file import TableFile
from proofward.layers.basics.errors import TrainingError
from proofward.layers.heads.softmax import real_softmax
from proofward.layers.local_training.training import scores as scores_by
from proofward.layers.rules.model import Int64Array
from proofward.report.handover.models.exported_model import ExportedModel, ModelInvalid

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SHOWN = 8
MOST_ERRORS = 10
Seen = Callable[[Int64Array], None]
"""Is given the inputs (n, features) in integers, as the model takes them, in the order of the predictions."""


class TableRefused(ValueError):
    """A file that is not accepted: where and what is wrong, never a value."""


@dataclass(frozen=True)
class NewRecords:
    """values: float64 (n, features). rows: numbers in the file. ignored: columns that are no feature.

    keys: what stands in a column of names, where one was asked for.
    """

    values: NDArray[np.float64]
    rows: tuple[int, ...]
    ignored: tuple[str, ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Predictions:
    """rows: numbers in the file, or names of images. scores: int64 (n,), probabilities: (n,), of classes[1].

    Of more than two classes both are of every class: (n, classes). classes: of each record, by name. clipped:
    by feature, how many values lay outside the range that a model can take.
    """

    rows: tuple[int | str, ...]
    scores: Int64Array
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    clipped: Mapping[str, int]


def predict(model: ExportedModel, records: NewRecords, seen: Seen | None = None) -> Predictions:
    """`seen` is given the inputs. Raises ModelInvalid for weights that no federation can have made."""
    scales, features = model.scales, model.description.features
    scaled = normalised(records.values, features)
    clipped = clipped_by_name(features, outside(scaled, scales).sum(axis=0))
    inputs = to_fixed_point(scaled, scales)
    if seen is not None:
        seen(inputs)
    return predictions(model, records.rows, scores_of(model, inputs), clipped)


def scores_of(model: ExportedModel, inputs: Int64Array) -> Int64Array:
    """The scores of each record, of inputs (n, features) in integers; raises ModelInvalid."""
    try:
        return scores_by(model.model, model.scales, model.weights, inputs)
    except TrainingError as error:
        raise ModelInvalid(f"its weights cannot be computed with: {error}") from error


def predictions(
    model: ExportedModel, rows: Sequence[int | str], scores: Int64Array, clipped: Mapping[str, int]
) -> Predictions:
    """What scores mean."""
    unit = 1 << model.scales.activation_bits
    if scores.ndim == 1:
        probabilities = np.array([_sigmoid(int(score) / unit) for score in scores])
    else:
        probabilities = real_softmax(scores / unit)
    names = model.description.classes
    chosen = tuple(names[number] for number in model.model.head.chosen(scores))
    return Predictions(tuple(rows), scores, probabilities, chosen, clipped)


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    decay = math.exp(max(value, -700.0))
    return decay / (1 + decay)


def read_records(
    file: Rows | Path, columns: Sequence[TableColumn], decimal: str = ".", key: str = ""
) -> NewRecords:
    """The records of a table with a header, which has these columns in any order, and perhaps others.

    Names are compared as at enrolment. Rows are counted as a spreadsheet does: the header is row 1. key: a
    column of names that has to be there as well. Raises TableRefused, with all that is wrong.
    """
    table, usual = TableFile(file) if isinstance(file, Path) else file, Notation(decimal=decimal).delimiter
    mark = _Mark(decimal, table.typed)
    try:
        with table.rows(usual, decimal) as lines:
            rows = _rows(lines)
            _, header = next(rows, (1, []))
            found, names = [folded(name) for name in header], [folded(entry.name) for entry in columns]
            places = _places(found, [*names, *([folded(key)] if key else [])])
            at = places.pop() if key else -1
            values, numbers, keys = _values(rows, found, list(zip(columns, places, strict=True)), mark, at)
    except UnicodeDecodeError as error:
        raise TableRefused("the file is no UTF-8 text: save it as CSV UTF-8") from error
    except FileRefused as error:
        raise TableRefused(str(error)) from error
    if not values:
        raise TableRefused("the file has no records below its header")
    wanted = {*names, folded(key)} if key else set(names)
    ignored = tuple(
        f"column {at} (no name)" if not name or _NUMBER.fullmatch(name) else name
        for at, name in enumerate(found, 1)
        if name not in wanted
    )
    return NewRecords(np.array(values, dtype=np.float64), tuple(numbers), ignored, tuple(keys))


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    while True:
        number += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise TableRefused(f"row {number}: {error}") from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield number, row


def _places(found: Sequence[str], names: Sequence[str]) -> list[int]:
    missing = [name for name in names if name not in found]
    twice = [name for name in names if found.count(name) > 1]
    problems = []
    if len(missing) == len(names):
        problems.append(
            "no column of the model: the first row has to be a header, the delimiter the one that is given"
        )
    if missing:
        problems.append(f"missing {len(missing)} of {len(names)} columns: {listed(missing)}")
    if twice:
        problems.append(f"there twice: {listed(twice)}")
    if problems:
        raise TableRefused(f"row 1: {'; '.join(problems)}")
    return [found.index(name) for name in names]


def _values(
    rows: Iterator[tuple[int, list[str]]],
    header: Sequence[str],
    places: Sequence[tuple[TableColumn, int]],
    mark: _Mark,
    key: int = -1,
) -> tuple[list[list[float]], list[int], list[str]]:
    """The numbers of all rows, and what stands at `key`; raises TableRefused with what is wrong in any."""
    wrong: dict[str, list[int]] = defaultdict(list)
    values: list[list[float]] = []
    numbers: list[int] = []
    keys: list[str] = []
    for number, row in rows:
        if len(row) != len(header):
            wrong[f"not {len(header)} cells, as the header has"].append(number)
            continue
        cells = list[float]()
        for column, place in places:
            found, kind = _encoded(column, row[place].strip(), mark)
            if found is None:
                wrong[f"column {header[place]}: {kind}"].append(number)
            cells += found or ()
        values.append(cells)
        numbers.append(number)
        if key >= 0:
            keys.append(row[key].strip())
    if wrong:
        lines = [f"{what}, in {_counted(at)}" for what, at in list(wrong.items())[:MOST_ERRORS]]
        if len(wrong) > MOST_ERRORS:
            lines.append(f"and {len(wrong) - MOST_ERRORS} more kinds of errors")
        raise TableRefused("; ".join(lines))
    return values, numbers, keys


@dataclass(frozen=True)
class _Mark:
    """decimal: the mark in numbers. typed: whether cells have a type of their own."""

    decimal: str
    typed: bool


def _encoded(column: TableColumn, text: str, mark: _Mark) -> Encoded:
    """What a cell gives, or None and what is wrong."""
    if isinstance(column, Category | Ordinal):
        return column.encode(text)
    if isinstance(column, Number) and (not text or column.codes.has_text(text)):
        return column.encode(None)
    plain = text if mark.decimal == "." else text.replace(".", "?").replace(mark.decimal, ".")
    value = plain_number(plain)
    if mark.typed and (what := altered(text, value)):
        return None, what
    if value is None:
        return None, f"no number with the decimal mark {mark.decimal}" if text else "empty"
    return column.encode(value) if isinstance(column, Number) else ((value,), "")


def _counted(rows: Sequence[int]) -> str:
    if len(rows) == 1:
        return f"row {rows[0]}"
    shown = ", ".join(map(str, rows[:3]))
    return f"{len(rows)} rows ({shown}{', ...' if len(rows) > 3 else ''})"


def listed(names: Sequence[str]) -> str:
    """Names, the first of them if there are many."""
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
