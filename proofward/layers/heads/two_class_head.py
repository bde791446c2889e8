"""Two-class head: sigmoid of the clamped logit difference by table, and the gradient of the cross-entropy.

    forward    z = Z[1] - Z[0];   2^fw D + R = z + 2^(fw-1), 0 <= R < 2^fw
               D = x - 2^l + 2^(l+1) y,   0 <= x < 2^(l+1), y any integer      (l = logit_range_bits)
               P = table[min(max(D, -2^l), 2^l - 1)]                            scale fd, in [0, 2^fd]
    backward   g = c (P - 2^fd Y);  dZ = (-g, +g)   (c the weight of the class, `class_weights`, usually 1)

Every value is defined whatever z is. With the usual scales the table is constant long before its ends, so
that P is round(2^fd sigmoid(D / 2^fa)) for every D.

What is proved: the limbs x, y and R are those of z, (x - 2^l, p) is an entry of the table, the bits m = [y
= 0] and h = [y > 0] are right (`flags`, `saturation`), and
    g + 2^fd Y = P = table[-2^l] + m (p - table[-2^l]) + h (table[2^l - 1] - table[-2^l])
for the enrolled labels Y of the scheduled records. Given z, all of them are unique: as for hidden layers
(`relu`). Message order:
    verifier: a point           prover: P there
    then `Flags.prove` for P, and the labels at the point
Soundness: log(samples) / |E| for the point, and what `Flags.prove` and the labels enter. How it hides: the
party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows
from proofward.field.extension import Ext, ext_scale, lift
from proofward.field.goldilocks import add, mul, scale, to_field
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.layers.arithmetic.beyond import Span, span_of
from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.arithmetic.rounding import Rounding, rounded
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.stack import Shape, Units
from proofward.layers.heads.class_weights import WeightedLabels
from proofward.layers.heads.head import Head, HeadRelation, HeadTrace, Integers, LabelClaims, RealArray
from proofward.layers.heads.sigmoid import error, high_limb, low_limb, sigmoid_table
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]

SIGMOID_TAG = 64


def difference_units() -> Units:
    """Weights (-1, +1) over the two logits."""
    return Units(any_weights=np.array([[P - 1, 1], [0, 0]], dtype=np.uint64))


@dataclass(frozen=True)
class TwoClassHead(Head):
    """Two logits; a label is one bit."""

    admits: ClassVar[range] = range(2, 3)

    @property
    def labels(self) -> Layout:
        return Layout(())

    def encode(self, labels: Integers) -> Int64Array:
        return labels.astype(np.int64).reshape(-1, 1)

    def range_bits(self, scales: FixedPoint) -> int:
        return scales.logit_range_bits + 1

    def span(self, bound: int, scales: FixedPoint) -> Span:
        return span_of(bound, scales.logit_range_bits)

    def gradients(self, sums: Int64Array, labels: Integers, scales: FixedPoint) -> Int64Array:
        errors = self.weighted(error(sums[:, 1] - sums[:, 0], labels, scales), labels)
        return np.stack([-errors, errors], axis=1)

    def real_gradients(self, logits: RealArray, labels: Int64Array, end: float) -> RealArray:
        difference = logits[:, 1] - logits[:, 0]
        errors = (1 / (1 + np.exp(-np.clip(difference, -end, end))) - labels).astype(logits.dtype)
        errors = self.weighted(errors, labels)
        return np.stack([-errors, errors], axis=1)

    def scores(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        """D, which training looks up after clamping it.

        As a score it is kept whole, so that records beyond the ends of the table keep their order.
        """
        return rounded(sums[:, 1] - sums[:, 0], scales)

    @property
    def scored(self) -> Layout:
        return Layout(())

    def scored_sums(self, sums: Int64Array) -> Int64Array:
        return (sums[:, 1] - sums[:, 0]).reshape(-1, 1)

    def scored_logits(self, point: Point) -> Units:
        return difference_units()

    def real_scores(self, logits: RealArray) -> RealArray:
        return logits[:, 1] - logits[:, 0]

    def chosen(self, scores: npt.NDArray[Any]) -> Int64Array:
        return (scores > 0).astype(np.int64)

    def committed(self, scales: FixedPoint, limb_above: HighLimb) -> int:
        return TwoClassRelation.count(scales, limb_above)

    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        limb_above: HighLimb,
        trace: Callable[[], HeadTrace],
    ) -> TwoClassRelation:
        labels = WeightedLabels(self.weights, Layout(()), lambda: trace().labels)

        def errors() -> Int64Array:
            own = trace()
            return self.weighted(
                error(own.difference, own.labels, scales).reshape(-1), own.labels.reshape(-1)
            )

        return TwoClassRelation.declare(
            ranges, scales, shape, limb_above=limb_above, trace=trace, weighted=labels, errors=errors
        )


@dataclass(frozen=True, slots=True)
class TwoClassRelation(HeadRelation):
    """The committed columns of the head; see the module's description.

    As a Gradient its values are (-g, +g), which need no column of their own.
    """

    low: LinearCombination
    flags: Flags | None
    entry: Column
    error: Column
    weighted: WeightedLabels

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        limb_above: HighLimb,
        trace: Callable[[], HeadTrace],
        weighted: WeightedLabels,
        errors: Callable[[], Int64Array],
    ) -> TwoClassRelation:
        """Declare the columns and their lookups; `limb_above` is y."""
        size, party, bits = shape.log_samples, ranges.party, scales.logit_range_bits
        table = sigmoid_table(scales)

        def column(title: str, values: Callable[[HeadTrace], Int64Array]) -> Column:
            return party.declare(f"head {title}", size, lambda: to_field(values(trace()).reshape(-1)))

        low = LinearCombination(((1, column("low", lambda own: low_limb(own.difference, scales))),))
        entry = column("entries", lambda own: table[low_limb(own.difference, scales)])
        error_column = party.declare("head errors", size, lambda: to_field(errors()))
        flags, high = None, None
        if not limb_above.is_zero:

            def high_values() -> Int64Array:
                return high_limb(trace().difference, scales)

            flags = Flags.declare(party, "head", size, high_values)
            high = limb_above.declare(ranges, "head high", flags.sign, high_values)
        rounding = Rounding.declare(
            ranges,
            "head",
            scales.divisor,
            _logit_difference(scales, low, high),
            lambda: trace().difference,
        )
        sigmoid = Table.of("sigmoid", SIGMOID_TAG, np.arange(table.size, dtype=np.int64), table)
        ranges.lookups.query(sigmoid, low, LinearCombination(((1, entry),)))
        assert sigmoid.log_size == bits + 1
        return TwoClassRelation(shape, scales, rounding, low, flags, entry, error_column, weighted)

    @staticmethod
    def count(scales: FixedPoint, limb_above: HighLimb) -> int:
        """Columns that `declare` declares."""
        flags = 0 if limb_above.is_zero else 2 + limb_above.columns
        return 3 + flags + Rounding.count(scales.divisor, scales)

    def logits_at(self, point: Point) -> Units:
        return difference_units()

    def prove(self, party: Party, labels: LabelClaims) -> None:
        """g + 2^fd Y = P at a random point, or with weights g + 2^fd c Y = c P."""
        point, unit = party.challenges(self.shape.log_samples), 1 << self.scales.gradient_bits
        party.soundness.add("head errors", "Schwartz-Zippel", len(point))
        if self.weighted.weights:
            ended, value = self.weighted.prove(
                party,
                labels.assert_combined_labels,
                point,
                self.error.at(point),
                unit,
                lambda: self._probabilities(party),
            )
            self._prove_probability(party, ended, value)
            return
        if self.flags is None:
            value = self.entry.at(point)
        else:
            known = party.knows_witness
            value = party.send(evaluate(self._probabilities(party), point) if known else None)
            self._prove_probability(party, point, value)
        labels.assert_labels(party, point, (), (value - self.error.at(point)) * (ONE * unit).inverse())

    def _prove_probability(self, party: Party, point: Point, value: Form) -> None:
        """P's extension at a point, uniform and drawn after the columns were committed to, is the value."""
        if self.flags is None:
            party.assert_zero(value - self.entry.at(point))
            return
        table = sigmoid_table(self.scales)
        least, most = int(table[0]), int(table[-1])
        inside = [(ONE, combine((1, LinearCombination(((1, self.entry),))), constant=-least))]
        self.flags.prove(party, point, value - least, inside, most - least)

    def _probabilities(self, party: Party) -> Array:
        """P of all samples, by its formula; a prover's."""
        if self.flags is None:
            return party.values(self.entry)
        table = sigmoid_table(self.scales)
        least, most = int(table[0]), int(table[-1])
        entries = combine((1, LinearCombination(((1, self.entry),))), constant=-least).values(party.values)
        values = mul(party.values(self.flags.inside), entries)
        assert self.flags.above is not None
        values = add(values, scale(party.values(self.flags.above), most - least))
        return add(values, np.full(values.shape, least, dtype=np.uint64))

    def flat(self, party: Party) -> Array:
        errors = party.values(self.error)
        return np.stack([scale(errors, P - 1), errors], axis=1).reshape(-1)

    def contract(self, party: Party, units: Units) -> Array:
        return ext_scale(lift(party.values(self.error)), _difference(units))

    def combine(self, party: Party, weights: Array) -> Array:
        steps, batch = self.shape.steps, self.shape.batch
        errors = party.values(self.error).reshape(steps, batch, 1)
        sums = batched_combine_rows(weights, errors)[:, :, 0]
        negated = ext_scale(np.ascontiguousarray(sums), ONE * -1)
        return np.ascontiguousarray(np.stack([negated, sums], axis=2))

    def assert_units(self, party: Party, samples: Point, units: Units, claim: Form) -> None:
        party.assert_zero(claim - self.error.at(samples) * _difference(units))


def _logit_difference(
    scales: FixedPoint, low: LinearCombination, high: LinearCombination | None
) -> LinearCombination:
    """D = x - 2^l + 2^(l+1) y."""
    bits = scales.logit_range_bits
    parts = [(1, low)] + ([] if high is None else [(2 << bits, high)])
    return combine(*parts, constant=-(1 << bits))


def _difference(units: Units) -> Ext:
    """Weight of g: the weights' difference, since the gradient is (-g, +g)."""
    return element(units.weights, 1) - element(units.weights, 0)
