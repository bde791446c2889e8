"""Signs that a table would spoil a study although every cell can be read: a unit mixed up, rows repeated.

A doubt stops the table until its owner insists; a note is only told. Neither repeats a value, and neither
leaves the hospital: which checks a table fails says something about its records.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.data.columns.schema import Feature, Schema
from proofward.data.reading.problems import Places, described
from proofward.data.reading.records import Records
from proofward.layers.rules.model import FixedPoint

FAR = 1000.0
BY_CHANCE = 100
"""Repeated records say something where so many times more different ones could be made than there are."""
CLIPPED, BEYOND_REASON, CONSTANT, ONE_CLASS = "clipped", "beyond reason", "constant", "one class"
DUPLICATES = "duplicates"
CHECKS = (CLIPPED, BEYOND_REASON, CONSTANT, ONE_CLASS, DUPLICATES)
"""Of a table."""
IMAGES = "images"
"""Whatever speaks against a set of images, besides ONE_CLASS."""


@dataclass(frozen=True)
class Doubt:
    """check: one of CHECKS, or IMAGES. column: the feature's name, "" for none. words: for people."""

    check: str
    column: str
    words: str

    @property
    def short(self) -> str:
        """What is kept of it: no count."""
        return f"{self.check}: {self.column}" if self.column else self.check


def short_doubts(doubts: Iterable[Doubt]) -> list[str]:
    """What is kept of doubts about one table."""
    return list(dict.fromkeys(doubt.short for doubt in doubts))


@dataclass(frozen=True)
class Readings:
    """What was read: values float64 (n, d), labels int64 (n,).

    rows: where in the file each is, counted from 1. columns: likewise, of each feature.
    """

    values: NDArray[np.float64]
    labels: NDArray[np.int64]
    rows: Sequence[int]
    columns: Sequence[int]

    def normalised(self, schema: Schema) -> NDArray[np.float64]:
        """Its numbers, scaled."""
        return normalised(self.values, schema.inputs)


def normalised(values: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """(x - centre) / spread of (n, features), infinite where that is too large for a number."""
    centre = np.array([feature.centre for feature in features], dtype=np.float64)
    spread = np.array([feature.spread for feature in features], dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray((values - centre) / spread)


def outside(normalised: NDArray[np.float64], scales: FixedPoint) -> NDArray[np.bool_]:
    """Which values lie outside the range of inputs, and are clipped to it."""
    low, high = scales.input_range
    with np.errstate(over="ignore"):
        scaled = np.rint(normalised * (1 << scales.activation_bits))
    return np.asarray((scaled < low) | (scaled > high))


def clipped_by_name(features: Sequence[Feature], counts: NDArray[np.int64]) -> dict[str, int]:
    """Of each feature of which some values lie outside, how many."""
    return {entry.name: int(count) for entry, count in zip(features, counts, strict=True) if count}


def column_doubts(
    readings: Readings, schema: Schema, clipped: NDArray[np.bool_], normalised: NDArray[np.float64]
) -> list[Doubt]:
    """Columns of which more is clipped than was agreed, and values that no measurement yields."""
    doubts, count, limit = [], len(readings.rows), schema.notation.clipped_percent
    far = np.abs(normalised) > FAR
    for at, feature in enumerate(schema.inputs):
        where, hits = described(readings.columns[at], feature.name), int(clipped[:, at].sum())
        if 100 * hits > limit * count:
            unit = f"in {feature.unit}" if feature.unit else "in the agreed unit"
            words = f"{where}: clipped to the range of inputs are {hits} of {count} values, more than the"
            words = f"{words} agreed {limit} percent; is the column {unit}?"
            doubts.append(Doubt(CLIPPED, feature.name, words))
        if far[:, at].any():
            places = _places(readings.rows, far[:, at])
            words = f"{where}: values more than {FAR:.0f} spreads from the centre: {places.count} ({places})"
            doubts.append(Doubt(BEYOND_REASON, feature.name, words))
    return doubts


def table_doubts(readings: Readings, schema: Schema, records: Records) -> list[Doubt]:
    """Columns that say nothing, and one class only."""
    doubts, count = [], len(records)
    same = (records.features == records.features[:1]).all(axis=0)
    start = 0
    for column in schema.features:
        start, end = start + len(column.inputs), start
        if count > 1 and same[end:start].all():
            where = described(readings.columns[end], column.name)
            words = f"{where}: constant, all {count} values are the same once they are normalised"
            doubts.append(Doubt(CONSTANT, column.name, words))
    if len(np.unique(records.labels)) == 1:
        doubts.append(Doubt(ONE_CLASS, "", f"all {count} records have one label"))
    return doubts


def repetition(readings: Readings, schema: Schema) -> tuple[list[Doubt], list[str]]:
    """What is doubtful, and what is told only, of records that repeat an earlier one.

    Where there are few features of few values, rows repeat by chance.
    """
    copies, count = repeated_rows(readings), len(readings.rows)
    if not copies.count:
        return [], []
    words = f"{copies.count} of {count} records repeat an earlier one to the last digit"
    limit = schema.notation.duplicate_percent
    if 100 * copies.count <= limit * count or _possible(readings, schema) < BY_CHANCE * count:
        return [], [f"{words} ({copies})"]
    words = f"{words}, more than the agreed {limit} percent ({copies}); was something exported twice?"
    return [Doubt(DUPLICATES, "", words)], []


def _possible(readings: Readings, schema: Schema) -> int:
    """How many different records could be made of what stands in each column."""
    different, start = [len(np.unique(readings.labels))], 0
    for column in schema.features:
        end = start + len(column.inputs)
        different.append(len(np.unique(readings.values[:, start:end], axis=0)))
        start = end
    return math.prod(different)


def repeated_rows(readings: Readings) -> Places:
    """Rows that have all features and the label of an earlier one."""
    seen: set[bytes] = set()
    found = Places()
    whole = np.column_stack([readings.values + 0.0, readings.labels])  # -0.0 becomes 0.0
    for row, cells in zip(readings.rows, whole, strict=True):
        digest = hashlib.blake2b(cells.tobytes(), digest_size=16).digest()
        if digest in seen:
            found.add(row)
        seen.add(digest)
    return found


def _places(rows: Sequence[int], chosen: NDArray[np.bool_]) -> Places:
    found = Places()
    for at in np.flatnonzero(chosen):
        found.add(rows[int(at)])
    return found
