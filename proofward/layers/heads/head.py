"""What stands above a network's last layer: the loss, as the gradients of the logits from the labels.

A head is one file: its description (`Head`), its gradients in integers and in real numbers, and its proof
(`HeadRelation`). One line of `registry` makes it known. In integers it is a total function: whatever the
logits are, the gradients are defined and at most 2^fd in magnitude, times the weight of the class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.field.extension import Ext
from proofward.layers.arithmetic.beyond import Span
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.stack import Shape, Units
from proofward.layers.heads.class_weights import Weights
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party

RealArray = NDArray[np.floating[Any]]
Int32Array = NDArray[np.int32]
Array = NDArray[np.uint64]
Integers = Int64Array | Int32Array
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class HeadTrace:
    """The logits of every step and the labels of their records."""

    sums: Int64Array  #: Z of the last layer over (step, sample, class), padded, scale fw + fa
    labels: Int32Array  #: numbers of classes, over (step, sample)

    @property
    def difference(self) -> Int64Array:
        """z = Z[1] - Z[0], over (step, sample)."""
        result: Int64Array = self.sums[..., 1] - self.sums[..., 0]
        return result


@dataclass(frozen=True)
class Head(ABC):
    """takes: the layout of the logits, one for each class. weights: of the classes, () where all are 1."""

    admits: ClassVar[range]
    """Numbers of outputs of the networks whose head it is."""
    reach: ClassVar[int] = 2
    """How large the integers are that forged limbs can make up, in multiples of the bound of the sums."""

    takes: Layout
    weights: Weights = ()

    def largest_gradient(self, scales: FixedPoint) -> int:
        """Gradients of the logits are at most this in magnitude."""
        return max(self.weights, default=1) << scales.gradient_bits

    def weighted(self, errors: NDArray[T], labels: Integers) -> NDArray[T]:
        """P - Y of records (B, ..), times the weights of their classes."""
        if not self.weights:
            return errors
        own = np.array(self.weights, dtype=errors.dtype)[labels]
        return errors * own.reshape(-1, *[1] * (errors.ndim - 1))

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.takes.size

    @property
    @abstractmethod
    def labels(self) -> Layout:
        """Layout of a record's label in a dataset: the values that `encode` makes of it."""

    @abstractmethod
    def encode(self, labels: Integers) -> Int64Array:
        """Bits (n, size) of the `labels` layout, of the numbers of classes (n,)."""

    @abstractmethod
    def range_bits(self, scales: FixedPoint) -> int:
        """Bits of a rounded difference of logits below the high limb."""

    @abstractmethod
    def span(self, bound: int, scales: FixedPoint) -> Span:
        """Of the high limb that `relation` needs, where a rounded difference of logits is at most `bound`."""

    @abstractmethod
    def gradients(self, sums: Int64Array, labels: Integers, scales: FixedPoint) -> Int64Array:
        """Gradients of the logits (B, padded), from their exact sums (B, padded) and the labels (B,)."""

    @abstractmethod
    def real_gradients(self, logits: RealArray, labels: Int64Array, end: float) -> RealArray:
        """Gradients of real logits (B, classes); a difference of logits beyond `end` counts as that much."""

    @abstractmethod
    def scores(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        """What decides for a class, at scale fa, of exact logits (n, classes): (n,), or (n, classes)."""

    @property
    @abstractmethod
    def scored(self) -> Layout:
        """Layout of a record's scores."""

    @abstractmethod
    def scored_sums(self, sums: Int64Array) -> Int64Array:
        """What `scores` rounds, (n, padded) in the layout of scores, of exact logits (n, padded)."""

    @abstractmethod
    def scored_logits(self, point: Point) -> Units:
        """Weights over the logits that make what `scores` rounds, at a point of the layout of scores."""

    @abstractmethod
    def real_scores(self, logits: RealArray) -> RealArray:
        """`scores` of real logits (n, classes)."""

    @abstractmethod
    def chosen(self, scores: NDArray[Any]) -> Int64Array:
        """The number of the class that scores decide for, int64 (n,); of real scores too."""

    @abstractmethod
    def committed(self, scales: FixedPoint, limb_above: HighLimb) -> int:
        """Values of a sample that `relation` declares columns for."""

    @abstractmethod
    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        limb_above: HighLimb,
        trace: Callable[[], HeadTrace],
    ) -> HeadRelation:
        """Declare the columns and their lookups; `trace` is a prover's, `limb_above` is that of `span`."""


class LabelClaims(Protocol):
    """Who proves what the labels are."""

    def assert_labels(self, party: Party, samples: Point, value: Point, claim: Form) -> None:
        """claim = the encoded labels' extension at (samples, value)."""

    def assert_combined_labels(self, party: Party, samples: Point, factors: list[Ext], claim: Form) -> None:
        """claim = sum of factor * value of the encoded labels, at a point of the samples."""


@dataclass(frozen=True, slots=True)
class HeadRelation(ABC):
    """A head in a proof; as a Gradient it is that of the logits."""

    shape: Shape
    scales: FixedPoint
    rounding: Rounding  #: of what is made of the logits; its claim is one on `logits_at` its point

    @abstractmethod
    def logits_at(self, point: Point) -> Units:
        """Weights over the logits that make what `rounding` rounds, at its point."""

    @abstractmethod
    def prove(self, party: Party, labels: LabelClaims) -> None:
        """The gradients are those of the committed columns and of the labels."""

    @abstractmethod
    def flat(self, party: Party) -> Array:
        """See `stack.Gradient`."""

    @abstractmethod
    def contract(self, party: Party, units: Units) -> Array:
        """See `stack.Gradient`."""

    @abstractmethod
    def combine(self, party: Party, weights: Array) -> Array:
        """See `stack.Gradient`."""

    @abstractmethod
    def assert_units(self, party: Party, samples: Point, units: Units, claim: Form) -> None:
        """See `stack.Gradient`."""
