"""Proof of the softmax head: the exactly rounded division, beside maximum and exponentials.

Over (step, sample, class), with S, P as in `softmax`, valid_k = 1 for a real class and 0 in padding, b the
bits of 2 S - 1, and the columns E of `softmax_columns`, committed are
    P          by limbs in [0, 2^(fd+1))
    rho        by limbs in [0, 2^b)
    g          the gradients dZ
Proved of them is
    S := sum_k E_k, of real classes:        2 S - 1 - rho is virtual, in [0, 2^b)
    2^(fd+1) valid E + S = 2 S P + rho
    g + 2^fd Y = P for the enrolled labels Y of the scheduled records (with weights as in `class_weights`)

Uniqueness. E and S are fixed (`softmax_columns`), S >= 2^e is below 2^(e+c), 0 <= rho < 2 S, and
2 S P + rho < 2^(b+fd+2) < 2^62; so the division's equation holds in the integers, and P and rho are its
quotient and remainder. In padding S = 2 S P + rho gives P = 0, rho = S, g = 0.

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
from proofward.field.extension import lift
from proofward.field.goldilocks import to_field
from proofward.layers.arithmetic.ranges import RangeChecks, limbs
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.stack import Shape, Units, eq_weights
from proofward.layers.heads.class_weights import WeightedLabels
from proofward.layers.heads.head import HeadRelation, LabelClaims
from proofward.layers.heads.softmax import Softmax, division_bits, exponential_bits, softmax
from proofward.layers.heads.softmax_columns import SoftmaxColumns, beyond, padded
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import ONE, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class SoftmaxRelation(HeadRelation):
    """The committed columns that are needed after the lookups; see the module's description."""

    columns: SoftmaxColumns
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
        size = samples + takes.log_size

        @cache
        def own() -> Softmax:
            return softmax(takes.unpad(sums().reshape(-1, takes.padded_size)), scales)

        columns = SoftmaxColumns.declare(
            ranges, scales, takes, samples, limb_above=limb_above, sums=sums, known=own
        )
        probability = ranges.declare(
            "head probability", size, scales.gradient_bits + 1, lambda: padded(takes, own().probability)
        )
        total, width = columns.total, division_bits(scales, takes.size)

        def remainders() -> Int64Array:
            return padded(takes, own().remainder, own().total)

        remainder = ranges.declare("head remainder of the division", size, width, remainders)
        ranges.require_virtual(
            "head room above the remainder",
            size,
            width,
            lambda: np.repeat(2 * own().total - 1, takes.padded_size) - remainders(),
            lambda point: total.at(point[:samples]) * 2 - 1 - remainder.at(point),
        )
        error = party.declare(
            "head errors", size, lambda: to_field(errors(sums().reshape(-1, takes.padded_size)).reshape(-1))
        )
        return SoftmaxRelation(
            shape, scales, columns.rounding, columns, probability, remainder, error, labels
        )

    @staticmethod
    def count(takes: Layout, scales: FixedPoint, limb_above: HighLimb) -> int:
        """Values of a sample in the columns that `declare` declares."""

        def parts(bits: int) -> int:
            return len(limbs(bits, scales.table_bits))

        division = 2 * parts(division_bits(scales, takes.size)) - 1
        each = 1 + parts(scales.gradient_bits + 1) + division
        return SoftmaxColumns.count(takes, scales, limb_above) + takes.padded_size * each

    @property
    def takes(self) -> Layout:
        """That of the logits."""
        return self.columns.takes

    def logits_at(self, point: Point) -> Units:
        return Units.at(point[self.shape.log_samples :])

    def prove(self, party: Party, labels: LabelClaims) -> None:
        """The gradients and the division, at one random point."""
        samples, scales = self.shape.log_samples, self.scales
        point = party.challenges(samples + self.takes.log_size)
        party.soundness.add("head errors and division", "Schwartz-Zippel", 2 * len(point))
        self._prove_gradients(party, labels, point)
        in_padding = beyond(point[samples:], self.takes.size) * (1 << exponential_bits(scales))
        scaled = (self.columns.exponential.at(point) - in_padding) * (2 << scales.gradient_bits)
        claim = scaled + self.columns.total.at(point[:samples]) - self.remainder.at(point)

        def tables() -> Tables:
            totals = self.columns.sums(party.values(self.columns.exponential))
            spread = np.repeat(totals, self.takes.padded_size)
            return Tables([(lift(spread), lift(self.probability.values(party.values)))])

        reduced = party.sumcheck(claim * (ONE * 2).inverse(), eq_weights(point), tables)
        total, probability, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        party.assert_zero(total - self.columns.total.at(reduced.point[:samples]))
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
