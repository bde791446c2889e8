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

`Flags` splits the sign into two committed bits, inside = [h = 0] and above = [h > 0]:
    sign(h) = inside + 2 above - 1.
They are bits by the equations inside^2 = inside and above^2 = above of `Flags.prove`, and then unique: of
the four pairs of bits (1, 1) gives 2, which is no sign (or a high limb beyond its span, where h is its own
sign), and the other three give three different signs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add, ext_scale, ext_shift, lift, zeros
from proofward.field.goldilocks import to_field
from proofward.layers.model import Int64Array
from proofward.layers.ranges import RangeChecks, combine
from proofward.layers.stack import eq_weights
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]
Values = Callable[[], Int64Array]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class HighLimb:
    """What is known of a high limb in public: its span, and the widths of its own limbs, the lowest first.

    Only the top one is signed. There are none where the high limb is its own sign.
    """

    span: Span
    widths: tuple[int, ...]

    @staticmethod
    def of(span: Span, table_bits: int, sign_bits: int) -> HighLimb:
        """With at most `sign_bits` bits in the top limb; the others leave room for a sign in a table."""
        if span[0] >= -1 and span[1] <= 1:
            return HighLimb(span, ())
        bits, widths = signed_bits(span), []
        while bits > sign_bits:
            widths.append(min(max(1, table_bits - 2), bits - sign_bits))
            bits -= widths[-1]
        return HighLimb(span, (*widths, bits))

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

        def limb(index: int) -> Array:
            values = high().reshape(-1) >> shifts[index]
            return to_field(values if index == top else values & ((1 << widths[index]) - 1))

        def sign_from(index: int) -> Array:
            return to_field(np.sign(high().reshape(-1) >> shifts[index]))

        def column(title: str, values: Callable[[], Array]) -> LinearCombination:
            return LinearCombination(((1, ranges.party.declare(f"{name}, {title}", sign.log_size, values)),))

        parts = [column(f"limb {i}", partial(limb, i)) for i in range(top + 1)]
        signs = [sign, *(column(f"sign from limb {i}", partial(sign_from, i)) for i in range(1, top + 1))]
        ranges.require_sign(parts[top], widths[top], signs[top])
        for index in range(top):
            ranges.require_joint_sign(parts[index], widths[index], signs[index + 1], signs[index])
        return combine(*((1 << shift, part) for shift, part in zip(shifts, parts, strict=True)))


def span_of(bound: int, bits: int) -> Span:
    """High limbs of integers in [-bound - 1, bound] whose low limb is in [-2^bits, 2^bits)."""
    return (-bound - 1 + (1 << bits)) >> (bits + 1), (bound + (1 << bits)) >> (bits + 1)


def signed_bits(span: Span) -> int:
    """The least b with the span inside [-2^(b-1), 2^(b-1))."""
    return max(-span[0] - 1, span[1]).bit_length() + 1


@dataclass(frozen=True, slots=True)
class Flags:
    """The bits `inside` and `above` of a high limb, and the high limb as a combination of columns."""

    inside: Column
    above: Column
    high: LinearCombination

    @staticmethod
    def declare(ranges: RangeChecks, name: str, log_size: int, limb: HighLimb, high: Values) -> Flags:
        """Declare the bits and the limbs; `high` is a prover's."""

        def bit(sign: int) -> Array:
            return to_field((np.sign(high().reshape(-1)) == sign).astype(np.int64))

        inside = ranges.party.declare(f"{name} inside", log_size, lambda: bit(0))
        above = ranges.party.declare(f"{name} above", log_size, lambda: bit(1))
        sign = LinearCombination(((1, inside), (2, above)), -1)
        return Flags(inside, above, limb.declare(ranges, f"{name} high", sign, high))

    @staticmethod
    def count(limb: HighLimb) -> int:
        """Columns that `declare` declares."""
        return 2 + limb.columns

    def prove(
        self, party: Party, point: Point, claim: Form, inside: list[tuple[Ext, LinearCombination]], above: int
    ) -> None:
        """At `point`, claim = extension of [h = 0] sum(weight * value) + [h > 0] above; and bits are bits.

        For challenges c, d, drawn after the claim is fixed, one sumcheck of, with F the weighted sum,
            sum over x of eq(point, x) (inside (F + c (inside - 1)) + over (above + d (over - 1))) = claim.
        The point must be uniform and drawn after the columns were committed to. Soundness: where one of the
        three statements is false for some x, its extension at the point is wrong but with log(size) / |E|,
        and the combination then but with 2 / |E|.
        """
        c, d = party.challenges(2)
        party.soundness.add("values by flags", "Schwartz-Zippel", len(point) + 2)
        factors = [
            (self.inside, [*inside, (c, LinearCombination(((1, self.inside),), -1))], ZERO),
            (self.above, [(d, LinearCombination(((1, self.above),), -1))], ONE * above),
        ]

        def tables() -> Tables:
            return Tables(
                [
                    (lift(party.values(bit)), ext_shift(weighted_values(party, parts), constant))
                    for bit, parts, constant in factors
                ]
            )

        reduced = party.sumcheck(claim, eq_weights(point), tables)
        rest = reduced.claim
        for (bit, parts, constant), values in zip(factors, reduced.factors, strict=True):
            left, right, product = party.send_product(*values)
            rest = rest - product
            party.assert_zero(left - bit.at(reduced.point))
            party.assert_zero(right - weighted_at(parts, reduced.point) - constant)
        party.assert_zero(rest)


def weighted_values(party: Party, parts: list[tuple[Ext, LinearCombination]]) -> Array:
    """Sum of weight * value, as an E-array; a prover's."""
    result = zeros(1 << parts[0][1].log_size)
    for weight, value in parts:
        own = lift(value.values(party.values))
        result = ext_add(result, own if weight == ONE else ext_scale(own, weight))
    return result


def weighted_at(parts: list[tuple[Ext, LinearCombination]], point: Point) -> Form:
    """The extension of the sum of weight * value at a point."""
    form = Form.of(0)
    for weight, value in parts:
        form = form + value.at(point) * weight
    return form
