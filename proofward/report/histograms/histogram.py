"""Histograms of the scores of one class's records and of the others', and the counts above each threshold.

Bin b of B holds scores p with b / B < p <= (b + 1) / B, bin 0 also p = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.layers.rules.model import Int64Array

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """others, inside: int64 (bins,), of records that are not of the class, and that are."""

    others: Int64Array
    inside: Int64Array

    @property
    def bins(self) -> int:
        """How many there are."""
        return len(self.inside)

    @property
    def rows(self) -> int:
        """All records."""
        return int(self.inside.sum() + self.others.sum())

    @property
    def prevalence(self) -> float:
        """Share of the records that are of the class; there are records."""
        return int(self.inside.sum()) / self.rows

    @property
    def tells(self) -> bool:
        """Whether there are records of both kinds: without them there is no curve."""
        return bool(self.inside.any() and self.others.any())

    @property
    def edges(self) -> FloatArray:
        """The bins + 1 ends of bins."""
        return np.arange(self.bins + 1, dtype=np.float64) / self.bins

    @property
    def middles(self) -> FloatArray:
        """The score that stands for each bin."""
        return (np.arange(self.bins, dtype=np.float64) + 0.5) / self.bins

    @property
    def above(self) -> tuple[Int64Array, Int64Array]:
        """Others and inside that score above each of the bins + 1 edges, from 0 on: bin 0 is above 0."""
        return _above(self.others), _above(self.inside)


def _above(counts: Int64Array) -> Int64Array:
    total: Int64Array = np.append(np.cumsum(counts[::-1])[::-1], 0)
    return total
