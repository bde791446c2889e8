"""High limbs and their signs: where a rounded sum is inside its range, above it or below.

A rounded sum is low + 2^bits * high with a low limb in [0, 2^bits), which is looked up elsewhere, and a
signed high limb of any size that public bounds admit (its span). What a layer computes from the sum depends
on the high limb by its sign only. Everything here is proved for the high limb `h` of every entry of a
column.

Arrangement, by the span, so that nothing is committed to that cannot be needed:
    span [0, 0]              h is the constant 0
    span inside [-1, 1]      h is its own sign
    up to 2^b values, b at most the bits of the largest table of signs
                             one column h; one lookup of the pair (h, sign) in the table of all of them
    more                     h = low limb + 2^t h', in turn: the sign of h' is a column, and the sign of h is
                             looked up with the low limb and the sign of h'
`h` and its sign are unique: in the field, the limbs of h are at most so large that the equation of the sum
does not wrap around (`bounds`), so h is the integer quotient of the sum; and each lookup fixes the sign by
h.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from proofward.layers.arithmetic.beyond import Span, Values, signed_bits
from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks, combine, limbs
from proofward.layers.rules.model import Int64Array
from proofward.proof.lookup import LinearCombination


@dataclass(frozen=True, slots=True)
class HighLimb:
    """A low limb and a high limb, with the widths of the high limb's own limbs, the lowest first.

    Only the top one is signed. There are none where the high limb is its own sign.
    """

    span: Span
    widths: tuple[int, ...]
    limb_bits: int = 0
    low_limbs: int = 1

    @staticmethod
    def of(span: Span, table_bits: int, sign_bits: int, limb_bits: int = 0, low_bits: int = 1) -> HighLimb:
        """With at most `sign_bits` bits in the top limb; the others leave room for a sign in a table.

        low_bits: those of the low limb.
        """
        low_limbs = len(limbs(low_bits, limb_bits or table_bits))
        if span[0] >= -1 and span[1] <= 1:
            return HighLimb(span, (), limb_bits, low_limbs)
        bits, widths = signed_bits(span), []
        while bits > sign_bits:
            widths.append(min(max(1, table_bits - 2), bits - sign_bits))
            bits -= widths[-1]
        return HighLimb(span, (*widths, bits), limb_bits, low_limbs)

    @property
    def is_zero(self) -> bool:
        """Whether it is the constant 0."""
        return self.span == (0, 0)

    @property
    def is_own_sign(self) -> bool:
        """Whether it is -1, 0 or 1."""
        return not self.widths

    @property
    def columns(self) -> int:
        """How many columns `declare` declares."""
        return max(0, 2 * len(self.widths) - 1)

    @property
    def why(self) -> str:
        if self.is_zero:
            return "they cannot leave their range"
        if self.is_own_sign:
            return "they can leave their range by one range at most: a sign is enough"
        return f"limbs of {' + '.join(map(str, self.widths))} bits above it"

    @property
    def inside_columns(self) -> int:
        return 1 + (self.span[1] > 0) + self.low_limbs + self.columns

    @property
    def inside_lookups(self) -> int:
        return self.low_limbs + self._lookups

    @property
    def saturating_columns(self) -> int:
        return self.low_limbs + (not self.is_zero) + self.columns

    @property
    def saturating_lookups(self) -> int:
        return self.low_limbs + (self.is_own_sign and not self.is_zero) + self._lookups

    @property
    def _lookups(self) -> int:
        return max(0, 2 * len(self.widths) - 1)

    @property
    def table_rows(self) -> int:
        """Those of intervals, which others need too, are left out."""
        if self.is_own_sign:
            return 0
        return (1 << self.widths[-1]) + sum(4 << width for width in self.widths[:-1])

    def declare_inside(
        self, ranges: RangeChecks, name: str, size: int, bits: int, values: Values
    ) -> tuple[Flags, LinearCombination, LinearCombination]:
        low = ranges.declare_low(name, size, bits, values, self.limb_bits)
        flags = Flags.declare(ranges.party, name, size, lambda: values() >> bits, above=self.span[1] > 0)
        high = self.declare(ranges, f"{name} high", flags.sign, lambda: values() >> bits)
        return flags, low, combine((1, low), (1 << bits, high))

    def declare_saturating(
        self, ranges: RangeChecks, name: str, size: int, bits: int, values: Values
    ) -> tuple[LinearCombination, LinearCombination]:
        low = ranges.declare_low(name, size, bits, values, self.limb_bits)
        if self.is_zero:
            return low, low
        sign = declare_sign(ranges, f"{name} sign", size, lambda: values() >> bits)
        if self.is_own_sign:
            ranges.require_sign(sign, 2, sign)
        high = self.declare(ranges, f"{name} high", sign, lambda: values() >> bits)
        return combine((1, low), (1 << bits, high)), combine((1, low), (1 << bits, sign))

    def declare(
        self, ranges: RangeChecks, name: str, sign: LinearCombination, high: Values
    ) -> LinearCombination:
        """Declare the limbs and prove that `sign` is the sign; returns the high limb.

        Where it is its own sign, nothing is declared, and `sign` must be a sign for other reasons.
        """
        if self.is_own_sign:
            return sign
        widths, top = self.widths, len(self.widths) - 1
        shifts = [sum(widths[:index]) for index in range(len(widths))]

        def limb(index: int) -> Int64Array:
            values = high() >> shifts[index]
            return values if index == top else values & ((1 << widths[index]) - 1)

        def sign_from(index: int) -> Int64Array:
            signs: Int64Array = np.sign(high() >> shifts[index])
            return signs

        def column(title: str, values: Values) -> LinearCombination:
            return ranges.column(f"{name}, {title}", sign.log_size, values)

        parts = [column(f"limb {i}", partial(limb, i)) for i in range(top + 1)]
        signs = [sign, *(column(f"sign from limb {i}", partial(sign_from, i)) for i in range(1, top + 1))]
        ranges.require_sign(parts[top], widths[top], signs[top])
        for index in range(top):
            ranges.require_joint_sign(parts[index], widths[index], signs[index + 1], signs[index])
        return combine(*((1 << shift, part) for shift, part in zip(shifts, parts, strict=True)))


def declare_sign(ranges: RangeChecks, title: str, size: int, values: Values) -> LinearCombination:
    """A column of the signs of values, which nothing looks up yet."""
    return ranges.column(title, size, lambda: np.sign(values()))
