"""Exact integer arithmetic of the server's optimizers, on whole int64 vectors.

Numbers of the rules are integers in millionths. A vector x is split as x = q 10^6 + r, 0 <= r < 10^6, so that
a x / 10^6 = a q + a r / 10^6: no product is larger than its result, and nothing is rounded but at the end.
"""

from __future__ import annotations

import numpy as np

from proofward.layers.basics.plain import MILLION
from proofward.layers.rules.model import Int64Array

MOST = 1000 * MILLION
"""The largest rate, 1000, below 2^30."""


def multiplied(values: Int64Array, factor: int) -> Int64Array:
    """factor * values / 10^6 to the nearest integer, halves upwards, for 0 <= factor <= MOST.

    |factor * values / 10^6| has to be below 2^61; then |factor q| is below 2^61 + 2^30, and
    2 factor r + 10^6 is below 2^52.
    """
    quotient, remainder = np.divmod(values, MILLION)
    result: Int64Array = factor * quotient + (2 * factor * remainder + MILLION) // (2 * MILLION)
    return result


def combined(first: int, one: Int64Array, second: int, other: Int64Array) -> Int64Array:
    """(first * one + second * other) / 10^6, rounded towards 0 once, for factors in [0, 10^6].

    Magnitudes have to be below 2^61: the products with the quotients are then at most as large as their
    vectors, those with the remainders below 2^40. Rounding towards 0 makes |result| at most the exact value,
    so that what is averaged for ever stays within the bound of what goes in, and dies away without it.
    """
    quotient_one, remainder_one = np.divmod(one, MILLION)
    quotient_other, remainder_other = np.divmod(other, MILLION)
    more, rest = np.divmod(first * remainder_one + second * remainder_other, MILLION)
    floor: Int64Array = first * quotient_one + second * quotient_other + more
    result: Int64Array = floor + ((floor < 0) & (rest > 0))
    return result


def largest(values: Int64Array) -> int:
    """The largest magnitude, 0 of nothing."""
    return max(int(values.max()), -int(values.min())) if values.size else 0
