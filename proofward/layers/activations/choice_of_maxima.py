"""Columns that choose the first maximum of every window; `relu_maxpool2d_relation` has what they prove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_add, ext_scale, lift
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import evaluate
from proofward.field.narrow import Narrow, widened
from proofward.field.scalar import P
from proofward.layers.activations.windows import WindowPoint, first_maximum, maximum, spread, taps
from proofward.layers.arithmetic.beyond import Beyond, Span
from proofward.layers.arithmetic.ranges import RangeChecks, limbs
from proofward.layers.arithmetic.rounding import Rounding, rounded
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.claims import DerivedTable
from proofward.layers.columns.stack import Shape, eq_weights
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.claims import Parts, Range
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.parts import taken
from proofward.proof.party import Party

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

    @staticmethod
    def count(scales: FixedPoint, limb_above: Beyond) -> int:
        """Columns for every sum, the remainders' among them."""
        limb_bits = limb_above.limb_bits
        distances = limbs(distance_bits(scales, limb_above.span), limb_bits or scales.table_bits)
        return 1 + len(distances) + Rounding.count(scales.divisor, scales, limb_bits)

    def prove(self, party: Party, point: Point, claim: Form, passed: DerivedTable | None = None) -> None:
        """claim = e dQ at the point, and sum of e = 1, e (e - 1) = e D = 0 everywhere.

        passed: dQ over windows, about which a claim is made where the sumcheck ends; None for 0.
        """
        party.assert_zero(self.sum_at(point) - 1)
        c, d = party.challenges(2)
        party.soundness.add("choices of maxima", "Schwartz-Zippel", 2 * len(point))

        def tables() -> Parts:
            gradients = None if passed is None else passed.narrow(party)

            def part(ranges: Sequence[Range]) -> list[tuple[Array, Array]]:
                chosen = taken(party.narrow(self.chosen), ranges)
                other = ext_scale(lift(add_constant(chosen, P - 1)), c)
                other = ext_add(other, ext_scale(lift(self.distance.part(party.narrow, ranges)), d))
                if gradients is not None:
                    own = [part_over_windows(gradients, self.layout.padded_axes, range) for range in ranges]
                    other = ext_add(other, lift(np.concatenate(own)))
                return [(lift(chosen), other)]

            return Parts(1 << self.log_size, 1, part)

        reduced = party.sumcheck(claim, eq_weights(point), tables)
        chosen, other, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        bit = self.chosen.at(reduced.point)
        party.assert_zero(chosen - bit)
        rest = other - (bit - 1) * c - self.distance.at(reduced.point) * d
        if passed is None:
            party.assert_zero(rest)
            return
        window = WindowPoint.of(reduced.point, self.layout).window
        value = evaluate(passed.flat(party), window) if party.knows_witness else None
        gradient = party.send(value)
        party.assert_zero(rest - gradient)
        samples = passed.shape.log_samples
        passed.assert_at(party, window[:samples], window[samples:], gradient)


@dataclass(frozen=True, slots=True)
class Choosing:
    """Declares the selection where the windows' quotient is declared; `made` has it then."""

    ranges: RangeChecks
    scales: FixedPoint
    shape: Shape
    name: str
    layout: Layout
    limb_above: Beyond
    sums: Callable[[], Int64Array]
    made: list[Selection] = field(default_factory=list)

    def greatest(self) -> Int64Array:
        """The greatest sum of every window."""
        return maximum(taps(self.sums(), self.layout.padded_axes))

    def round(self, quotient: LinearCombination) -> Rounding:
        """The rounding of all sums, whose windows have this maximum."""
        name, scales, axes = self.name, self.scales, self.layout.padded_axes
        size, party = self.shape.log_samples + self.layout.log_size, self.ranges.party

        def chosen() -> Array:
            own = first_maximum(taps(rounded(self.sums(), scales), axes))
            return to_field(spread(own, axes).reshape(-1).astype(np.int64))

        column = party.declare(f"{name} chosen", size, chosen)
        distance = self.ranges.declare(
            f"{name} distances",
            size,
            distance_bits(scales, self.limb_above.span),
            lambda: _distances(rounded(self.sums(), scales), axes),
            self.limb_above.limb_bits,
        )
        self.made.append(Selection(self.layout, column, distance, quotient))
        return Rounding.declare(
            self.ranges,
            name,
            scales.divisor,
            self.made[0],
            self.sums,
            limb_bits=self.limb_above.limb_bits,
        )


def distance_bits(scales: FixedPoint, span: Span) -> int:
    """n: the high limbs' span holds all rounded sums, so two of them differ by less than 2^n."""
    low, most = span
    return scales.activation_range_bits + (most - low).bit_length()


def over_windows(values: Array, axes: tuple[int, ...]) -> Array:
    """An F-array over windows as one over their sums."""
    channels, height, width = axes
    pictures = values.reshape(-1, channels, height // 2, width // 2)
    return spread([pictures] * 4, axes).reshape(-1)


def part_over_windows(values: Narrow, axes: tuple[int, ...], part: Range) -> Array:
    """A range of `over_windows`: two rows of a picture are one row of windows, each value twice a row."""
    (start, stop), width = part, axes[-1]
    first, last = start // (2 * width), -(-stop // (2 * width))
    rows = widened(values[first * (width // 2) : last * (width // 2)]).reshape(-1, 1, width // 2, 1)
    spread_out = np.broadcast_to(rows, (last - first, 2, width // 2, 2)).reshape(-1)
    return spread_out[start - first * 2 * width : stop - first * 2 * width]


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
