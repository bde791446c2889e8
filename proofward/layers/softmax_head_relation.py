"""Proof of the softmax head: maximum, exponentials, and the exactly rounded division.

Columns over (step, sample, class), the classes padded to a power of two, unless said otherwise. With M, D, E,
S, P as in `softmax`, valid_k = 1 for a real class and 0 in padding, and b the bits of 2 S - 1, committed are
    M          one for each sample, by limbs in [-2^(m-1), 2^(m-1))
    D          by limbs D = x + 2^l y, where 0 <= x < 2^l, y any integer that public bounds admit
    s          the sign of y
    E, F       (x + 2^l s, E) and (x + 2^l s, F) are entries of two tables of 2^(l+1) entries:
               round(2^e exp(-i / 2^fa)) for i < 2^l and 0 beyond;  1 for i = 0 and 0 beyond
    P          by limbs in [0, 2^(fd+1))
    rho        by limbs in [0, 2^b)
    g          the gradients dZ
Proved of them is
    Q := valid M - D is the rounding of Z:  R = Z + 2^(fw-1) - 2^fw Q is virtual, in [0, 2^fw)
    N := sum_k F_k, of real classes:        N - 1 is virtual, in [0, 2^ceil(log2 K))
    S := sum_k E_k, of real classes:        2 S - 1 - rho is virtual, in [0, 2^b)
    2^(fd+1) valid E + S = 2 S P + rho
    g + 2^fd Y = P for the enrolled labels Y of the scheduled records (with weights as in `class_weights`)
N and S are functions of F and E: their extension at a point of the samples is 2^c times that of F or E with
1/2 for each of the c variables of the class, less what padding adds, which is public, see below.

Uniqueness. Z is fixed (`relu`). The integers that the limbs can make up are below 2^62 (`bounds`), so R's
range makes Q the rounding of Z. The key x + 2^l s is in [0, 2^(l+1)) only for s = 0 and s = 1; so y >= 0 and
M >= Q_k for every class, and D, x, y, s, E and F follow from M. N >= 1 says that D_k = 0 for one class, so M
is the maximum; with several, nothing that is committed to depends on which is meant. Now S >= 2^e is fixed
and below 2^(e+c), 0 <= rho < 2 S, and 2 S P + rho < 2^(b+fd+2) < 2^62; so the division's equation holds in
the integers, and P and rho are its quotient and remainder. Where public bounds say that y is 0 or 1, D itself
is one column and the tables' key.

In padding Z = 0 by induction, as weights and gradients are 0. There Q = -D, so D = 0, E = 2^e and F = 1,
which is what N and S leave out; and S = 2 S P + rho gives P = 0, rho = S, g = 0.

Message order:
    verifier: a point q         the labels at q, or `class_weights` there
    a sumcheck of sum over x of eq(q, x) S(x) P(x)      prover: S and P where it ended
Soundness: log(size) / |E| for q in each of the two equations, and what the sumchecks and the labels enter.
How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_columns
from proofward.field.extension import Ext, lift
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import eq_table
from proofward.field.scalar import P
from proofward.layers.class_weights import WeightedLabels
from proofward.layers.head import HeadRelation, LabelClaims
from proofward.layers.layout import Layout
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.ranges import RangeChecks, combine, limbs
from proofward.layers.rounding import Rounding
from proofward.layers.saturation import HighLimb
from proofward.layers.softmax import Softmax, division_bits, exponential_bits, exponential_table, softmax
from proofward.layers.stack import Shape, Units, eq_weights
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]

EXPONENTIAL_TAG, ZERO_TAG = 67, 68


@dataclass(frozen=True, slots=True)
class ClassSum:
    """The sum over the real classes of a column that has a known value in padding."""

    column: Column
    takes: Layout
    in_padding: int

    def at(self, samples: Point) -> Form:
        """Its extension at a point of the samples."""
        half, padding = (ONE * 2).inverse(), self.takes.padded_size - self.takes.size
        everything = self.column.at((*samples, *(half,) * self.takes.log_size)) * self.takes.padded_size
        return everything - self.in_padding * padding


@dataclass(frozen=True, slots=True)
class BelowMaximum:
    """Q = valid M - D, the rounded logits."""

    takes: Layout
    maximum: LinearCombination
    distance: LinearCombination

    @property
    def log_size(self) -> int:
        return self.distance.log_size

    def at(self, point: Point) -> Form:
        """Its multilinear extension."""
        split = self.maximum.log_size
        valid = ONE - beyond(point[split:], self.takes.size)
        return self.maximum.at(point[:split]) * valid - self.distance.at(point)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array."""
        result = np.zeros((1 << self.maximum.log_size, self.takes.padded_size), dtype=np.uint64)
        result[:, : self.takes.size] = self.maximum.values(of)[:, None]
        return add(result.reshape(-1), scale(self.distance.values(of), P - 1))


