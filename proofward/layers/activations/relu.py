"""Hidden layer: rounding of its sums, ReLU up to a limit, and its derivative times a saturating gradient.

Every function here is total: whatever the records and the weights, each value is defined and within its range
(r = activation_range_bits, g = gradient_range_bits).

    forward     2^fw Q + R = Z + 2^(fw-1),            0 <= R < 2^fw
                Q = 1 + v + 2^r u,                    0 <= v < 2^r, u any integer
                s = [u = 0] = [1 <= Q <= 2^r],        o = [u > 0] = [Q > 2^r]
                A = s (1 + v) + o 2^r                 = min(max(Q, 0), 2^r)
    backward    2^fw G + R' = Z_back + 2^(fw-1),      0 <= R' < 2^fw
                G = w - 2^g + 2^(g+1) e,              0 <= w < 2^(g+1), e any integer
                dZ = s (w - 2^g + 2^(g+1) sign(e))

s is the derivative of A. The gradient is exact where |G| < 3 * 2^g; beyond, it keeps its sign and has a
magnitude of at least 2^g and at most 3 * 2^g. This costs one bit of information of e, where a clamp would
cost two.

What is proved: the committed columns that make up Q - 1 and G + 2^g, s, o and what saturates are these. There
is more than one way to commit to Q - 1 and G + 2^g, which public numbers decide (`arrangement`): as v and u,
w and e with signs (`saturation`), or whole or in two parts (`split`). R and R' are virtual (`rounding`); of
their limbs all but the top one are committed to. A and dZ are never committed to: what the layers claim about
them, at points that the layers choose, is gathered, and proved of the formulas above by two sumchecks for
each hidden layer after the last claim is made.

Uniqueness, by induction over steps and, in a step, layers forwards and then backwards. Z is a function of
the first weights, the records and earlier values, and within its bound. R is looked up in its range and what
makes up Q - 1 is bounded by lookups, so both sides of the equation differ by less than P (`bounds`) and Q is
the rounding of Z as an integer. Its columns are unique, and s and o are the only bits with s + 2 o - 1 =
sign(u), which is looked up with them. The same holds for R', G and what becomes of it where it saturates, by
Z_back. So a prover has exactly one witness. This is true of padding as well. In a unit that the layer lacks,
weights are 0 at first; so Z = 0, Q = 0, s = o = 0, hence A = dZ = 0 and its weights stay 0; and G = 0. Steps
behind the last are steps like others, on rows that the schedule names.

Message order: the layers make claims; then `claims.gather` for A and dZ, which ends at a point q; then
    verifier: eta, c, d         a sumcheck of A + eta dZ at q and the bits' equations (`flags.Flags`)
Soundness: see there; 1 / |E| more for eta. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import mul
from proofward.field.pieces import by_pieces
from proofward.layers.activations.activation import Activation, ActivationRelation, HiddenTrace, RealArray
from proofward.layers.activations.relu_forward import ReluForward, above_one
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.arithmetic.rounding import Quotient, Rounding, rounded, rounded_back
from proofward.layers.arithmetic.split import saturated_at_ends
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.claims import DerivedTable, gather
from proofward.layers.columns.stack import Shape
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


def activation(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """A = min(max(Q, 0), 2^r)."""
    return by_pieces(lambda own: np.clip(rounded(own, scales), 0, scales.activation_limit), sums)


def slope(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """s = [1 <= Q <= 2^r], the derivative of A."""
    bits = scales.activation_range_bits
    return by_pieces(lambda own: (above_one(own, scales) >> bits == 0).astype(np.int64), sums)


def above_least(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """X = G + 2^g, which is in its range from 0 to 2^(g+1) - 1 where the gradient does not saturate."""
    least = 1 << scales.gradient_range_bits
    return by_pieces(lambda own: rounded_back(own, scales) + least, back_sums)


def back_high_limb(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """e = floor((G + 2^g) / 2^(g+1))."""
    return above_least(back_sums, scales) >> (scales.gradient_range_bits + 1)


def saturated(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """w - 2^g + 2^(g+1) sign(e): G where |G| < 3 * 2^g, otherwise something of its sign and bounded."""
    bits = scales.gradient_range_bits
    return by_pieces(
        lambda own: saturated_at_ends(above_least(own, scales), bits + 1) - (1 << bits), back_sums
    )


@dataclass(frozen=True)
class Relu(Activation):
    """A value for every sum."""

    kind: ClassVar[str] = "relu"

    @property
    def gives(self) -> Layout:
        return self.takes

    def forward(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        return activation(sums, scales)

    def backward(self, sums: Int64Array, back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
        result: Int64Array = slope(sums, scales) * saturated(back_sums, scales)
        return result

    def real_values(self, sums: RealArray, limit: float) -> RealArray:
        return np.clip(sums, 0, limit)

    def real_gradients(self, sums: RealArray, gradients: RealArray, limit: float) -> RealArray:
        return np.multiply((sums > 0) & (sums < limit), gradients)

    def committed(self, scales: FixedPoint, limbs_above: tuple[Beyond, Beyond]) -> int:
        back = self.takes.padded_size * ReluRelation.count_back(scales, limbs_above[1])
        return self.forward_committed(scales, limbs_above[0]) + back

    def forward_committed(self, scales: FixedPoint, limb_above: Beyond) -> int:
        return self.takes.padded_size * ReluForward.count_all(scales, limb_above)

    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limbs_above: tuple[Beyond, Beyond],
        trace: Callable[[], HiddenTrace],
    ) -> ReluRelation:
        def sums() -> Int64Array:
            return trace().sums

        return ReluRelation.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=self.takes.log_size,
            limbs_above=limbs_above,
            sums=sums,
            back_sums=lambda: trace().back_sums,
            forward=rounding_of(ranges, scales, name, sums, limbs_above[0].limb_bits),
        )

    def forward_relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limb_above: Beyond,
        sums: Callable[[], Int64Array],
    ) -> ReluForward:
        return ReluForward.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=self.takes.log_size,
            limb_above=limb_above,
            sums=sums,
            forward=rounding_of(ranges, scales, name, sums, limb_above.limb_bits),
        )


def rounding_of(
    ranges: RangeChecks, scales: FixedPoint, name: str, sums: Callable[[], Int64Array], limb_bits: int
) -> Callable[[LinearCombination], Rounding]:
    """What ties a quotient to sums that it is the rounding of."""
    return lambda quotient: Rounding.declare(
        ranges, name, scales.divisor, quotient, sums, limb_bits=limb_bits
    )


@dataclass(frozen=True, slots=True)
class ReluRelation(ActivationRelation):
    """The committed columns of one hidden layer; see the module's description."""

    values: ReluForward
    saturated_gradient: Quotient

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        log_units: int,
        limbs_above: tuple[Beyond, Beyond],
        sums: Callable[[], Int64Array],
        back_sums: Callable[[], Int64Array],
        forward: Callable[[LinearCombination], Rounding],
        over_sums: Callable[[LinearCombination], Quotient] = lambda gradient: gradient,
        log_values: int | None = None,
    ) -> ReluRelation:
        """Declare the columns of a layer of 2^log_units units and their lookups.

        `limbs_above` are how Q and G are committed to, by the bounds of the sums and of the back sums.
        `forward` is given Q and declares what ties it to the sums. Where there are gradients of 2^log_values
        values only, `over_sums` says which of them belongs to each unit.
        """
        values = ReluForward.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=log_units,
            limb_above=limbs_above[0],
            sums=sums,
            forward=forward,
        )
        size = shape.log_samples + (log_units if log_values is None else log_values)
        bits = scales.gradient_range_bits
        whole, ended = limbs_above[1].declare_saturating(
            ranges, f"{name} gradient", size, bits + 1, lambda: above_least(back_sums(), scales)
        )
        backward = Rounding.declare(
            ranges,
            f"{name} gradient",
            scales.back_divisor,
            combine((1, whole), constant=-(1 << bits)),
            back_sums,
            limb_bits=limbs_above[1].limb_bits,
        )
        saturated_gradient = over_sums(combine((1, ended), constant=-(1 << bits)))

        def deltas(party: Party) -> Array:
            return mul(party.values(values.flags.inside), saturated_gradient.values(party.values))

        return ReluRelation(
            values.forward,
            backward,
            values.activation,
            DerivedTable(shape, deltas),
            values,
            saturated_gradient,
        )

    @staticmethod
    def count_back(scales: FixedPoint, beyond: Beyond) -> int:
        """Columns of the gradients that `declare` declares."""
        return beyond.saturating_columns + Rounding.count(scales.back_divisor, scales, beyond.limb_bits)

    def prove_values(self, party: Party) -> None:
        """All claims about A and dZ, at once; no claim can be made afterwards."""
        point, (activation, delta) = gather(party, [self.values.table, self.delta], self.values.log_size)
        eta = party.challenge()
        party.soundness.add("values of hidden layers", "Schwartz-Zippel", 1)
        self.values.prove_at(party, point, activation + delta * eta, [(eta, self.saturated_gradient)])
