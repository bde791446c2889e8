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

What is proved: the committed v, u, w, e, s, o and sign(e) are these. R and R' are virtual (`rounding`); of
their limbs all but the top one are committed to. A and dZ are never committed to: what the layers claim about
them, at points that the layers choose, is gathered, and proved of the formulas above by two sumchecks for
each hidden layer after the last claim is made.

Uniqueness, by induction over steps and, in a step, layers forwards and then backwards. Z is a function of
the first weights, the records and earlier values, and within its bound. Its decomposition in R, v and u is
unique as that of an integer: R and v are looked up in their ranges, u is bounded by its lookups (or is s +
2 o - 1 of bits, where public bounds make |u| <= 1), and with these ranges neither side of the equation can
reach 2^62 (`bounds`). s and o are then the only bits with s + 2 o - 1 = sign(u), which is looked up
(`saturation`). The same holds for R', w, e and sign(e) by Z_back. So a prover has exactly one witness. This
is true of padding as well. In a unit that the layer does not have, weights are 0 at first; so Z = 0, Q = 0,
v = 2^r - 1, u = -1, s = o = 0, hence A = dZ = 0 and its weights stay 0; and G = 0, w = 2^g, e = 0. Steps
behind the last are steps like others, on rows that the schedule names.

Message order: the layers make claims; then `claims.gather` for A and dZ, which ends at a point q; then
    verifier: eta, c, d         a sumcheck of A + eta dZ at q and the bits' equations (`saturation.Flags`)
Soundness: see there; 1 / |E| more for eta. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import mul, to_field
from proofward.layers.activation import Activation, ActivationRelation, HiddenTrace, RealArray
from proofward.layers.claims import DerivedTable, gather
from proofward.layers.layout import Layout
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.ranges import RangeChecks, combine
from proofward.layers.relu_forward import ReluForward, high_limb
from proofward.layers.rounding import Quotient, Rounding, rounded, rounded_back
from proofward.layers.saturation import HighLimb
from proofward.layers.stack import Shape
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


def activation(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """A = min(max(Q, 0), 2^r)."""
    result: Int64Array = np.clip(rounded(sums, scales), 0, scales.activation_limit)
    return result


def slope(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """s = [1 <= Q <= 2^r], the derivative of A."""
    inside: Int64Array = (high_limb(sums, scales) == 0).astype(np.int64)
    return inside


def back_high_limb(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """e = floor((G + 2^g) / 2^(g+1))."""
    bits = scales.gradient_range_bits
    return (rounded_back(back_sums, scales) + (1 << bits)) >> (bits + 1)


def back_low_limb(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """w = G + 2^g - 2^(g+1) e."""
    bits = scales.gradient_range_bits
    return (rounded_back(back_sums, scales) + (1 << bits)) & ((1 << (bits + 1)) - 1)


def saturated(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """w - 2^g + 2^(g+1) sign(e): G where |G| < 3 * 2^g, otherwise something of its sign and bounded."""
    bits = scales.gradient_range_bits
    sign = np.sign(back_high_limb(back_sums, scales))
    return back_low_limb(back_sums, scales) - (1 << bits) + (sign << (bits + 1))


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

    def committed(self, scales: FixedPoint, limbs_above: tuple[HighLimb, HighLimb]) -> int:
        back = self.takes.padded_size * ReluRelation.count_back(scales, limbs_above[1])
        return self.forward_committed(scales, limbs_above[0]) + back

    def forward_committed(self, scales: FixedPoint, limb_above: HighLimb) -> int:
        return self.takes.padded_size * ReluForward.count_all(scales, limb_above)

    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limbs_above: tuple[HighLimb, HighLimb],
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
            forward=rounding_of(ranges, scales, name, sums),
        )

    def forward_relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limb_above: HighLimb,
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
            forward=rounding_of(ranges, scales, name, sums),
        )


def rounding_of(
    ranges: RangeChecks, scales: FixedPoint, name: str, sums: Callable[[], Int64Array]
) -> Callable[[LinearCombination], Rounding]:
    """What ties a quotient to sums that it is the rounding of."""
    return lambda quotient: Rounding.declare(ranges, name, scales.divisor, quotient, sums)


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
        limbs_above: tuple[HighLimb, HighLimb],
        sums: Callable[[], Int64Array],
        back_sums: Callable[[], Int64Array],
        forward: Callable[[LinearCombination], Rounding],
        over_sums: Callable[[LinearCombination], Quotient] = lambda gradient: gradient,
        log_values: int | None = None,
    ) -> ReluRelation:
        """Declare the columns of a layer of 2^log_units units and their lookups.

        `limbs_above` are u and e, by the bounds of the sums and of the back sums. `forward` is given Q and
        declares what ties it to the sums. Where there are gradients of 2^log_values values only, `over_sums`
        says which of them belongs to each unit.
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
        back = scales.gradient_range_bits + 1

        def of_back_sums(
            function: Callable[[Int64Array, FixedPoint], Int64Array],
        ) -> Callable[[], Int64Array]:
            return lambda: function(back_sums(), scales)

        back_low = ranges.declare(f"{name} gradient low", size, back, of_back_sums(back_low_limb))
        back_high, sign = _declare_gradient_high(
            ranges, name, size, limbs_above[1], of_back_sums(back_high_limb)
        )
        gradient = partial(_gradient, scales, back_low)
        backward = Rounding.declare(
            ranges, f"{name} gradient", scales.back_divisor, gradient(back_high), back_sums
        )
        saturated_gradient = over_sums(gradient(sign))

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
    def count_back(scales: FixedPoint, high: HighLimb) -> int:
        """Columns of the gradients that `declare` declares."""
        return 1 + (not high.is_zero) + high.columns + Rounding.count(scales.back_divisor, scales)

    def prove_values(self, party: Party) -> None:
        """All claims about A and dZ, at once; no claim can be made afterwards."""
        point, (activation, delta) = gather(party, [self.values.table, self.delta], self.values.log_size)
        eta = party.challenge()
        party.soundness.add("values of hidden layers", "Schwartz-Zippel", 1)
        self.values.prove_at(party, point, activation + delta * eta, [(eta, self.saturated_gradient)])


def _gradient(
    scales: FixedPoint, low: LinearCombination, high: LinearCombination | None
) -> LinearCombination:
    """w - 2^g + 2^(g+1) times e or its sign."""
    bits = scales.gradient_range_bits
    parts = [(1, low)] + ([] if high is None else [(2 << bits, high)])
    return combine(*parts, constant=-(1 << bits))


def _declare_gradient_high(
    ranges: RangeChecks, name: str, log_size: int, limb: HighLimb, high: Callable[[], Int64Array]
) -> tuple[LinearCombination | None, LinearCombination | None]:
    """e and its sign, None where e is the constant 0."""
    if limb.is_zero:
        return None, None
    title = f"{name} gradient sign"
    column = ranges.party.declare(title, log_size, lambda: to_field(np.sign(high().reshape(-1))))
    sign = LinearCombination(((1, column),))
    if limb.is_own_sign:
        ranges.require_sign(sign, 2, sign)
    return limb.declare(ranges, f"{name} gradient high", sign, high), sign
