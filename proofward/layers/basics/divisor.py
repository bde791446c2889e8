"""The integers that sums are divided by where they are rounded.

A scale is a power of two, unless a mean is near (`means`). Then it is that times the numbers of values that
means are of, and so an odd number times a power of two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.field.pieces import by_pieces
from proofward.layers.basics.errors import ConfigurationError

Int64Array = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Divisor:
    """odd 2^bits."""

    bits: int
    odd: int = 1

    @staticmethod
    def of(value: int) -> Divisor:
        """A positive integer."""
        bits = (value & -value).bit_length() - 1
        return Divisor(bits, value >> bits)

    @property
    def value(self) -> int:
        return self.odd << self.bits

    @property
    def half(self) -> int:
        """Rounded down, where it is odd."""
        return self.value >> 1

    @property
    def odd_bits(self) -> int:
        """log2 of the odd part, rounded up; 0 of a power of two."""
        return (self.odd - 1).bit_length()

    @property
    def whole_bits(self) -> int:
        """Bits of a remainder."""
        return self.bits + self.odd_bits

    def rounded(self, values: Int64Array) -> Int64Array:
        """Q = floor((value + half) / divisor) of values below 2^62 in magnitude."""
        return by_pieces(self._rounded, values)

    def _rounded(self, values: Int64Array) -> Int64Array:
        above: Int64Array = (values + self.half) >> self.bits
        if self.odd != 1:
            above //= self.odd
        return above

    def remainder(self, values: Int64Array) -> Int64Array:
        """R = value + half - divisor Q, in [0, divisor)."""
        return by_pieces(self._remainder, values)

    def _remainder(self, values: Int64Array) -> Int64Array:
        if self.odd != 1:
            result: Int64Array = (values + self.half) % self.value
            return result
        return (values + self.half) & (self.value - 1)

    def limbs(self, table_bits: int) -> list[tuple[int, int]]:
        """(shift, width) of the limbs of a remainder, lowest first.

        The top limb is below the divisor / 2^shift, which is an integer: as many limbs as a remainder has by
        the next power of two.
        """
        bits = self.whole_bits
        lower = min(self.bits, max(0, -(-bits // table_bits) - 1) * table_bits)
        below = [(shift, min(table_bits, lower - shift)) for shift in range(0, lower, table_bits)]
        return [*below, (lower, bits - lower)]

    def check(self, what: str, table_bits: int) -> None:
        """Raises ConfigurationError where the top limb's table would be larger than tables are."""
        if self.odd_bits > table_bits:
            expected = f"at least {self.odd_bits}, for {what} that are rounded by {self.odd} 2^{self.bits}"
            raise ConfigurationError("table_bits", expected, table_bits)
