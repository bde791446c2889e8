"""From a hospital's table to the vector of a round, and the ranges that all hospitals take alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.statistics.intervals import NO_RANGE, Range, found_range, rough_cells
from proofward.statistics.layout import (
    BINS,
    LEVELS,
    LIMB_BITS,
    NUMBER,
    ORDER,
    ORDER_RANGE,
    OUTLINE,
    PLACES,
    REST,
    ROUGH,
    SQUARE_LIMBS,
    SUM_LIMBS,
    Block,
    Layout,
)

Signed = NDArray[np.int64]


@dataclass(frozen=True)
class ColumnValues:
    """known: float64, numbers, or places among the levels; unknown: cells with another value; missing."""

    known: NDArray[np.float64]
    unknown: int
    missing: int


@dataclass(frozen=True)
class TableValues:
    """columns: those of the table and behind them the label's; all are of the same rows."""

    rows: int
    columns: tuple[ColumnValues, ...]

    def fits(self, layout: Layout) -> bool:
        """Whether these can be the values of such columns."""
        return len(self.columns) == len(layout.columns) and all(
            (own.kind == NUMBER or (len(np.setdiff1d(found.known, np.arange(own.levels))) == 0))
            and len(found.known) + found.unknown + found.missing == self.rows
            for own, found in zip(layout.columns, self.columns, strict=True)
        )


def parts_of(layout: Layout, step: str, counts: Signed) -> dict[tuple[int, str, int], Signed]:
    """A vector by column, part and number of equal intervals, which is 0 where there are none."""
    found, start = {}, 0
    for block in layout.blocks(step):
        found[block.column, block.part, block.bins] = counts[start : start + block.length]
        start += block.length
    return found


def ranges_of(layout: Layout, sums: Mapping[str, Signed]) -> dict[int, Range]:
    """Of each column of numbers or an order; sums: by step, that of the outline if it was counted."""
    rough = parts_of(layout, OUTLINE, sums[OUTLINE]) if OUTLINE in sums else {}
    found = dict[int, Range]()
    for at, column in enumerate(layout.columns):
        if column.kind == ORDER:
            found[at] = ORDER_RANGE
        elif column.range is not None:
            found[at] = column.range
        elif column.kind != LEVELS and (at, ROUGH, 0) in rough:
            found[at] = found_range(rough[at, ROUGH, 0][:-1]) or NO_RANGE
    return found


def counts_of(layout: Layout, step: str, values: TableValues, ranges: Mapping[int, Range]) -> Signed:
    """A hospital's vector; small counts are moved by whoever encrypts it, sums of few values are left out."""
    parts = [_part(layout, block, values, ranges) for block in layout.blocks(step)]
    return np.concatenate(parts).astype(np.int64)


def _part(layout: Layout, block: Block, values: TableValues, ranges: Mapping[int, Range]) -> Signed:
    column = values.columns[block.column]
    if block.part == REST:
        return np.array([column.missing, column.unknown, 0], dtype=np.int64)
    if block.part == ROUGH:
        cells = rough_cells(column.known)
    elif block.part == BINS:
        return _nested(column, ranges[block.column], layout, block.bins)
    elif block.part == PLACES:
        cells = column.known.astype(np.int64)
    else:
        return _sums(column, ranges[block.column], layout.least_count)
    return np.bincount(cells, minlength=block.length)


def _nested(column: ColumnValues, own: Range, layout: Layout, bins: int) -> Signed:
    """Of one partition; what its intervals do not tell is in the remainder."""
    finest = np.bincount(own.cells(column.known, layout.bins), minlength=layout.bins + 2)
    below, inside, above = finest[0], finest[1:-1], finest[-1]
    told = told_partitions(inside, layout.least_count)[bins.bit_length() - 2]
    return np.array([below, *told, above, inside.sum() - told.sum()], dtype=np.int64)


def told_partitions(finest: Signed, least_count: int) -> list[Signed]:
    """What a hospital tells of the intervals of each partition, the coarsest first; finest: its own counts.

    No count below the least count, and none that follows: what an interval holds beyond what its halves tell
    is nothing, or at least as many. Where it is fewer, the interval tells what its halves tell.
    """
    told = [np.where(finest < least_count, 0, finest)]
    while len(finest) > 2:
        finest = finest[::2] + finest[1::2]
        halves = told[0][::2] + told[0][1::2]
        few = finest - halves < least_count
        told.insert(0, np.where(few, halves, finest))
    return told


def _sums(column: ColumnValues, own: Range, least_count: int) -> Signed:
    """Number of values, the sum of their places and of the squares of these; zeros of too few values."""
    count = len(column.known)
    if count < least_count:
        return np.zeros(1 + SUM_LIMBS + SQUARE_LIMBS, dtype=np.int64)
    units = own.units(column.known)
    total, squares = int(units.sum()), int((units * units).sum())
    return np.array([count, *_limbs(total, SUM_LIMBS), *_limbs(squares, SQUARE_LIMBS)], dtype=np.int64)


def _limbs(value: int, count: int) -> list[int]:
    """All of it, since a table has fewer than 2^20 rows and a place at most 2^16."""
    mask = (1 << LIMB_BITS) - 1
    return [(value >> (LIMB_BITS * at)) & mask for at in range(count)]


def from_limbs(limbs: Signed) -> int:
    """What limbs stand for, also summed ones, which may exceed their width."""
    return sum(int(limb) << (LIMB_BITS * at) for at, limb in enumerate(limbs))
