"""Weights of classes: the gradients of a record are multiplied by the public integer of its class.

    dZ = c (P - 2^fd Y),   c = c_y for the class y of the record, integers from 1 to 16

Exact: nothing is rounded, and gradients are at most 2^fd max c in magnitude.

What is proved, at a random point q of (sample, class), of gradients g and probabilities P:
    sum over x of eq(q, x) c(x) P(x) = g~(q) + 2^fd V,   V = (c Y)~(q)
c and c Y are affine in the encoded label: with bits of K classes c = sum_k c_k Y_k and c Y_k = c_k Y_k, as
exactly one bit is 1; with one bit Y of two classes c = c_0 + (c_1 - c_0) Y and c Y = c_1 Y. Message order:
    prover: V                      the labels at q
    a sumcheck                     prover: c and P where it ended, at p
    the labels at p                P at p, which the caller proves
Soundness: log(size) / |E| for q, which the caller enters, and what the sumchecks and the labels enter. How it
hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, lift
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import integer
from proofward.layers.columns.stack import eq_weights
from proofward.layers.rules.model import Int64Array
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]
Weights = tuple[int, ...]
Integers = Int64Array | npt.NDArray[np.int32]

LARGEST_CLASS_WEIGHT = 16

AssertCombined = Callable[[Party, Point, list[Ext], Form], None]
"""(party, samples, factors, claim): claim = sum of factor * value of the encoded label, at the samples."""


def checked(weights: object, classes: int) -> Weights:
    """The weights of so many classes, () for such as are all 1; raises ConfigurationError."""
    if not isinstance(weights, list | tuple) or len(weights) not in (0, classes):
        raise ConfigurationError("class_weights", f"a list of {classes} integers", weights)
    found = tuple(integer("class_weights", own, 1, LARGEST_CLASS_WEIGHT) for own in weights)
    return () if set(found) <= {1} else found


@dataclass(frozen=True, slots=True)
class WeightedLabels:
    """The weights of the classes, and a prover's labels of all samples.

    takes: of the logits' columns, () where the gradient is that of the second of two classes.
    """

    weights: Weights
    takes: Layout
    labels: Callable[[], Integers]

    def prove(
        self, party: Party, assert_combined: AssertCombined, point: Point, error: Form, unit: int,
        probabilities: Callable[[], Array],
    ) -> tuple[Point, Form]:  # fmt: skip
        """Of gradients that are `error` at `point`: where P is left to prove, and its value there."""
        samples = len(point) - self.takes.log_size
        value = party.send(evaluate(self._of_label(), point) if party.knows_witness else None)
        assert_combined(party, point[:samples], self._factors(point[samples:]), value)

        def tables() -> Tables:
            spread = np.repeat(self._of_sample(), self.takes.padded_size)
            return Tables([(lift(to_field(spread)), lift(probabilities()))])

        reduced = party.sumcheck(error + value * unit, eq_weights(point), tables)
        weight, probability, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        constant, factors = self._affine()
        assert_combined(party, reduced.point[:samples], [ONE * own for own in factors], weight - constant)
        return reduced.point, probability

    def _affine(self) -> tuple[int, list[int]]:
        """c as a constant and factors of the encoded label's values."""
        if self.takes.axes:
            return 0, list(self.weights)
        return self.weights[0], [self.weights[1] - self.weights[0]]

    def _factors(self, classes: Point) -> list[Ext]:
        """Factors of the encoded label's values in c Y at a point of the classes."""
        if not self.takes.axes:
            return [ONE * self.weights[1]]
        table = eq_table(classes)
        return [element(table, k) * own for k, own in enumerate(self.weights)]

    def _of_sample(self) -> Int64Array:
        return np.array(self.weights, dtype=np.int64)[self.labels().reshape(-1)]

    def _of_label(self) -> Array:
        """c Y over (sample, class), flat; a prover's."""
        labels, own = self.labels().reshape(-1), self._of_sample()
        if not self.takes.axes:
            return to_field(own * labels)
        full = np.zeros((len(own), self.takes.padded_size), dtype=np.int64)
        full[np.arange(len(own)), labels] = own
        return to_field(full.reshape(-1))
