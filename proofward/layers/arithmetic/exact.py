"""Exact integer matrix arithmetic in float64: every product and sum is an integer that a double holds.

A sum of K products of integers of at most 2^a and 2^b in magnitude is exact in float64, in any order and with
or without fused multiply-add, when K * 2^(a+b) <= 2^53: the same bits on every machine and thread count.
Where a matrix's bound is too large for that, the matrix is cut into limbs whose products are exact, and these
are added up as 64-bit integers. How many limbs there are follows from public bounds, never from the values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array

FloatArray = NDArray[np.float64]

EXACT = 1 << 53


class ExactMatrix:
    """A mutable integer matrix (rows, columns) in float64, with a bound on its magnitude for all time."""

    __slots__ = ("_bound", "values")

    def __init__(self, values: Int64Array, bound: int, rows: int, columns: int) -> None:
        """Zero-padded copy of `values` (int64, at most (rows, columns)); |entry| <= bound < 2^53 for ever."""
        if bound >= EXACT:
            raise ConfigurationError("bound", "below 2^53", bound)
        self.values: FloatArray = np.zeros((rows, columns))
        self.values[: values.shape[0], : values.shape[1]] = values
        self._bound = bound

    def rows(self, start: int, stop: int) -> ExactMatrix:
        """These rows as a matrix that shares its entries with this one."""
        part = ExactMatrix.__new__(ExactMatrix)
        part.values, part._bound = self.values[start:stop], self._bound
        return part

    def right_product(self, left: FloatArray, left_bound: int) -> Int64Array:
        """left @ values for integers `left` (B, rows), |left| <= left_bound: int64 (B, columns).

        Exact where the result is below 2^62 in magnitude.
        """
        return self._product(left, left_bound, transposed=False)

    def right_product_transposed(self, left: FloatArray, left_bound: int) -> Int64Array:
        """left @ values^T for `left` (B, columns): int64 (B, rows); otherwise like `right_product`."""
        return self._product(left, left_bound, transposed=True)

    def _product(self, left: FloatArray, left_bound: int, *, transposed: bool) -> Int64Array:
        terms = left.shape[1] * left_bound
        if terms * self._bound <= EXACT:
            whole: FloatArray = np.matmul(left, self.values.T if transposed else self.values)
            return whole.astype(np.int64)
        # values = sum_i limb_i 2^(bits i), each limb but the top one in [0, 2^bits), the top one at most
        # 2^bits in magnitude. terms * 2^bits <= 2^53, so each limb's product is exact. They are added modulo
        # 2^64, whatever the partial sums are, and the result is below 2^62 in magnitude, hence exact.
        bits = 53 - (terms - 1).bit_length()
        if bits < 1:
            raise ConfigurationError("width", "padded width * range below 2^53", terms)
        outputs = self.values.shape[0] if transposed else self.values.shape[1]
        total: Int64Array = np.zeros((left.shape[0], outputs), dtype=np.int64)
        rest, shift = self.values, 0
        while True:
            last = self._bound >> (shift + bits) == 0
            above = rest if last else np.floor(rest * 2.0**-bits)
            limb = rest if last else rest - above * float(1 << bits)
            part: FloatArray = np.matmul(left, limb.T if transposed else limb)
            total += part.astype(np.int64) << shift
            if last:
                return total
            rest, shift = above, shift + bits

    def subtract_outer(self, rate: int, left: FloatArray, right: FloatArray) -> None:
        """values -= rate * left^T @ right, for integers left (B, rows) and right (B, columns).

        Exact, since rate * B * |left| * |right| and every value stay within the bound, below 2^53.
        """
        self.subtract(self.outer(rate, left, right))

    def outer(self, rate: int, left: FloatArray, right: FloatArray) -> FloatArray:
        """rate * left^T @ right, to be subtracted."""
        growth: FloatArray = np.matmul(left.T, right)
        if rate != 1:
            growth *= rate
        return growth

    def subtract(self, growth: FloatArray) -> None:
        """values -= growth."""
        self.values -= growth


def roots(values: Int64Array) -> Int64Array:
    """floor(sqrt(values)), exactly, for values in [0, 2^62).

    The root in float64 is off by less than 1, so its floor is by at most 1; (2^31 + 1)^2 is below 2^63.
    """
    guess: Int64Array = np.sqrt(values.astype(np.float64)).astype(np.int64)
    guess -= guess * guess > values
    result: Int64Array = guess + ((guess + 1) * (guess + 1) <= values)
    return result
