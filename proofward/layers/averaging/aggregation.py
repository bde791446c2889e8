"""Exact integer arithmetic of federated averaging: what a hospital submits, and the mean of all updates.

A hospital submits
    U = round(mu Delta / 2^(fw + f)),
where Delta is its update at scale fw; beside means of numbers of values that are no powers of two its scale
is an odd multiple of such a one, and the divisor with it. Unclipped, mu is M 2^f with its public weight M, so
sum U / sum M is the weighted mean of the updates at scale 0, and
    D = round(2^fw sum U / sum M)
that at the weights' scale. Rounding is to the nearest integer, halves upwards. What the server's optimizer
makes of D is the business of `optimizers`.
"""

from __future__ import annotations

import numpy as np

from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array

_LIMIT = 1 << 62


def quantise_update(update: Int64Array, multiplier: int, shift: int, odd: int = 1) -> Int64Array:
    """U = floor((multiplier * update + D / 2) / D), D = odd 2^shift; flat int64.

    The product stays below 2^62.
    """
    largest, divisor = _magnitude(update), Divisor(shift, odd)
    if multiplier < 0 or multiplier * largest + divisor.half >= _LIMIT:
        raise ConfigurationError("multiplier", f"0 <= multiplier < 2^62 / {largest}", multiplier)
    return divisor.rounded(update * multiplier)


def squared_norm(values: Int64Array) -> int:
    """Exact sum of squares of integers below 2^31 in magnitude."""
    if len(values) and _magnitude(values) >= 1 << 31:
        return sum(int(value) ** 2 for value in values)
    high, low = values >> 16, values & 0xFFFF
    # |high| <= 2^15, 0 <= low < 2^16: each of the three sums is below len * 2^32 < 2^62 for len < 2^30.
    return (int(high @ high) << 32) + (int(high @ low) << 17) + int(low @ low)


def mean_update(total: Int64Array, total_weight: int, bits: int) -> Int64Array:
    """round(2^bits total / total_weight), halves upwards, exactly: int64.

    The quotient itself must stay below 2^62. `total_weight` is the sum of the weights of all in the sum.
    """
    if not 1 <= total_weight < _LIMIT >> 2:
        raise ConfigurationError("total_weight", "an integer in [1, 2^60)", total_weight)
    largest = _magnitude(total)
    if largest >= _LIMIT or (largest // total_weight + 1) << bits >= _LIMIT:
        raise ConfigurationError("total", f"magnitudes below 2^{62 - bits} times the weight", largest)
    return long_division(total, total_weight, bits, 62 - total_weight.bit_length())


def long_division(values: Int64Array, divisors: Int64Array | int, bits: int, most: int) -> Int64Array:
    """round(2^bits values / divisors), halves upwards, exactly; divisors are in [1, 2^(62 - most)).

    With value = q D + r, 0 <= r < D, the next bits are those of r 2^step / D; `step` is at most `most`, so
    that r 2^step < 2^62. At the end 2 r >= D rounds up. The quotients must stay below 2^62.
    """
    quotient, remainder = np.divmod(values, divisors)
    while bits:
        step = min(bits, most)
        more, remainder = np.divmod(remainder << step, divisors)
        quotient = (quotient << step) + more
        bits -= step
    result: Int64Array = quotient + (2 * remainder >= divisors)
    return result


def _magnitude(values: Int64Array) -> int:
    return max(abs(int(values.max())), abs(int(values.min())))
