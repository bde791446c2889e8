"""How sums of an evaluation are read that have noise: as counts that records can have, near the noisy ones.

Noisy counts may be negative, and their parts do not agree. The reading is a public function of them in
integers, so everybody finds the same, it spends no privacy, and figures, pictures and the rule on stopping
take it alike. Of each block
    a cell of the confusion table is the noisy one, or 0 where that is negative; its rows say how many records
        there are of each class, since they sum fewer cells than the histograms do
    a histogram is that of cumulated counts: what its sum is off the records of the class is taken off in
        equal parts from bin to bin, then they are cut to [0, records of the class], made to rise by averaging
        neighbours that fall (pool adjacent violators, which is least squares), and rounded
Cutting the cells of a histogram at 0 would be simpler, and adds a record for every negative draw: an empty
histogram would look like one of equal cells, and every AUC like 1/2.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from proofward.layers.rules.model import Int64Array
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_layout import Block, ScoreLayout


def readable(layout: ScoreLayout, counting: Counting, counts: Int64Array) -> Int64Array:
    """A sum as figures are made of it: as it is where it is exact."""
    return nearest(layout, counts) if counting.noise else counts


def nearest(layout: ScoreLayout, counts: Int64Array) -> Int64Array:
    """Counts that records can have, int64 (length,), near noisy ones."""
    rows = counts.reshape(-1, sum(layout.parts))
    return np.concatenate([_nearest_block(layout, own) for own in rows])


def _nearest_block(layout: ScoreLayout, own: Int64Array) -> Int64Array:
    at = 2 * layout.bins * len(layout.scored)
    confusion = own[at:].reshape(layout.classes, layout.classes).clip(min=0)
    inside, rows = confusion.sum(axis=1), int(confusion.sum())
    histograms = own[:at].reshape(len(layout.scored), 2, layout.bins)
    parts = [
        _rising(histogram, total)
        for number, pair in zip(layout.scored, histograms, strict=True)
        for histogram, total in zip(pair, (rows - int(inside[number]), int(inside[number])), strict=True)
    ]
    return np.concatenate([*parts, confusion.reshape(-1)]).astype(np.int64)


def _rising(histogram: Int64Array, total: int) -> Int64Array:
    """A histogram of so many records whose cumulated counts are nearest to those of a noisy one."""
    bins, sums = len(histogram), np.cumsum(histogram)
    off = (2 * (int(sums[-1]) - total) * np.arange(1, bins) + bins) // (2 * bins)
    cumulated = (sums[:-1] - off).clip(0, total)
    pools: list[tuple[int, int]] = []  # sum and length of neighbours with one value
    for value in cumulated.tolist():
        pool = value, 1
        while pools and pools[-1][0] * pool[1] > pool[0] * pools[-1][1]:
            last = pools.pop()
            pool = last[0] + pool[0], last[1] + pool[1]
        pools.append(pool)
    levels = [(2 * value + length) // (2 * length) for value, length in pools for _ in range(length)]
    ends = np.array([0, *levels, total], dtype=np.int64)
    return ends[1:] - ends[:-1]


def deviation_of_area(block: Block, variance: int) -> float | None:
    """About how far the noise of so much variance in every count moves the AUC of two classes; None without.

    By the derivatives of the area in every count. Rows of the confusion table, each of two cells, are the
    numbers of records.
    """
    others, inside = block.histograms[0].astype(float)
    below, above = float(others.sum()), float(inside.sum())
    if not below or not above:
        return None
    by_inside = (np.cumsum(others) - others / 2) / (below * above)
    by_others = (np.cumsum(inside[::-1])[::-1] - inside / 2) / (below * above)
    area = float(inside @ by_inside)
    totals = 2 * area**2 * (1 / below**2 + 1 / above**2)
    return sqrt(variance * (float(by_inside @ by_inside) + float(by_others @ by_others) + totals))
