"""What the summed vectors say: centre, spread, quantiles and distribution of each column, and how precisely.

Precision. Numbers enter centre and spread with their places in the column's range, which are rounded to
2^-16 of it: each of both is off by at most half of such a place. Numbers outside the range count as its ends.
A hospital with fewer values of the column than the least count has no part in them. A quantile is known up to
the interval that it lies in; small counts that hospitals left out may lie anywhere, and the ends that are
given with it allow for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofward.data.columns.column_kinds import Category, Ordinal, TableColumn
from proofward.data.columns.schema import Schema
from proofward.data.columns.statistics_layout import schema_of
from proofward.statistics.counts import Signed, from_limbs, parts_of, ranges_of
from proofward.statistics.intervals import NO_RANGE, ROUGH_BORDERS, UNIT_BITS, Range
from proofward.statistics.layout import (
    BINS,
    HISTOGRAMS,
    MOMENTS,
    OUTLINE,
    PLACES,
    REST,
    ROUGH,
    SUM_LIMBS,
    SUMS,
    Layout,
)
from proofward.statistics.nested import Cumulated, Nested

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
    moments: None of a category, where every hospital has too few values, and where no values have such sums:
        then a hospital has told others than its own.
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


def statistics_of(layout: Layout, sums: Mapping[str, Signed], alike: bool = True) -> Statistics:
    """sums: over hospitals, by step; alike: whether all are over the same ones, so that they can be joined.

    Raises FeaturesInvalid where the layout is not its dictionary's.
    """
    schema, ranges = schema_of(layout), ranges_of(layout, sums)
    histograms = parts_of(layout, HISTOGRAMS, sums[HISTOGRAMS])
    outline = parts_of(layout, OUTLINE, sums[OUTLINE]) if alike and OUTLINE in sums else {}
    moments = parts_of(layout, MOMENTS, sums[MOMENTS]) if MOMENTS in sums else {}
    found = []
    for at, column in enumerate(schema.features):
        own = ranges.get(at, NO_RANGE)
        numbers = levels = None
        if isinstance(column, Category | Ordinal):
            levels, rare, present = _levels(column.levels, histograms[at, PLACES, 0])
        else:
            numbers, rare = _numbers(at, histograms, outline.get((at, ROUGH, 0)), own, layout), 0
            present = numbers.below + sum(numbers.bins) + numbers.above + numbers.hidden
        summed = moments.get((at, SUMS, 0))
        found.append(
            _column(
                _name(column), histograms[at, REST, 0], present, numbers, levels, rare,
                None if summed is None else _moments(summed, own),
            )
        )  # fmt: skip
    label, at = schema.label, len(schema.features)
    levels, rare, present = _levels(label.classes, histograms[at, PLACES, 0])
    named = (label.column, LABEL_KIND, "")
    found.append(_column(named, histograms[at, REST, 0], present, None, levels, rare, None))
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
    missing, unknown, withheld = map(int, rest)
    return ColumnStatistics(*name, present, missing, unknown, withheld, numbers, levels, rare, moments)


def _numbers(
    at: int,
    histograms: Mapping[tuple[int, str, int], Signed],
    rough: Signed | None,
    own: Range,
    layout: Layout,
) -> Numbers:
    counts = [histograms[at, BINS, bins] for bins in layout.partitions]
    below, *bins, above, hidden = map(int, counts[-1])
    nested = Nested([part[1:-2] for part in counts], below, above, int(counts[-1].sum()))
    known = [Cumulated(nested, own.borders(nested.bins))]
    if rough is not None:
        first, *inner, last, _ = map(int, rough)
        whole = Nested([np.array(inner, dtype=np.int64)], first, last, int(rough.sum()))
        known.append(Cumulated(whole, ROUGH_BORDERS))
    return Numbers(own, below, tuple(bins), above, hidden, _quantiles(known))


def _levels(names: tuple[str, ...], counts: Signed) -> tuple[Mapping[str, int], int, int]:
    return dict(zip(names, map(int, counts[:-1]), strict=True)), int(counts[-1]), int(counts.sum())


def _moments(sums: Signed, own: Range) -> Moments | None:
    count = int(sums[0])
    if not count:
        return None
    total = Fraction(from_limbs(sums[1 : 1 + SUM_LIMBS]), count)
    squares = Fraction(from_limbs(sums[1 + SUM_LIMBS :]), count)
    if not total * total <= squares <= total * (1 << UNIT_BITS):
        return None
    centre, spread = own.low + own.unit * float(total), own.unit * math.sqrt(float(squares - total * total))
    return Moments(count, centre, spread, 0.0 if own.unit == 1 else own.unit / 2)


def _quantiles(known: Sequence[Cumulated]) -> dict[int, Quantile]:
    """Of the values in order, the first at which so many percent are reached.

    Each of what is known gives an interval that surely holds it. The best guess is that of the narrowest one.
    """
    total = known[0].counts.total
    if not total:
        return {}
    found = {}
    for percent in PERCENTS:
        rank = -(-percent * total // 100)
        ends = [own.around(rank) for own in known]
        low, high = max(low for low, _ in ends), min(high for _, high in ends)
        widths = [end - start for start, end in ends]
        value = known[widths.index(min(widths))].place(rank)
        found[percent] = Quantile(
            min(max(value, low), high),
            None if low == -math.inf else low,
            None if high == math.inf else high,
        )
    return found
