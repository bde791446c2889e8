"""Exact integer matrix arithmetic in float64: every product and sum is an integer that a double holds.

A sum of K products of integers of at most 2^a and 2^b in magnitude is exact in float64, in any order and with
or without fused multiply-add, when K * 2^(a+b) <= 2^53: the same bits on every machine and thread count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.layers.errors import ConfigurationError
from proofward.layers.model import Int64Array

FloatArray = NDArray[np.float64]

EXACT = 1 << 53
WEIGHT_LIMIT = 1 << 52
TERM_LIMIT = 1 << 27
_LIMB = 1 << 26


def magnitude(values: FloatArray) -> int:
    """Largest absolute value of a float64 array of integers, as an int."""
    return max(int(values.max()), -int(values.min()))


class ExactMatrix:
    """A mutable integer matrix (rows, columns), |entry| < 2^52, in float64, with a bound on its magnitude."""

    __slots__ = ("_bound", "_scratch", "values")

    def __init__(self, values: Int64Array, rows: int, columns: int) -> None:
        """Zero-padded copy of `values` (int64, at most (rows, columns), below 2^52 in magnitude)."""
        self.values: FloatArray = np.zeros((rows, columns))
        self.values[: values.shape[0], : values.shape[1]] = values
        self._scratch: FloatArray = np.empty((rows, columns))
        self._bound = magnitude(self.values)

    def right_product(self, left: FloatArray, left_bound: int, out: FloatArray) -> None:
        """out = left @ values, integers `left` (B, rows), |left| <= left_bound.

        out is float64 (B, columns), exact wherever below 2^53 in magnitude, and at least 2^53 elsewhere.
        """
        self._product(left, left_bound, False, out)

    def right_product_transposed(self, left: FloatArray, left_bound: int, out: FloatArray) -> None:
        """out = left @ values^T for `left` (B, columns); out (B, rows); otherwise like `right_product`."""
        self._product(left, left_bound, True, out)

    def _product(self, left: FloatArray, left_bound: int, transposed: bool, out: FloatArray) -> None:
        """Raises ConfigurationError if both the terms and the entries are too large for two exact limbs."""
        terms = left.shape[1] * left_bound
        if terms * self._bound > EXACT:
            self._bound = magnitude(self.values)
        if terms * self._bound <= EXACT:
            np.matmul(left, self.values.T if transposed else self.values, out=out)
            return
        if terms > TERM_LIMIT:
            raise ConfigurationError("width", f"padded width * range <= {TERM_LIMIT} at these weights", terms)
        # values = high * 2^26 + low with |high| <= 2^26 and 0 <= low < 2^26: both products are exact as
        # terms <= TERM_LIMIT = 2^27. Their combination is exact when it is below 2^53, and otherwise at
        # least 2^53 in magnitude after its one rounding.
        high = np.floor(self.values / _LIMB)
        low = self.values - high * _LIMB
        np.matmul(left, high.T if transposed else high, out=out)
        out *= _LIMB
        out += np.matmul(left, low.T if transposed else low)

    def subtract_outer(self, rate: int, left: FloatArray, right: FloatArray) -> bool:
        """values -= rate * left^T @ right, for integers left (B, rows) and right (B, columns).

        Returns False, changing nothing, when an entry might reach 2^52.
        """
        growth = rate * left.shape[0] * magnitude(left) * magnitude(right)
        if self._bound + growth >= WEIGHT_LIMIT:
            self._bound = magnitude(self.values)
            if self._bound + growth >= WEIGHT_LIMIT:
                return False
        # |left^T right| * rate <= growth < 2^52: the product and its multiple are exact.
        np.matmul(left.T, right, out=self._scratch)
        if rate != 1:
            self._scratch *= rate
        self.values -= self._scratch
        self._bound += growth
        return True
