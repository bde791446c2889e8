"""The rounding that brings exact sums back to scale: 2^fw Q + R = Z + 2^(fw-1), 0 <= R < 2^fw."""

from __future__ import annotations

from proofward.layers.model import FixedPoint, Int64Array


def rounded(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """Q = floor((Z + 2^(fw-1)) / 2^fw) of sums of any shape below 2^62 in magnitude."""
    return (sums + (1 << (scales.weight_bits - 1))) >> scales.weight_bits


def remainder(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """R = Z + 2^(fw-1) - 2^fw Q, in [0, 2^fw)."""
    return (sums + (1 << (scales.weight_bits - 1))) & ((1 << scales.weight_bits) - 1)
