"""Records from a CSV file with a header: columns by name, normalised with public constants.

Nothing that is raised or said here repeats a cell of the file: cells are patients' data.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proofward.data.records import Records, to_fixed_point
from proofward.layers.model import FixedPoint

FEATURES_NAME = "features.json"
MAX_NAME = 200
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SHOWN = 5


class CsvRefused(ValueError):
    """A file that is not accepted: where and what is wrong, never a value."""


class FeaturesInvalid(ValueError):
    """Constants of features that make no sense."""


@dataclass(frozen=True)
class Feature:
    """A value x of the column `name` becomes (x - centre) / spread."""

    name: str
    centre: float
    spread: float

    def __post_init__(self) -> None:
        name = self.name
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            raise FeaturesInvalid(f"name of a feature: expected 1 to {MAX_NAME} characters, found {name!r}")
        if name != name.strip():
            raise FeaturesInvalid(f"feature {name!r}: expected a name without spaces at its ends")
        for field in ("centre", "spread"):
            value = getattr(self, field)
            if type(value) not in (int, float) or not math.isfinite(value):
                raise FeaturesInvalid(f"{field} of feature {name}: expected a number, found {value!r}")
        if self.spread <= 0:
            raise FeaturesInvalid(f"spread of feature {name}: expected more than 0, found {self.spread!r}")


def check_features(features: Sequence[Feature]) -> None:
    """Raises FeaturesInvalid when two have one name."""
    names = [feature.name for feature in features]
    for name in names:
        if names.count(name) > 1:
            raise FeaturesInvalid(f"features: expected distinct names, found {name} twice")


def features_to_bytes(features: Sequence[Feature]) -> bytes:
    """The file that every hospital's kit holds: the same bytes for the same constants."""
    plain = [
        {"name": entry.name, "centre": float(entry.centre), "spread": float(entry.spread)}
        for entry in features
    ]
    return (json.dumps(plain, indent=1) + "\n").encode()


def features_from_bytes(data: bytes) -> tuple[Feature, ...]:
    """Inverse of `features_to_bytes`; raises FeaturesInvalid."""
    try:
        entries = json.loads(data)
        features = tuple(Feature(**entry) for entry in entries)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        if isinstance(error, FeaturesInvalid):
            raise
        raise FeaturesInvalid(f"expected a list of name, centre and spread: {error}") from error
    check_features(features)
    return features


@dataclass(frozen=True)
class Table:
    """What a file gave, and what had to be brought into range.

    records: in the file's order. clipped: by feature, how many values lay outside the range; only those with
    any.
    """

    records: Records
    clipped: Mapping[str, int]


def read_csv(
    path: Path, features: Sequence[Feature], label: str, scales: FixedPoint, delimiter: str = ","
) -> Table:
    """A file's records at scale fa.

    Rows are counted as a spreadsheet does: the header is row 1. Raises CsvRefused.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _rows(csv.reader(file, delimiter=delimiter, strict=True))
            _, header = next(rows, (1, []))
            columns = _columns(header, features, label)
            values, labels = _cells(rows, header, columns, label)
    except UnicodeDecodeError as error:
        raise CsvRefused("the file is no UTF-8 text: save it as CSV UTF-8") from error
    if not values:
        raise CsvRefused("the file has no records below its header")
    centre = np.array([feature.centre for feature in features])
    spread = np.array([feature.spread for feature in features])
    normalised = (np.array(values, dtype=np.float64) - centre) / spread
    low, high = scales.input_range
    scaled = np.rint(normalised * (1 << scales.activation_bits))
    outside = ((scaled < low) | (scaled > high)).sum(axis=0)
    clipped = {feature.name: int(count) for feature, count in zip(features, outside, strict=True) if count}
    return Table(Records(to_fixed_point(normalised, scales), np.array(labels, dtype=np.int64)), clipped)


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers, without empty ones at the end."""
    number, empty = 0, 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise CsvRefused(f"row {number + 1}: {error}") from error
        if row is None:
            return
        number += 1
        if any(cell.strip() for cell in row):
            if empty:
                raise CsvRefused(f"row {empty} is empty: remove it")
            yield number, row
        elif not empty:
            empty = number


def _columns(header: list[str], features: Sequence[Feature], label: str) -> list[int]:
    """Positions of the features' columns, then the label's.

    A first row without any expected name may be a patient's: it is not repeated.
    """
    found = [name.strip() for name in header]
    wanted = [*(feature.name for feature in features), label]
    if len(set(wanted)) != len(wanted):
        raise CsvRefused(f"the label's column has the name of a feature, {label}")
    if not set(found) & set(wanted):
        raise CsvRefused(
            "row 1: none of the expected column names; the first row has to be a header, "
            f"the delimiter the one that is given; expected {_listed(wanted)}"
        )
    problems = []
    for name in wanted:
        if found.count(name) > 1:
            problems.append(f"column {name} is there twice")
    if missing := [name for name in wanted if name not in found]:
        problems.append(f"missing: {_listed(missing)}")
    extra = [
        f"column {position} (no name)" if not name or _NUMBER.fullmatch(name) else name
        for position, name in enumerate(found, 1)
        if name not in wanted
    ]
    if extra:
        problems.append(f"not expected: {_listed(extra)}")
    if problems:
        raise CsvRefused(f"row 1: {'; '.join(problems)}")
    return [found.index(name) for name in wanted]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _cells(
    rows: Iterator[tuple[int, list[str]]], header: list[str], columns: list[int], label: str
) -> tuple[list[list[float]], list[int]]:
    values, labels = [], []
    for number, row in rows:
        if len(row) != len(header):
            raise CsvRefused(f"row {number}: expected {len(header)} cells, found {len(row)}")
        numbers = [_number(row[column], number, header[column].strip()) for column in columns]
        if numbers[-1] not in (0.0, 1.0):
            raise CsvRefused(f"row {number}, column {label}: expected a label of 0 or 1")
        values.append(numbers[:-1])
        labels.append(int(numbers[-1]))
    return values, labels


def _number(cell: str, row: int, column: str) -> float:
    text = cell.strip()
    if not text:
        raise CsvRefused(f"row {row}, column {column}: the cell is empty")
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(value):
        raise CsvRefused(f"row {row}, column {column}: expected a number with a decimal point")
    return value
