"""Proof of ReLU with 2 x 2 max-pooling: which sum of every window is its first maximum.

Of a window with rounded sums Q_j, j = 2 wy + wx, the columns of `relu` have the maximum Q, its limbs and bits
and those of its gradient, at a quarter of the sums. For every sum there are besides
    e_j in {0, 1}      1 at the first j with Q_j = Q
    D_j in [0, 2^n)    Q - Q_j - c_j,    c_j = sum of e_i over i > j
D_j by limbs, n by public bounds. Proved is
    Q_j := Q - D_j - c_j is the rounding of Z_j: R_j = Z_j + 2^(fw-1) - 2^fw Q_j is virtual, in [0, 2^fw)
    e_j (e_j - 1) = 0,   e_j D_j = 0,   sum_j e_j = 1,   dZ_j = e_j dQ

Uniqueness. Z_j is fixed (`relu`), and all integers that the limbs can make up are below 2^62 (`bounds`), so
the equation holds in the integers and Q_j is the rounding of Z_j. Exactly one j* has e = 1. There c = 0, as
no other tap is chosen, and D = 0, hence Q = Q_j*. For j > j*, c_j = 0 and Q_j <= Q. For j < j*, c_j = 1 and
Q_j <= Q - 1. So Q is the maximum and j* the first tap that has it; D_j is then a function of Q_j. This is
true of windows in padding too: all Z_j = 0, so Q = 0, e_0 = 1, D = 0, and dQ = 0.

No range has to hold but D_j >= 0, since the maximum is taken before values saturate: the bits of saturation
and the signs are needed once for a window, and not for each of its sums.

Message order, when all claims about A and dZ are made:
    `claims.gather` for dZ, which ends at a point q;   the sum of e over windows at q is 1
    verifier: c, d    a sumcheck of e (dQ + c (e - 1) + d D) = dZ at q    prover: both factors, and dQ there
    then `relu` for A and dQ
c~ at a point is a sum of e~ at three taps of the window, and a sum over taps is four times e~ at wy = wx =
1/2. Soundness: log(sums) / |E| for q, log(windows) / |E| for the sum, and 2 / |E| for c and d. How it hides:
the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add, ext_scale, lift
from proofward.field.goldilocks import add, mul, scale, to_field
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.layers.activation import ActivationRelation, HiddenTrace
from proofward.layers.claims import DerivedTable, gather
from proofward.layers.layout import Layout
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.ranges import RangeChecks, limbs
from proofward.layers.relu import ReluRelation
from proofward.layers.rounding import Rounding, rounded
from proofward.layers.saturation import HighLimb
from proofward.layers.stack import Shape, eq_weights
from proofward.layers.windows import WindowPoint, first_maximum, maximum, spread, taps
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Selection:
    """The columns e and D of all sums, and Q of the windows."""

    layout: Layout
    chosen: Column
    distance: LinearCombination
    greatest: LinearCombination

    @property
    def log_size(self) -> int:
        return self.chosen.log_size

    def at(self, point: Point) -> Form:
        """The extension of Q_j = Q - D_j - c_j."""
        own = WindowPoint.of(point, self.layout)
        first, second, third, _ = own.weights()
        value = self.greatest.at(own.window) - self.distance.at(point)
        value = value - self.chosen.at(own.tap(ZERO, ONE)) * first
        value = value - self.chosen.at(own.tap(ONE, ZERO)) * (first + second)
        return value - self.chosen.at(own.tap(ONE, ONE)) * (first + second + third)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Q_j as an F-array; a prover's."""
        axes = self.layout.padded_axes
        chosen = taps(of(self.chosen), axes)
        later = [np.zeros_like(chosen[3])]
        for own in reversed(chosen[1:]):
            flat = add(np.ascontiguousarray(own).reshape(-1), np.ascontiguousarray(later[0]).reshape(-1))
            later.insert(0, flat.reshape(own.shape))
        result = add(over_windows(self.greatest.values(of), axes), scale(self.distance.values(of), P - 1))
        return add(result, scale(spread(later, axes).reshape(-1), P - 1))

    def sum_at(self, point: Point) -> Form:
        """The extension of the sum of e over the taps of a window, at the window of a point of the sums."""
        half = (ONE * 2).inverse()
        return self.chosen.at(WindowPoint.of(point, self.layout).tap(half, half)) * 4


