"""Softmax head of three and more classes: the gradient of the cross-entropy, by `softmax`.

    forward    P = softmax(Z), at scale fd
    backward   dZ_k = c (P_k - 2^fd Y_k),   Y_k = 1 for the label's class and 0 for all others

with the weight c of the label's class (`class_weights`), 1 unless the network says another.

A label is enrolled as the bits Y, one for each class. The proof is in `softmax_head_relation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proofward.layers.arithmetic.beyond import Span
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import rounded
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.layers.columns.stack import Shape, Units
from proofward.layers.heads.class_weights import WeightedLabels
from proofward.layers.heads.head import Head, HeadTrace, Integers, RealArray
from proofward.layers.heads.softmax import softmax
from proofward.layers.heads.softmax_head_relation import SoftmaxRelation
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import Point


@dataclass(frozen=True)
class SoftmaxHead(Head):
    """A logit and a bit of the label for each class."""

    admits: ClassVar[range] = range(3, MOST_CLASSES + 1)
    reach: ClassVar[int] = 5

    @property
    def labels(self) -> Layout:
        return self.takes

    def encode(self, labels: Integers) -> Int64Array:
        bits: Int64Array = (labels.reshape(-1, 1) == np.arange(self.classes)).astype(np.int64)
        return bits

    def range_bits(self, scales: FixedPoint) -> int:
        return scales.logit_range_bits

    def span(self, bound: int, scales: FixedPoint) -> Span:
        """Of y in D = x + 2^l y: two rounded logits differ by at most `bound` + 1."""
        return 0, (bound + 1) >> self.range_bits(scales)

    def gradients(self, sums: Int64Array, labels: Integers, scales: FixedPoint) -> Int64Array:
        probability = softmax(self.takes.unpad(sums), scales).probability
        errors = probability - (self.encode(labels) << scales.gradient_bits)
        return self.takes.pad(self.weighted(errors, labels))

    def real_gradients(self, logits: RealArray, labels: Int64Array, end: float) -> RealArray:
        below = logits - logits.max(axis=1, keepdims=True)
        powers = np.where(below > -end, np.exp(below), 0)
        gradients: RealArray = powers / powers.sum(axis=1, keepdims=True) - self.encode(labels)
        return self.weighted(gradients.astype(logits.dtype), labels)

    def scores(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        """Q: rounded logits, of which softmax takes the differences."""
        return rounded(sums, scales)

    @property
    def scored(self) -> Layout:
        return self.takes

    def scored_sums(self, sums: Int64Array) -> Int64Array:
        return sums

    def scored_logits(self, point: Point) -> Units:
        return Units.at(point)

    def real_scores(self, logits: RealArray) -> RealArray:
        return logits

    def chosen(self, scores: NDArray[Any]) -> Int64Array:
        """The first of the largest."""
        result: Int64Array = scores.argmax(axis=1).astype(np.int64)
        return result

    def committed(self, scales: FixedPoint, limb_above: HighLimb) -> int:
        return SoftmaxRelation.count(self.takes, scales, limb_above)

    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        limb_above: HighLimb,
        trace: Callable[[], HeadTrace],
    ) -> SoftmaxRelation:
        return SoftmaxRelation.declare(
            ranges,
            scales,
            shape,
            labels=WeightedLabels(self.weights, self.takes, lambda: trace().labels),
            limb_above=limb_above,
            sums=lambda: trace().sums,
            errors=lambda sums: self.gradients(sums, trace().labels.reshape(-1), scales),
        )
