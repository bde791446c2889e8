"""Exact integer arithmetic of federated averaging: what a hospital submits, and the model that follows.

A hospital with n records submits U = round(mu * Delta / 2^fw), where Delta is its update at scale fw and mu,
normally n * 2^10, its weight at scale 2^10. The next weights are W + round(2^(fw-10) * sum U / sum n).
Rounding is to the nearest integer, halves upwards.
"""

from __future__ import annotations

import numpy as np

from proofward.layers.errors import ConfigurationError
from proofward.layers.model import FixedPoint, Int64Array

UPDATE_BITS = 10
_LIMIT = 1 << 62


def quantise_update(update: Int64Array, multiplier: int, scales: FixedPoint) -> Int64Array:
    """U = floor((multiplier * update + 2^(fw-1)) / 2^fw), flat int64; the product must stay below 2^62."""
    largest = max(abs(int(update.max())), abs(int(update.min())))
    if multiplier < 0 or multiplier * largest >= _LIMIT:
        raise ConfigurationError("multiplier", f"0 <= multiplier < 2^62 / {largest}", multiplier)
    return (update * multiplier + (1 << (scales.weight_bits - 1))) >> scales.weight_bits


def squared_norm(values: Int64Array) -> int:
    """Exact sum of squares of integers below 2^31 in magnitude."""
    if len(values) and max(abs(int(values.max())), abs(int(values.min()))) >= 1 << 31:
        return sum(int(value) ** 2 for value in values)
    high, low = values >> 16, values & 0xFFFF
    # |high| <= 2^15, 0 <= low < 2^16: each of the three sums is below len * 2^32 < 2^62 for len < 2^30.
    return (int(high @ high) << 32) + (int(high @ low) << 17) + int(low @ low)


def clipped_multiplier(update: Int64Array, rows: int, clip_bound: int, scales: FixedPoint) -> int:
    """mu for an update clipped in L2 norm: n * 2^10 if ||U|| <= n * clip_bound there, else a smaller one.

    clip_bound is a norm of the unweighted update at scale 2^10. When mu < n * 2^10, U at mu is within the
    bound and U at mu + 1 is not: nobody shrinks its share by choice.
    """
    full = rows << UPDATE_BITS
    limit = (rows * clip_bound) ** 2
    if squared_norm(quantise_update(update, full, scales)) <= limit:
        return full
    low, high = 0, full  # within the bound at low, beyond it at high
    while high - low > 1:
        middle = (low + high) // 2
        if squared_norm(quantise_update(update, middle, scales)) <= limit:
            low = middle
        else:
            high = middle
    return low


def apply_update(weights: Int64Array, total: Int64Array, total_rows: int, scales: FixedPoint) -> Int64Array:
    """Next global weights from the sum of the submitted updates: flat int64 (parameters,), scale fw.

    weights' = weights + floor((2 * total * 2^(fw-10) + N) / (2 * N)), N = total_rows, the records of all
    accepted hospitals; `total` is int64 (parameters,) below 2^40 in magnitude, so that every integer here
    stays below 2^62.
    """
    if total_rows < 1 or total_rows >= _LIMIT >> 2:
        raise ConfigurationError("total_rows", "an integer in [1, 2^60)", total_rows)
    if total.shape != weights.shape or total.dtype != np.int64 or weights.dtype != np.int64:
        raise ConfigurationError(
            "total", f"int64 array of shape {weights.shape}", (str(total.dtype), total.shape)
        )
    shift = scales.weight_bits - UPDATE_BITS
    if shift < 0:
        raise ConfigurationError("weight_bits", f"at least {UPDATE_BITS}", scales.weight_bits)
    if max(abs(int(total.max())), abs(int(total.min()))) >= 1 << 40:
        raise ConfigurationError("total", "magnitudes below 2^40", (int(total.min()), int(total.max())))
    return weights + ((total << (shift + 1)) + total_rows) // (2 * total_rows)