@dataclass(frozen=True, slots=True)
class PooledRelation(ActivationRelation):
    """The columns of a pooled layer; `windows` is `relu` of the maxima."""

    selection: Selection
    windows: ReluRelation

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        layout: Layout,
        limbs_above: tuple[HighLimb, HighLimb],
        trace: Callable[[], HiddenTrace],
    ) -> PooledRelation:
        """Declare the columns and their lookups for sums of this layout."""
        size, axes = shape.log_samples + layout.log_size, layout.padded_axes
        made: list[Selection] = []

        def chosen() -> Array:
            own = first_maximum(taps(rounded(trace().sums, scales), axes))
            return to_field(spread(own, axes).reshape(-1).astype(np.int64))

        def distances() -> Int64Array:
            return _distances(rounded(trace().sums, scales), axes)

        def forward(quotient: LinearCombination) -> Rounding:
            column = ranges.party.declare(f"{name} chosen", size, chosen)
            bits = distance_bits(scales, limbs_above[0])
            distance = ranges.declare(f"{name} distances", size, bits, distances)
            made.append(Selection(layout, column, distance, quotient))
            return Rounding.declare(ranges, name, scales.weight_bits, made[0], lambda: trace().sums)

        windows = ReluRelation.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=layout.log_size - 2,
            limbs_above=limbs_above,
            sums=lambda: maximum(taps(trace().sums, axes)),
            back_sums=lambda: trace().back_sums,
            forward=forward,
        )
        selection = made[0]

        def deltas(party: Party) -> Array:
            return mul(party.values(selection.chosen), over_windows(windows.delta.flat(party), axes))

        delta = DerivedTable(shape, deltas)
        return PooledRelation(
            windows.forward, windows.backward, windows.activation, delta, selection, windows
        )

    @staticmethod
    def count(
        takes: Layout, gives: Layout, scales: FixedPoint, limbs_above: tuple[HighLimb, HighLimb]
    ) -> int:
        """Values of a sample in the columns that `declare` declares."""
        distances = len(limbs(distance_bits(scales, limbs_above[0]), scales.table_bits))
        sums = takes.padded_size * (1 + distances + Rounding.count(scales.weight_bits, scales))
        windows = ReluRelation.count(limbs_above[0]) + ReluRelation.count_back(scales, limbs_above[1])
        return sums + gives.padded_size * windows

    def prove_values(self, party: Party) -> None:
        point, (claim,) = gather(party, [self.delta], self.selection.log_size)
        party.assert_zero(self.selection.sum_at(point) - 1)
        self._prove_choice(party, point, claim)
        self.windows.prove_values(party)

    def _prove_choice(self, party: Party, point: Point, claim: Form) -> None:
        """dZ = e dQ at the point, and e (e - 1) = e D = 0 everywhere; claims dQ where the sumcheck ends."""
        own, c, d = self.selection, *party.challenges(2)
        party.soundness.add("choices of maxima", "Schwartz-Zippel", 2 * len(point))

        def tables() -> Tables:
            chosen = party.values(own.chosen)
            gradients = over_windows(self.windows.delta.flat(party), own.layout.padded_axes)
            other = ext_add(lift(gradients), ext_scale(lift(add_constant(chosen, P - 1)), c))
            other = ext_add(other, ext_scale(lift(own.distance.values(party.values)), d))
            return Tables([(lift(chosen), other)])

        reduced = party.sumcheck(claim, eq_weights(point), tables)
        chosen, other, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        bit = own.chosen.at(reduced.point)
        party.assert_zero(chosen - bit)
        window = WindowPoint.of(reduced.point, own.layout).window
        value: Ext | None = None
        if party.knows_witness:
            value = evaluate(self.windows.delta.flat(party), window)
        gradient = party.send(value)
        party.assert_zero(other - gradient - (bit - 1) * c - own.distance.at(reduced.point) * d)
        samples = self.delta.shape.log_samples
        self.windows.delta.assert_at(party, window[:samples], window[samples:], gradient)


def distance_bits(scales: FixedPoint, high: HighLimb) -> int:
    """n: the high limbs' span holds all rounded sums, so two of them differ by less than 2^n."""
    low, most = high.span
    return scales.activation_range_bits + (most - low).bit_length()


def over_windows(values: Array, axes: tuple[int, ...]) -> Array:
    """An F-array over windows as one over their sums."""
    channels, height, width = axes
    pictures = values.reshape(-1, channels, height // 2, width // 2)
    return spread([pictures] * 4, axes).reshape(-1)


def add_constant(values: Array, constant: int) -> Array:
    """values + constant in F."""
    return add(values, np.full(values.shape, constant % P, dtype=np.uint64))


def _distances(quotients: Int64Array, axes: tuple[int, ...]) -> Int64Array:
    """D_j, in the order of the sums."""
    parts = taps(quotients, axes)
    greatest, result = maximum(parts), []
    later = np.ones(greatest.shape, dtype=np.int64)
    for part, chosen in zip(parts, first_maximum(parts), strict=True):
        later = later - chosen  # of one bit that is 1, what is behind this tap
        result.append(greatest - part - later)
    return spread(result, axes)
