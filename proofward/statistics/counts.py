"""From a hospital's table to the vector of a round, and the ranges that all hospitals take alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from proofward.data.column_kinds import Ordinal
from proofward.statistics.intervals import NO_RANGE, Range, found_range, rough_cells
from proofward.statistics.plan import (
    BINS,
    LEVELS,
    LIMB_BITS,
    ORDINAL_RANGE,
    OUTLINE,
    REST,
    ROUGH,
    SQUARE_LIMBS,
    SUM_LIMBS,
    Block,
    StatisticsPlan,
    stated_range,
)
from proofward.statistics.values import ColumnValues, TableValues

Signed = NDArray[np.int64]


def parts_of(plan: StatisticsPlan, step: str, counts: Signed) -> dict[tuple[int, str], Signed]:
    """A vector by column and part."""
    found, start = {}, 0
    for block in plan.blocks(step):
        found[block.column, block.part] = counts[start : start + block.length]
        start += block.length
    return found


def ranges_of(plan: StatisticsPlan, sums: Mapping[str, Signed]) -> dict[int, Range]:
    """Of each column of numbers or an order; sums: by step, that of the outline if it was counted."""
    rough = parts_of(plan, OUTLINE, sums[OUTLINE]) if OUTLINE in sums else {}
    found = dict[int, Range]()
    for at, column in enumerate(plan.schema.features):
        if isinstance(column, Ordinal):
            found[at] = ORDINAL_RANGE
        elif (stated := stated_range(column)) is not None:
            found[at] = stated
        elif (at, ROUGH) in rough:
            found[at] = found_range(rough[at, ROUGH][:-1]) or NO_RANGE
    return found


def counts_of(plan: StatisticsPlan, step: str, values: TableValues, ranges: Mapping[int, Range]) -> Signed:
    """A hospital's vector; small counts are moved by whoever encrypts it, sums of few values are left out."""
    parts = [_part(plan, block, values, ranges) for block in plan.blocks(step)]
    return np.concatenate(parts).astype(np.int64)


def _part(plan: StatisticsPlan, block: Block, values: TableValues, ranges: Mapping[int, Range]) -> Signed:
    column = (*values.columns, values.label)[block.column]
    if block.part == REST:
        return np.array([column.missing, column.unknown, 0], dtype=np.int64)
    if block.part == ROUGH:
        cells = rough_cells(column.known)
    elif block.part == BINS:
        cells = ranges[block.column].cells(column.known, plan.bins)
    elif block.part == LEVELS:
        cells = column.known.astype(np.int64)
    else:
        return _sums(column, ranges[block.column], plan.least_count)
    return np.bincount(cells, minlength=block.length)


def _sums(column: ColumnValues, own: Range, least_count: int) -> Signed:
    """Number of values, the sum of their places and of the squares of these; zeros of too few values."""
    count = len(column.known)
    if count < least_count:
        return np.zeros(1 + SUM_LIMBS + SQUARE_LIMBS, dtype=np.int64)
    units = own.units(column.known)
    total, squares = int(units.sum()), int((units * units).sum())
    return np.array([count, *_limbs(total, SUM_LIMBS), *_limbs(squares, SQUARE_LIMBS)], dtype=np.int64)


def _limbs(value: int, count: int) -> list[int]:
    mask = (1 << LIMB_BITS) - 1
    limbs = [(value >> (LIMB_BITS * at)) & mask for at in range(count)]
    assert value >> (LIMB_BITS * count) == 0
    return limbs


def from_limbs(limbs: Signed) -> int:
    """What limbs stand for, also summed ones, which may exceed their width."""
    return sum(int(limb) << (LIMB_BITS * at) for at, limb in enumerate(limbs))
