"""Per-record clipping in a proof: the multiplier of every slot, and gradients times it.

What is proved. For every slot x of the batch, with A_l what layer l reads, dZ_l the gradient of its sums, and
the numbers of `clip_scale`, there are committed
    na_l, nd_l     the squared norms ||A_l||^2 and ||dZ_l||^2 at x, of a linear layer
    n_l            the squared norm of the gradient that x has at a convolution
    e, e'          limbs in [0, 2^b), b = slack_bits;   s = (e + e') / 2 + 1 is no column of its own
    q, w, v        limbs in the ranges of `ClipScale`
    c, k
with
    sum_l (na_l + 2^(2a)) nd_l + sum_l n_l = s^2 - 1 - e        beside means each times u_l^2 (`clip_scale`)
    c^2 = c,   q = c q
    w = q s + (C - s) (1 + c (2^12 - 1))
    v = c (s - 1 - w)
    k = [x < n] (2^12 - q)                   [x < n], whether the slot has one of the n rows, is public
and the layers' updates are sums of k dZ_l in the place of dZ_l.

Uniqueness. A and dZ are fixed by the training's relation, within their public ranges; so na_l, nd_l and S,
the left side, are integers below 2^58. With t = e + e' + 2 the first equation is t^2 = 4 (S + 1 + e), where
both sides are at most 2^62 as b <= 30: it holds in the integers, t is even, and s is an integer. From
e = s^2 - S - 1 >= 0 and e' = 2 s - 2 - e >= 0 follow (s - 1)^2 <= S < s^2, so s = floor(sqrt(S)) + 1, at most
2^29. The next lines are far below 2^62 in magnitude, as q < 2^13. For c = 0, q = 0 and w = C - s >= 0:
nothing is clipped, and k = 2^12. For c = 1, w = 2^12 C - (2^12 - q) s is in [0, s - 1] by v, so 2^12 - q is
the quotient of 2^12 C by s, and at most 2^12. If s <= C either way gives k = 2^12, and if s > C only the
second is left. So k is that of `clip_scale`: one more is too long, one less shrinks a record, and both are
refused. A slot without a row has k = 0, whatever it holds; slots with a row have each row once, by the
schedule.

Message order:
    verifier: a point p of the slots
    for each linear layer twice, values and gradients: a sumcheck for the squared norms at p
        prover: the value where it ended, twice, for its square; then the claim on it
    for each convolution its norms at p                             (gradient_clipping/norm_of_convolution.py)
    verifier: factors of the equations       a sumcheck of eq(p) times the equations
        prover: the factors of every product where it ended
for each claim on a layer's gradients times k at a point r
    a sumcheck of eq(r) k dZ                 prover: k and dZ where it ended
Soundness: the point and the factors by Schwartz-Zippel, the sumchecks, and the lookups of the limbs. How it
hides: the party pads every message; norms, multipliers and whether anything was clipped are never sent.
Source: ghost norms after Goodfellow 2015 (1510.01799); the multiplier's relation is ProofWard's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import numpy.typing as npt

from proofward.field.extension import DEGREE, Ext, ext_add, ext_mul, ext_scale, lift
from proofward.field.goldilocks import mul
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.layers.affine_layers.trained_weights import TrainedWeights
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.columns.stack import Gradient, Shape, Units, eq_weights, plain_weights
from proofward.layers.convolutions.conv2d_samples import Conv2dSamples
from proofward.layers.gradient_clipping.clip_scale import MULTIPLIER_BITS, ClipScale
from proofward.layers.gradient_clipping.clipped_training import Clipped
from proofward.layers.gradient_clipping.norm_of_convolution import prove_norms
from proofward.proof.forms import ONE, ZERO, Form, Point, combination
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Terms = Sequence[tuple[Ext, LinearCombination]]

FULL = 1 << MULTIPLIER_BITS
HALF = (P + 1) // 2
"""Of an even number, times 1/2 in the field."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A gradient times the multiplier of its slot, as a Gradient; it has one step."""

    gradient: Gradient
    shape: Shape
    weights: LinearCombination

    def matrix(self, party: Party) -> Array:
        """See `stack.Input`."""
        return self.flat(party).reshape(1 << self.shape.log_samples, -1)

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        """See `stack.Input`."""
        self.assert_units(party, samples, Units.at(unit), claim)

    def flat(self, party: Party) -> Array:
        """See `stack.Gradient`."""
        values, weights = self.gradient.flat(party), self.weights.values(party.values)
        return mul(values, np.repeat(weights, values.size // weights.size))

    def _multipliers(self, party: Party) -> Array:
        return lift(self.weights.values(party.values))

    def contract(self, party: Party, units: Units) -> Array:
        """See `stack.Gradient`."""
        return ext_mul(self._multipliers(party), self.gradient.contract(party, units))

    def combine(self, party: Party, weights: Array) -> Array:
        """See `stack.Gradient`."""
        own = ext_mul(np.ascontiguousarray(weights).reshape(DEGREE, -1), self._multipliers(party))
        return self.gradient.combine(party, own.reshape(weights.shape))

    def assert_units(self, party: Party, samples: Point, units: Units, claim: Form) -> None:
        """claim = sum over slots of eq(samples) k dZ, combined over units."""

        def tables() -> Tables:
            return Tables([(self._multipliers(party), self.gradient.contract(party, units))])

        reduced = party.sumcheck(claim, eq_weights(samples), tables)
        multiplier, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        party.assert_zero(multiplier - self.weights.at(reduced.point))
        self.gradient.assert_units(party, reduced.point, units, value)


@dataclass(frozen=True, slots=True)
class ClippingRelation:
    """The committed columns over the slots."""

    shape: Shape
    scale: ClipScale
    rows: int
    values: tuple[LinearCombination, ...]
    gradients: tuple[LinearCombination, ...]
    wholes: tuple[LinearCombination, ...]  #: ||g_l||^2 of convolutions
    above: LinearCombination  #: e
    below: LinearCombination  #: e'
    shortfall: LinearCombination  #: q
    room: LinearCombination  #: w
    rest: LinearCombination  #: v
    clipped: LinearCombination  #: c
    weights: LinearCombination  #: k

    @staticmethod
    def declare(
        ranges: RangeChecks,
        shape: Shape,
        scale: ClipScale,
        rows: int,
        witness: Callable[[], Clipped],
    ) -> ClippingRelation:
        """Declare the columns and their range checks."""
        size = shape.log_samples

        def column(title: str, values: Callable[[], Signed]) -> LinearCombination:
            return ranges.column(f"clipping {title}", size, values)

        def limbs(title: str, bits: int, values: Callable[[], Signed]) -> LinearCombination:
            return ranges.declare(f"clipping {title}", size, bits, values)

        def value(index: int) -> Signed:
            return witness().values[index]

        def gradient(index: int) -> Signed:
            return witness().gradients[index]

        def whole(index: int) -> Signed:
            return witness().wholes[index]

        slack = scale.slack_bits
        products, wholes = range(len(scale.products)), range(len(scale.wholes))
        return ClippingRelation(
            shape,
            scale,
            rows,
            tuple(column(f"norm of values {i + 1}", partial(value, i)) for i in products),
            tuple(column(f"norm of gradients {i + 1}", partial(gradient, i)) for i in products),
            tuple(column(f"norm of a convolution {i + 1}", partial(whole, i)) for i in wholes),
            limbs("square above", slack, lambda: witness().above(scale)),
            limbs("square below", slack, lambda: witness().below(scale)),
            limbs("shortfall", scale.shortfall_bits, lambda: witness().shortfall),
            limbs("room", scale.room_bits, lambda: witness().room(scale)),
            limbs("rest", scale.rest_bits, lambda: witness().rest(scale)),
            column("case", lambda: witness().case(scale)),
            column("weights", lambda: witness().weights),
        )

    @staticmethod
    def count(scale: ClipScale, table_bits: int) -> int:
        """Values of a slot that `declare` declares."""
        bits = (scale.slack_bits, scale.slack_bits, scale.shortfall_bits, scale.room_bits, scale.rest_bits)
        norms = 2 * len(scale.products) + len(scale.wholes)
        return norms + 2 + sum(-(-own // table_bits) for own in bits)

    def scaled(self, gradient: Gradient) -> Scaled:
        """A layer's gradient times the multipliers."""
        return Scaled(gradient, self.shape, self.weights)

    def prove(self, party: Party, layers: Sequence[TrainedWeights]) -> None:
        """Norms and multipliers are those of what the layers read and of the gradients of their sums."""
        point = party.challenges(self.shape.log_samples)
        products, wholes = 2 * len(self.values), len(self.wholes)
        party.soundness.add("norms of records", "Schwartz-Zippel", (products + wholes) * len(point))
        known = party.knows_witness
        linear = [layer for layer in layers if not isinstance(layer, Conv2dSamples)]
        for layer, norms in zip(linear, self.values, strict=True):
            flat = layer.inputs.matrix(party).reshape(-1) if known else None
            ended, value = _prove_squares(party, point, norms.at(point), layer.log_inputs, flat)
            layer.inputs.assert_at(party, ended[: len(point)], ended[len(point) :], value)
        for layer, norms in zip(linear, self.gradients, strict=True):
            flat = layer.gradient.flat(party) if known else None
            ended, value = _prove_squares(party, point, norms.at(point), layer.log_outputs, flat)
            layer.gradient.assert_units(party, ended[: len(point)], Units.at(ended[len(point) :]), value)
        convolutions = [layer for layer in layers if isinstance(layer, Conv2dSamples)]
        for own, norms, about in zip(convolutions, self.wholes, self.scale.wholes, strict=True):
            prove_norms(party, own, about.way, point, norms.at(point))
        self._prove_multipliers(party, point)

    def _prove_multipliers(self, party: Party, point: Point) -> None:
        """The sum of all equations, each times a factor of its own, is 0 at the point."""
        factors = (ONE, *party.challenges(5))
        party.soundness.add("multipliers of records", "Schwartz-Zippel", len(point) + 1)
        products, linear, masked = self._equations(factors)
        mask = np.zeros(1 << len(point), dtype=np.uint64)
        mask[: self.rows] = 1

        def tables() -> Tables:
            made = [(lift(own.values(party.values)), _values(party, terms)) for own, terms in products]
            made.append((lift(mask), _values(party, masked)))
            return Tables(made, _values(party, linear))

        reduced = party.sumcheck(Form.of(0), eq_weights(point), tables)
        at = reduced.point
        rest = reduced.claim - _at(linear, at) - _at(masked, at) * party.public(lambda: evaluate(mask, at))
        said = reduced.factors if party.knows_witness else [(ZERO, ZERO)] * len(products)
        for (own, terms), values in zip(products, said, strict=False):
            left, right, product = party.send_product(*values)
            party.assert_zero(left - own.at(at))
            party.assert_zero(right - _at(terms, at))
            rest = rest - product
        party.assert_zero(rest)

    def _equations(
        self, factors: Sequence[Ext]
    ) -> tuple[list[tuple[LinearCombination, Terms]], Terms, Terms]:
        """What adds up to 0 in every slot: products, a sum, and a sum that the mask multiplies.

        f0 (sum_l (na_l + 2^(2a)) nd_l + sum_l n_l - s^2 + 1 + e) + f1 (c^2 - c) + f2 (q - c q)
        + f3 (q s + (C - s) (1 + c (2^12 - 1)) - w) + f4 (c (s - 1 - w) - v) + f5 (k - mask (2^12 - q))
        """
        f0, f1, f2, f3, f4, f5 = factors
        bound, root = self.scale.bound, combine((HALF, self.above), (HALF, self.below), constant=1)
        short, case = self.shortfall, self.clipped
        products: list[tuple[LinearCombination, Terms]] = [
            (combine((1, own), constant=layer.one**2), [(f0 * layer.unit**2, gradient)])
            for layer, own, gradient in zip(self.scale.products, self.values, self.gradients, strict=True)
        ]
        products.append((root, [(f0 * -1, root), (f3, short)]))
        last = combine((1, root), (-1, self.room), constant=-1)
        products.append((case, [(f1, case), (f2 * -1, short), (f3 * -(FULL - 1), root), (f4, last)]))
        near = combine((-1, root), (bound * (FULL - 1), case), (-1, self.room), constant=bound)
        linear = [
            *((f0 * layer.unit**2, own) for layer, own in zip(self.scale.wholes, self.wholes, strict=True)),
            (f0, combine((1, self.above), constant=1)),
            (f1 * -1, case),
            (f2, short),
            (f3, near),
            (f4 * -1, self.rest),
            (f5, self.weights),
        ]
        return products, linear, [(f5, combine((1, short), constant=-FULL))]


def _at(terms: Terms, point: Point) -> Form:
    return combination(ZERO, [(factor, own.at(point)) for factor, own in terms])


def _values(party: Party, terms: Terms) -> Array:
    """The sum of factor times column as an E-array; a prover's."""
    return reduce(ext_add, (ext_scale(lift(own.values(party.values)), factor) for factor, own in terms))


def _prove_squares(
    party: Party, point: Point, claim: Form, log_units: int, values: Array | None
) -> tuple[Point, Form]:
    """claim = sum over slots and units of eq(point, slot) value^2: where it ended, and the value there."""

    def tables() -> Tables:
        assert values is not None
        return Tables([(lift(values), lift(values))])

    reduced = party.sumcheck(claim, eq_weights(point) + plain_weights(log_units), tables)
    left, right, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    party.assert_zero(left - right)
    return reduced.point, left
