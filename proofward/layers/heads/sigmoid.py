"""The sigmoid of the clamped difference of two logits by table, and the error of a label, in integers.

2^fw D + R = z + 2^(fw-1), 0 <= R < 2^fw,  for z = Z[1] - Z[0]
D = x - 2^l + 2^(l+1) y,   0 <= x < 2^(l+1), y any integer      (l = logit_range_bits)
P = table[min(max(D, -2^l), 2^l - 1)],   g = P - 2^fd Y         scale fd
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

import numpy as np

from proofward.layers.arithmetic.rounding import rounded
from proofward.layers.heads.head import Integers
from proofward.layers.rules.model import FixedPoint, Int64Array


@lru_cache(maxsize=8)
def sigmoid_table(scales: FixedPoint) -> Int64Array:
    """round(2^fd * sigmoid(D / 2^fa)) at index D + 2^r for D in [-2^r, 2^r), r = logit_range_bits; int64.

    Decimal exponentials of 40 digits, correctly rounded: the same table on every machine. Read-only. An exact
    tie can only be at D = 0, where the value is the integer 2^(fd-1); e^x is irrational at every other entry.
    The entries rise, so beyond the first ones that are 0 and 2^fd all are.
    """
    size = 1 << scales.logit_range_bits
    unit = 1 << scales.gradient_bits
    table = np.repeat(np.array([0, unit], dtype=np.int64), size)
    with localcontext() as context:
        context.prec = 40
        for index in range(size + 1):
            decay = (Decimal(-index) / (1 << scales.activation_bits)).exp()
            upper = int((unit / (1 + decay)).to_integral_value(ROUND_HALF_EVEN))
            table[size - index] = unit - upper
            if index < size:
                table[size + index] = upper
            if upper == unit:
                break
    table.setflags(write=False)
    return table


def high_limb(differences: Int64Array, scales: FixedPoint) -> Int64Array:
    """y = floor((D + 2^l) / 2^(l+1)), of exact differences z of any shape."""
    bits = scales.logit_range_bits
    return (rounded(differences, scales) + (1 << bits)) >> (bits + 1)


def low_limb(differences: Int64Array, scales: FixedPoint) -> Int64Array:
    """x = D + 2^l - 2^(l+1) y."""
    bits = scales.logit_range_bits
    return (rounded(differences, scales) + (1 << bits)) & ((2 << bits) - 1)


def probability(differences: Int64Array, scales: FixedPoint) -> Int64Array:
    """P of exact differences z (B,): integers at scale fd, in [0, 2^fd]."""
    half = 1 << scales.logit_range_bits
    return sigmoid_table(scales)[np.clip(rounded(differences, scales), -half, half - 1) + half]


def error(differences: Int64Array, labels: Integers, scales: FixedPoint) -> Int64Array:
    """g = P - 2^fd Y."""
    return probability(differences, scales) - (labels.astype(np.int64) << scales.gradient_bits)
