"""Two-class head: sigmoid of the logit difference by table, and the gradient of the cross-entropy.

forward    z = Z[1] - Z[0];  D = round(z / 2^fw), R_D its remainder;  P = table[D]   (scale fd)
backward   g = P - 2^fd * Y;  dZ = (-g, +g)
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

import numpy as np

from proofward.layers.exact import FloatArray
from proofward.layers.model import FixedPoint, Int64Array


@lru_cache(maxsize=8)
def sigmoid_table(scales: FixedPoint) -> Int64Array:
    """round(2^fd * sigmoid(D / 2^fa)) at index D + 2^r for D in [-2^r, 2^r), r = logit_range_bits; int64.

    Decimal exponentials of 40 digits, correctly rounded: the same table on every machine. Read-only. An exact
    tie can only be at D = 0, where the value is the integer 2^(fd-1); e^x is irrational at every other entry.
    """
    size = 1 << scales.logit_range_bits
    table = np.empty(2 * size, dtype=np.int64)
    unit = 1 << scales.gradient_bits
    with localcontext() as context:
        context.prec = 40
        for index in range(size + 1):
            decay = (Decimal(-index) / (1 << scales.activation_bits)).exp()
            upper = int((unit / (1 + decay)).to_integral_value(ROUND_HALF_EVEN))
            table[size - index] = unit - upper
            if index < size:
                table[size + index] = upper
    table.setflags(write=False)
    return table


def logit_difference(sums: FloatArray) -> FloatArray:
    """z = Z[:, 1] - Z[:, 0], float64 (B,), exact wherever |Z| < 2^51."""
    difference: FloatArray = sums[:, 1] - sums[:, 0]
    return difference


def probability(difference: FloatArray, scales: FixedPoint) -> FloatArray:
    """P of rounded logit differences D (B,) in the logit range: integers at scale fd, in [0, 2^fd]."""
    index = difference.astype(np.int64) + (1 << scales.logit_range_bits)
    return sigmoid_table(scales)[index].astype(np.float64)


def backward(error: FloatArray, gradients: FloatArray) -> None:
    """gradients (B, 2) = (-g, +g) for the error g (B,) = P - 2^fd * Y."""
    np.negative(error, out=gradients[:, 0])
    gradients[:, 1] = error