@dataclass(frozen=True, slots=True)
class SoftmaxRelation(HeadRelation):
    """The committed columns that are needed after the lookups; see the module's description."""

    takes: Layout
    exponential: Column
    total: ClassSum
    probability: LinearCombination
    remainder: LinearCombination
    error: Column
    weighted: WeightedLabels

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        labels: WeightedLabels,
        limb_above: HighLimb,
        sums: Callable[[], Int64Array],
        errors: Callable[[Int64Array], Int64Array],
    ) -> SoftmaxRelation:
        """Declare the columns and their lookups; `limb_above` is y, `errors` are a prover's gradients."""
        party, samples, takes = ranges.party, shape.log_samples, labels.takes
        size, unit = samples + takes.log_size, 1 << exponential_bits(scales)

        @cache
        def own() -> Softmax:
            return softmax(takes.unpad(sums().reshape(-1, takes.padded_size)), scales)

        def padded(values: Int64Array, in_padding: Int64Array | int = 0) -> Int64Array:
            """(samples, classes) over (samples, padded), flat."""
            full = np.zeros((len(values), takes.padded_size), dtype=np.int64)
            full[:] = np.reshape(in_padding, (-1, 1))
            full[:, : takes.size] = values
            return full.reshape(-1)

        def column(title: str, values: Callable[[], Int64Array]) -> Column:
            return party.declare(f"head {title}", size, lambda: to_field(values()))

        bits = maximum_bits(scales, limb_above)
        offset = 1 << (bits - 1)
        shifted = ranges.declare("head maximum", samples, bits, lambda: own().maximum + offset)
        maximum = combine((1, shifted), constant=-offset)
        key, distance = _declare_distance(ranges, scales, size, limb_above, lambda: padded(own().distance))
        rounding = Rounding.declare(
            ranges, "head", scales.divisor, BelowMaximum(takes, maximum, distance), sums
        )
        exponential = column("exponentials", lambda: padded(own().exponential, unit))
        equal = column("equal to the maximum", lambda: padded((own().distance == 0).astype(np.int64), 1))
        table = exponential_table(scales)
        keys = np.arange(table.size, dtype=np.int64)
        for title, tag, entries, found in (
            ("exponentials", EXPONENTIAL_TAG, table, exponential),
            ("zeros", ZERO_TAG, (keys == 0).astype(np.int64), equal),
        ):
            ranges.lookups.query(Table.of(title, tag, keys, entries), key, LinearCombination(((1, found),)))
        maxima = ClassSum(equal, takes, 1)
        ranges.require_virtual(
            "head maxima beside one",
            samples,
            takes.log_size,
            lambda: (own().distance == 0).sum(axis=1) - 1,
            lambda point: maxima.at(point) - 1,
        )
        probability = ranges.declare(
            "head probability", size, scales.gradient_bits + 1, lambda: padded(own().probability)
        )
        total, width = ClassSum(exponential, takes, unit), division_bits(scales, takes.size)
        remainder = ranges.declare(
            "head remainder of the division", size, width, lambda: padded(own().remainder, own().total)
        )
        ranges.require_virtual(
            "head room above the remainder",
            size,
            width,
            lambda: np.repeat(2 * own().total - 1, takes.padded_size) - padded(own().remainder, own().total),
            lambda point: total.at(point[:samples]) * 2 - 1 - remainder.at(point),
        )
        error = column("errors", lambda: errors(sums().reshape(-1, takes.padded_size)).reshape(-1))
        return SoftmaxRelation(
            shape, scales, rounding, takes, exponential, total, probability, remainder, error, labels
        )

    @staticmethod
    def count(takes: Layout, scales: FixedPoint, limb_above: HighLimb) -> int:
        """Values of a sample in the columns that `declare` declares."""

        def parts(bits: int) -> int:
            return len(limbs(bits, scales.table_bits))

        distance = 1 if limb_above.is_own_sign else 2 + limb_above.columns
        division = 2 * parts(division_bits(scales, takes.size)) - 1
        each = distance + Rounding.count(scales.divisor, scales) + division
        each += 3 + parts(scales.gradient_bits + 1)
        more = parts(maximum_bits(scales, limb_above)) + parts(takes.log_size) - 1
        return takes.padded_size * each + more

    def logits_at(self, point: Point) -> Units:
        return Units.at(point[self.shape.log_samples :])

    def prove(self, party: Party, labels: LabelClaims) -> None:
        """The gradients and the division, at one random point."""
        samples, scales = self.shape.log_samples, self.scales
        point = party.challenges(samples + self.takes.log_size)
        party.soundness.add("head errors and division", "Schwartz-Zippel", 2 * len(point))
        self._prove_gradients(party, labels, point)
        in_padding = beyond(point[samples:], self.takes.size) * (1 << exponential_bits(scales))
        scaled = (self.exponential.at(point) - in_padding) * (2 << scales.gradient_bits)
        claim = scaled + self.total.at(point[:samples]) - self.remainder.at(point)

        def tables() -> Tables:
            exponentials = party.values(self.exponential).reshape(-1, self.takes.padded_size)
            totals = exponentials[:, : self.takes.size].sum(axis=1, dtype=np.uint64)  # below 2^27
            spread = np.repeat(totals, self.takes.padded_size)
            return Tables([(lift(spread), lift(self.probability.values(party.values)))])

        reduced = party.sumcheck(claim * (ONE * 2).inverse(), eq_weights(point), tables)
        total, probability, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        party.assert_zero(total - self.total.at(reduced.point[:samples]))
        party.assert_zero(probability - self.probability.at(reduced.point))

    def _prove_gradients(self, party: Party, labels: LabelClaims, point: Point) -> None:
        """g + 2^fd Y = P at the point, or with weights g + 2^fd c Y = c P."""
        samples, unit = self.shape.log_samples, 1 << self.scales.gradient_bits
        if not self.weighted.weights:
            error = self.probability.at(point) - self.error.at(point)
            labels.assert_labels(party, point[:samples], point[samples:], error * (ONE * unit).inverse())
            return
        ended, probability = self.weighted.prove(
            party,
            labels.assert_combined_labels,
            point,
            self.error.at(point),
            unit,
            lambda: self.probability.values(party.values),
        )
        party.assert_zero(probability - self.probability.at(ended))

    def flat(self, party: Party) -> Array:
        return party.values(self.error)

    def contract(self, party: Party, units: Units) -> Array:
        return combine_columns(self.flat(party).reshape(-1, self.takes.padded_size), units.weights)

    def combine(self, party: Party, weights: Array) -> Array:
        tensor = self.flat(party).reshape(self.shape.steps, self.shape.batch, -1)
        return batched_combine_rows(weights, tensor)

    def assert_units(self, party: Party, samples: Point, units: Units, claim: Form) -> None:
        assert units.point is not None
        party.assert_zero(claim - self.error.at((*samples, *units.point)))


