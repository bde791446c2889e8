"""Bits that say where a value is: inside its range, above it or below.

The class of a value is -1, 0 or 1, and two committed bits stand for it:
    class = inside + 2 above - 1.
What is proved: they are bits, by the equations inside^2 = inside and above^2 = above, and something is a sum
with them as factors. Where public bounds say that no value is above its range there is no bit for it. That
the class is that of the value is a lookup of whoever declares them. The bits are unique then: of the four
pairs (1, 1) gives 2, which is no class, and the other three give three classes.
Message order:
    verifier: c, d    a sumcheck of the claim and of both equations    prover: both factors, twice
Soundness: (log(size) + 2) / |E|, and 2 / |E| for each round. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import add_multiple
from proofward.field.extension import Ext, ext_shift, lift, zeros
from proofward.field.goldilocks import add, mul, scale, to_field
from proofward.field.pieces import by_pieces
from proofward.layers.arithmetic.ranges import combine
from proofward.layers.arithmetic.rounding import Quotient
from proofward.layers.columns.stack import eq_weights
from proofward.layers.rules.model import Int64Array
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Flags:
    """The bits `inside` and `above` of values by their class."""

    inside: Column
    above: Column | None

    @staticmethod
    def declare(
        party: Party, name: str, log_size: int, classes: Callable[[], Int64Array], *, above: bool = True
    ) -> Flags:
        """Declare the bits; `classes` are a prover's: the sign says where a value is.

        above: whether a value can be above its range.
        """

        def bit(sign: int) -> Array:
            flat = classes().reshape(-1)
            return to_field(by_pieces(lambda own: (np.sign(own) == sign).astype(np.int64), flat))

        inside = party.declare(f"{name} inside", log_size, lambda: bit(0))
        return Flags(inside, party.declare(f"{name} above", log_size, lambda: bit(1)) if above else None)

    @property
    def sign(self) -> LinearCombination:
        """-1 below the range, 0 inside, 1 above."""
        above = () if self.above is None else ((2, self.above),)
        return LinearCombination(((1, self.inside), *above), -1)

    def saturated(self, party: Party, low: LinearCombination, most: int) -> Array:
        """1 + low inside the range, 0 below and `most` above, as an F-array; a prover's."""
        found = mul(party.values(self.inside), combine((1, low), constant=1).values(party.values))
        return found if self.above is None else add(found, scale(party.values(self.above), most))

    def prove(
        self, party: Party, point: Point, claim: Form, inside: Sequence[tuple[Ext, Quotient]], above: int
    ) -> None:
        """At `point`, claim = extension of inside * sum(weight * value) + above * `above`; and bits are bits.

        For challenges c, d, drawn after the claim is fixed, one sumcheck of, with F the weighted sum,
            sum over x of eq(point, x) (inside (F + c (inside - 1)) + over (above + d (over - 1))) = claim.
        The point must be uniform and drawn after the columns were committed to. Soundness: where one of the
        three statements is false for some x, its extension at the point is wrong but with log(size) / |E|,
        and the combination then but with 2 / |E|.
        """
        c, d = party.challenges(2)
        party.soundness.add("values by flags", "Schwartz-Zippel", len(point) + 2)
        factors: list[tuple[Column, list[tuple[Ext, Quotient]], Ext]] = [
            (self.inside, [*inside, (c, LinearCombination(((1, self.inside),), -1))], ZERO)
        ]
        if self.above is not None:
            factors.append((self.above, [(d, LinearCombination(((1, self.above),), -1))], ONE * above))

        def tables() -> Tables:
            return Tables(
                [
                    (lift(party.values(bit)), ext_shift(weighted_values(party, parts), constant))
                    for bit, parts, constant in factors
                ]
            )

        reduced = party.sumcheck(claim, eq_weights(point), tables)
        rest = reduced.claim
        for (bit, parts, constant), values in zip(factors, reduced.factors[: len(factors)], strict=True):
            left, right, product = party.send_product(*values)
            rest = rest - product
            party.assert_zero(left - bit.at(reduced.point))
            party.assert_zero(right - weighted_at(parts, reduced.point) - constant)
        party.assert_zero(rest)


def weighted_values(party: Party, parts: Sequence[tuple[Ext, Quotient]]) -> Array:
    """Sum of weight * value, as an E-array; a prover's."""
    result = zeros(1 << parts[0][1].log_size)
    for weight, value in parts:
        add_multiple(result, value.values(party.values), weight)
    return result


def weighted_at(parts: Sequence[tuple[Ext, Quotient]], point: Point) -> Form:
    """The extension of the sum of weight * value at a point."""
    form = Form.of(0)
    for weight, value in parts:
        form = form + value.at(point) * weight
    return form
