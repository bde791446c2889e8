"""Distributions from nested intervals: what small counts hide in fine ones, coarse ones still hold.

A range is parted into 2, 4, 8 and more equal intervals up to the finest, and a hospital withholds its small
counts in each of these partitions apart. So of every interval a least number is known: what it says itself,
or what its two halves are known to hold together, whichever is more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Signed = NDArray[np.int64]


class Nested:
    """counts: of each partition, the coarsest first, what is known to lie in its intervals.

    below, above: what is known to lie outside the range; total: of all values, wherever they lie.
    """

    def __init__(self, counts: Sequence[Signed], below: int, above: int, total: int) -> None:
        self.below, self.above, self.total = below, above, total
        self.least = [counts[-1]]
        for own in reversed(counts[:-1]):
            self.least.insert(0, np.maximum(own, self.least[0][::2] + self.least[0][1::2]))

    @property
    def bins(self) -> int:
        """Of the finest partition."""
        return len(self.least[-1])

    def at_least(self, first: int, stop: int) -> int:
        """How many values surely lie in these intervals of the finest partition."""
        found = 0
        while first < stop:
            width, level = 1, len(self.least) - 1
            while level > 0 and first % (2 * width) == 0 and first + 2 * width <= stop:
                width, level = 2 * width, level - 1
            found += int(self.least[level][first // width])
            first += width
        return found

    def before(self, border: int) -> tuple[int, int]:
        """The fewest and the most values that can lie before a border of the finest partition."""
        fewest = self.below + self.at_least(0, border)
        return fewest, self.total - self.above - self.at_least(border, self.bins)

    def around(self, rank: int) -> tuple[int | None, int | None]:
        """The borders between which the value of a rank, from 1, surely lies; None where none is known."""
        reach = [self.before(border) for border in range(self.bins + 1)]
        low = [border for border, (_, most) in enumerate(reach) if most < rank]
        high = [border for border, (fewest, _) in enumerate(reach) if fewest >= rank]
        return (low[-1] if low else None), (high[0] if high else None)

    def likely(self) -> NDArray[np.float64]:
        """Values in each interval of the finest partition, if what is hidden lies evenly in the halves.

        Where there is one partition only, it lies as what is known does.
        """
        inside = self.total - self.below - self.above
        found = np.array([float(inside)])
        if len(self.least) == 1:
            return np.asarray(self.least[0] * (inside / max(1, int(self.least[0].sum()))))
        for own in self.least:
            pairs = own.reshape(-1, 2)
            rest = np.maximum(found - pairs.sum(axis=1), 0.0)
            found = (pairs + rest[:, None] / 2).reshape(-1)
        return found

    def place(self, rank: float) -> float:
        """Where the value of a rank likely lies, in intervals of the finest partition from the start."""
        likely = self.likely()
        reached = self.below + np.concatenate([[0.0], np.cumsum(likely)])
        if rank <= reached[0] or rank > reached[-1]:
            return 0.0 if rank <= reached[0] else float(self.bins)
        at = int(np.searchsorted(reached, rank)) - 1
        return at + float((rank - 0.5 - reached[at]) / likely[at]) if likely[at] >= 1 else at + 0.5


@dataclass(frozen=True)
class Cumulated:
    """Counts with the borders of their intervals, ascending."""

    counts: Nested
    borders: NDArray[np.float64]

    def around(self, rank: int) -> tuple[float, float]:
        """Between which numbers the value of a rank surely lies; infinite where no end is known."""
        low, high = self.counts.around(rank)
        return (
            -math.inf if low is None else float(self.borders[low]),
            math.inf if high is None else float(self.borders[high]),
        )

    def place(self, rank: int) -> float:
        """Where it likely lies."""
        found = self.counts.place(rank)
        at = min(int(found), len(self.borders) - 2)
        width = float(self.borders[at + 1]) - float(self.borders[at])
        return float(self.borders[at]) + width * (found - at)
