"""Records of one hospital, and the conversion of real features to integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.layers.rules.model import FixedPoint, Int64Array


@dataclass(frozen=True)
class Records:
    """Records as the trainer takes them.

    Attributes:
        features: int64 (n, d) at scale fa, within scales.input_range.
        labels: int64 (n,), numbers of classes.
    """

    features: Int64Array
    labels: Int64Array

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Int64Array) -> Records:
        """The records at these positions, in this order."""
        return Records(np.ascontiguousarray(self.features[rows]), np.ascontiguousarray(self.labels[rows]))


def to_fixed_point(values: NDArray[np.float64], scales: FixedPoint) -> Int64Array:
    """round(values * 2^fa), clipped to the input range, however large: int64 of the same shape.

    Args:
        values: Real numbers of any shape.
        scales: The bits of the fixed-point numbers.
    """
    low, high = scales.input_range
    with np.errstate(over="ignore"):
        scaled = np.rint(values * (1 << scales.activation_bits))
    return np.clip(scaled, low, high).astype(np.int64)
