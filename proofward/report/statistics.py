"""What the summed vectors say: centre, spread, quantiles and distribution of each column, and how precisely.

Precision. Numbers enter centre and spread with their places in the column's range, which are rounded to
2^-16 of it: each of both is off by at most half of such a place. Numbers outside the range count as its ends.
A hospital with fewer values of the column than the least count has no part in them. A quantile is known up to
the interval that it lies in; small counts that hospitals left out may lie anywhere, and the ends that are
given with it allow for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from proofward.data.column_kinds import Category, Ordinal, TableColumn
from proofward.data.schema import Schema
from proofward.data.statistics_layout import schema_of
from proofward.statistics.counts import Signed, from_limbs, parts_of, ranges_of
from proofward.statistics.intervals import NO_RANGE, Range
from proofward.statistics.layout import BINS, HISTOGRAMS, MOMENTS, PLACES, REST, SUM_LIMBS, SUMS, Layout

PERCENTS = (1, 5, 25, 50, 75, 95, 99)
DIGITS = 6
LABEL_KIND = "label"


@dataclass(frozen=True)
class Quantile:
    """value: the best guess. low, high: between which it surely lies; None where no end of it is known."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Numbers:
    """Of a column of numbers. below, above: how many lie outside the range; bins: within, by equal intervals.

    hidden: how many are in no interval, since a hospital had fewer than the least count in theirs.
    """

    range: Range
    below: int
    bins: tuple[int, ...]
    above: int
    hidden: int
    quantiles: Mapping[int, Quantile]


@dataclass(frozen=True)
class Moments:
    """counted: of how many values. precision: centre and spread are off by at most that."""

    counted: int
    centre: float
    spread: float
    precision: float

    def rounded(self) -> tuple[float, float]:
        """Centre and spread as a data dictionary has them, see `Statistics.constants`."""
        if not self.spread > 0:
            return float(f"{self.centre:.{DIGITS}g}"), 1.0
        places = DIGITS - 1 - math.floor(math.log10(self.spread))
        return round(self.centre, places) + 0.0, float(f"{self.spread:.{DIGITS}g}")


@dataclass(frozen=True)
class ColumnStatistics:
    """present: numbers, or cells with a level; missing, unknown: cells without a value, or with another one.

    withheld: cells that are missing or unknown and counted neither way, since a hospital had few of them.
    levels: how many cells have each; rare: how many have one of which a hospital had few.
    moments: None of a category, and where every hospital has too few values.
    """

    name: str
    kind: str
    unit: str
    present: int
    missing: int
    unknown: int
    withheld: int
    numbers: Numbers | None = None
    levels: Mapping[str, int] | None = None
    rare: int = 0
    moments: Moments | None = None

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return self.present + self.missing + self.unknown + self.withheld


@dataclass(frozen=True)
class Statistics:
    """columns: in the order of the schema, the label behind them. layout: by which they were counted."""

    layout: Layout
    schema: Schema
    columns: tuple[ColumnStatistics, ...]

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return self.columns[-1].rows

    def constants(self) -> dict[str, tuple[float, float]]:
        """Centre and spread of each column of numbers or an order of which they are known, by its name.

        Both have six digits of the spread; a constant column has the spread 1.
        """
        return {own.name: own.moments.rounded() for own in self.columns if own.moments is not None}


def statistics_of(layout: Layout, sums: Mapping[str, Signed]) -> Statistics:
    """sums: over all hospitals, by step. Raises FeaturesInvalid where the layout is not its dictionary's."""
    schema, ranges = schema_of(layout), ranges_of(layout, sums)
    histograms = parts_of(layout, HISTOGRAMS, sums[HISTOGRAMS])
    moments = parts_of(layout, MOMENTS, sums[MOMENTS]) if MOMENTS in sums else {}
    found = []
    for at, column in enumerate(schema.features):
        own = ranges.get(at, NO_RANGE)
        numbers, levels, rare, present = _distribution(column, at, histograms, own)
        summed = moments.get((at, SUMS))
        found.append(
            _column(
                _name(column), histograms[at, REST], present, numbers, levels, rare,
                None if summed is None else _moments(summed, own),
            )
        )  # fmt: skip
    label, at = schema.label, len(schema.features)
    levels, rare, present = _levels(label.classes, histograms[at, PLACES])
    named = (label.column, LABEL_KIND, "")
    found.append(_column(named, histograms[at, REST], present, None, levels, rare, None))
    return Statistics(layout, schema, tuple(found))


def _name(column: TableColumn) -> tuple[str, str, str]:
    if isinstance(column, Category | Ordinal):
        return column.name, "category" if isinstance(column, Category) else "ordinal", ""
    return column.name, "number", column.unit


def _column(
    name: tuple[str, str, str],
    rest: Signed,
    present: int,
    numbers: Numbers | None,
    levels: Mapping[str, int] | None,
    rare: int,
    moments: Moments | None,
) -> ColumnStatistics:
    return ColumnStatistics(*name, present, *map(int, rest), numbers, levels, rare, moments)


def _distribution(
    column: TableColumn, at: int, histograms: Mapping[tuple[int, str], Signed], own: Range
) -> tuple[Numbers | None, Mapping[str, int] | None, int, int]:
    if isinstance(column, Category | Ordinal):
        return None, *_levels(column.levels, histograms[at, PLACES])
    counts = histograms[at, BINS]
    below, *bins, above, hidden = map(int, counts)
    found = Numbers(own, below, tuple(bins), above, hidden, _quantiles(own, counts[:-1], hidden))
    return found, None, 0, int(counts.sum())


def _levels(names: tuple[str, ...], counts: Signed) -> tuple[Mapping[str, int], int, int]:
    return dict(zip(names, map(int, counts[:-1]), strict=True)), int(counts[-1]), int(counts.sum())


def _moments(sums: Signed, own: Range) -> Moments | None:
    count = int(sums[0])
    if not count:
        return None
    total = Fraction(from_limbs(sums[1 : 1 + SUM_LIMBS]), count)
    squares = Fraction(from_limbs(sums[1 + SUM_LIMBS :]), count)
    centre, spread = own.low + own.unit * float(total), own.unit * math.sqrt(float(squares - total * total))
    return Moments(count, centre, spread, 0.0 if own.unit == 1 else own.unit / 2)


def _quantiles(own: Range, counts: Signed, hidden: int) -> dict[int, Quantile]:
    """Of the values in order, the first at which so many percent are reached."""
    known = int(counts.sum())
    if not known:
        return {}
    borders = own.borders(len(counts) - 2)
    cumulated = np.cumsum(counts)
    found = {}
    for percent in PERCENTS:
        rank = -(-percent * (known + hidden) // 100)
        low = int(np.searchsorted(cumulated, max(rank - hidden, 0))) if rank > hidden else 0
        high = int(np.searchsorted(cumulated, rank)) if rank <= known else len(counts) - 1
        value = _within(borders, counts, cumulated, -(-percent * known // 100))
        found[percent] = Quantile(
            value,
            None if low == 0 else float(borders[low - 1]),
            None if high == len(counts) - 1 else float(borders[high]),
        )
    return found


def _within(borders: NDArray[np.float64], counts: Signed, cumulated: Signed, rank: int) -> float:
    """Where the value of a rank lies if those of an interval lie evenly."""
    at = int(np.searchsorted(cumulated, max(rank, 1)))
    if at == 0 or at == len(counts) - 1:
        return float(borders[0] if at == 0 else borders[-1])
    share = (rank - int(cumulated[at - 1]) - 0.5) / int(counts[at])
    return float(borders[at - 1] + (borders[at] - borders[at - 1]) * share)