def maximum_bits(scales: FixedPoint, limb_above: HighLimb) -> int:
    """m: the span of y bounds every difference of two logits, and so every logit."""
    return ((limb_above.span[1] + 1) << scales.logit_range_bits).bit_length() + 1


def beyond(unit: Point, classes: int) -> Ext:
    """The sum of eq(unit, k) over the classes k in padding."""
    table, result = eq_table(unit), ZERO
    for k in range(classes, 1 << len(unit)):
        result = result + element(table, k)
    return result


def _declare_distance(
    ranges: RangeChecks, scales: FixedPoint, size: int, limb: HighLimb, distances: Callable[[], Int64Array]
) -> tuple[LinearCombination, LinearCombination]:
    """The tables' key x + 2^l s, and D."""
    bits = scales.logit_range_bits

    def column(title: str, values: Callable[[], Int64Array]) -> LinearCombination:
        declared = ranges.party.declare(f"head {title}", size, lambda: to_field(values()))
        return LinearCombination(((1, declared),))

    if limb.is_own_sign:
        distance = column("distances", distances)
        return distance, distance
    low = column("distances low", lambda: distances() & ((1 << bits) - 1))
    ranges.require(low, bits)
    sign = column("distances sign", lambda: np.sign(distances() >> bits))
    high = limb.declare(ranges, "head distances high", sign, lambda: distances() >> bits)
    return combine((1, low), (1 << bits, sign)), combine((1, low), (1 << bits, high))
