"""Clipping of an update in L2 norm: the multiplier mu, found in a fixed number of steps.

    U(mu) = floor((mu Delta + D / 2) / D),   D = odd 2^shift,   mu in [0, full]
Each |U_j(mu)| grows with mu, so ||U(mu)|| does, and U(0) = 0. The multiplier is the largest mu with
||U(mu)|| <= B: `full` where nothing has to be clipped. One step of mu changes U by at most
    ||Delta|| / D + sqrt(parameters),
hence a clipped U has a norm above B less that: `RoundConfig.update_rule` makes B_low from it.

Time. The bisection always takes bit_length(full) steps, each over all parameters with the same instructions,
clipped or not. Nothing of the update, not even whether it is clipped, is in the time that it takes.
"""

from __future__ import annotations

import numpy as np

from proofward.field.jit import kernel
from proofward.field.threads import parallel
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array

LIMIT = 1 << 62
"""|mu Delta| + D / 2 stays below this, and so does every bound B^2."""

_GRAIN = 1 << 16


@kernel("uint64(int64[::1], int64, int64)")
def _squared_norm(update: np.ndarray, multiplier: int, shift: int) -> np.uint64:
    """min(||U(multiplier)||^2, 2^62).

    |update * multiplier| + 2^(shift-1) < 2^62, so the product fits an int64. |U| is cut to 2^31, its square
    is at most 2^62, and the sum so far is cut to 2^62: no sum passes 2^63. A sum of squares that is cut was
    2^62 or more. Neither cut is a branch.
    """
    largest = np.uint64(1 << 62)
    half = np.int64(1) << (shift - 1)
    total = np.uint64(0)
    for i in range(update.shape[0]):
        value = abs((update[i] * multiplier + half) >> shift)
        value = min(value, np.int64(1 << 31))
        total = min(total + np.uint64(value * value), largest)
    return total


@kernel("uint64(int64[::1], int64, int64, int64)")
def _squared_norm_beside_means(update: np.ndarray, multiplier: int, shift: int, odd: int) -> np.uint64:
    """`_squared_norm` with the divisor odd 2^shift, 1 < odd < 2^20.

    floor(x / (odd 2^shift)) is the quotient of y = floor(x / 2^shift) by odd. Below 2^52 the product with
    1 / odd is off by less than 1, and its floor by at most 1, which the remainder shows. From 2^52 on |U| is
    cut in any case. No integer is divided: that can take a time which depends on it.
    """
    largest = np.uint64(1 << 62)
    half = np.int64(odd) << (shift - 1)
    share = 1.0 / np.float64(odd)
    total = np.uint64(0)
    for i in range(update.shape[0]):
        above = (update[i] * multiplier + half) >> shift
        quotient = np.int64(np.floor(np.float64(above) * share))
        rest = above - quotient * odd
        value = abs(quotient + np.int64(rest >= odd) - np.int64(rest < 0))
        value = min(value, np.int64(1 << 31))
        total = min(total + np.uint64(value * value), largest)
    return total


def norm_is_at_most(update: Int64Array, multiplier: int, shift: int, bound: int, odd: int = 1) -> bool:
    """Whether ||U(multiplier)|| <= bound, exactly, for bound^2 < 2^62."""
    norms: list[int] = []

    def chunk(start: int, stop: int) -> None:
        part = update[start:stop]
        if odd == 1:
            norms.append(int(_squared_norm(part, multiplier, shift)))
        else:
            norms.append(int(_squared_norm_beside_means(part, multiplier, shift, odd)))

    parallel(chunk, update.size, _GRAIN)
    return sum(norms) <= bound * bound


def clipped_multiplier(update: Int64Array, *, full: int, shift: int, bound: int, odd: int = 1) -> int:
    """The largest mu in [0, full] with ||U(mu)|| <= bound, for an update Delta, flat int64."""
    largest = max(abs(int(update.max())), abs(int(update.min())))
    if full < 1 or shift < 1 or full * largest + (odd << (shift - 1)) >= LIMIT:
        raise ConfigurationError("multiplier", f"1 <= multiplier < 2^62 / {largest}", full)
    if not 0 <= bound < 1 << 31:
        raise ConfigurationError("bound", "an integer in [0, 2^31)", bound)
    values = np.ascontiguousarray(update)
    low, high = 0, full + 1  # within the bound at low; beyond it at high, or nothing is there
    for _ in range(full.bit_length()):
        middle = (low + high) // 2
        within = norm_is_at_most(values, middle, shift, bound, odd)
        low, high = (middle, high) if within else (low, middle)
    return low
