"""Two-class head: sigmoid of the logit difference by table, and the gradient of the cross-entropy.

forward    z = Z[1] - Z[0];  D = round(z / 2^fw), R_D its remainder;  P = table[D]   (scale fd)
backward   g = P - 2^fd * Y;  dZ = (-g, +g)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows
from proofward.field.extension import Ext, ext_scale, lift
from proofward.field.goldilocks import to_field
from proofward.field.scalar import P
from proofward.layers.exact import FloatArray
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.ranges import RangeChecks
from proofward.layers.stack import Shape, Units
from proofward.layers.trace import HeadTrace
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, Column, Form, Point
from proofward.proof.lookup import Linear
from proofward.proof.party import Party
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]

SIGMOID_TAG = 64


@lru_cache(maxsize=8)
def sigmoid_table(scales: FixedPoint) -> Int64Array:
    """round(2^fd * sigmoid(D / 2^fa)) at index D + 2^r for D in [-2^r, 2^r), r = logit_range_bits; int64.

    Decimal exponentials of 40 digits, correctly rounded: the same table on every machine. Read-only. An exact
    tie can only be at D = 0, where the value is the integer 2^(fd-1); e^x is irrational at every other entry.
    """
    size = 1 << scales.logit_range_bits
    table = np.empty(2 * size, dtype=np.int64)
    unit = 1 << scales.gradient_bits
    with localcontext() as context:
        context.prec = 40
        for index in range(size + 1):
            decay = (Decimal(-index) / (1 << scales.activation_bits)).exp()
            upper = int((unit / (1 + decay)).to_integral_value(ROUND_HALF_EVEN))
            table[size - index] = unit - upper
            if index < size:
                table[size + index] = upper
    table.setflags(write=False)
    return table


def logit_difference(sums: FloatArray) -> FloatArray:
    """z = Z[:, 1] - Z[:, 0], float64 (B,), exact wherever |Z| < 2^51."""
    difference: FloatArray = sums[:, 1] - sums[:, 0]
    return difference


def probability(difference: FloatArray, scales: FixedPoint) -> FloatArray:
    """P of rounded logit differences D (B,) in the logit range: integers at scale fd, in [0, 2^fd]."""
    index = difference.astype(np.int64) + (1 << scales.logit_range_bits)
    return sigmoid_table(scales)[index].astype(np.float64)


def backward(error: FloatArray, gradients: FloatArray) -> None:
    """gradients (B, 2) = (-g, +g) for the error g (B,) = P - 2^fd * Y."""
    np.negative(error, out=gradients[:, 0])
    gradients[:, 1] = error


@dataclass(frozen=True, slots=True)
class TwoClassRelation:
    """The committed columns of the head: D, its remainder, P, g.

    What is proved: (D, P) is an entry of the sigmoid table, the remainder is in [0, 2^fw), g = P - 2^fd Y for
    the enrolled labels Y of the
    scheduled records (one random point). As a Gradient its values are (-g, +g), which need no column of their
    own.
    """

    shape: Shape
    logit_difference: Column
    remainder: Linear
    probability: Column
    error: Column

    @staticmethod
    def declare(
        party: Party, ranges: RangeChecks, scales: FixedPoint, shape: Shape, trace: Callable[[], HeadTrace]
    ) -> TwoClassRelation:
        """Declare the columns and their lookups."""
        size = shape.log_samples

        def column(title: str, field: str) -> Column:
            return party.declare(
                f"head {title}", size, lambda: to_field(getattr(trace(), field).reshape(-1).astype(np.int64))
            )

        d, p = column("logit differences", "logit_difference"), column("probabilities", "probability")
        g = column("errors", "error")
        r = ranges.declare("head remainders", size, scales.weight_bits, lambda: trace().remainder)
        low = scales.logit_range[0]
        values = sigmoid_table(scales)
        table = Table("sigmoid", SIGMOID_TAG, np.arange(low, low + values.size, dtype=np.int64), values)
        ranges.lookups.query(table, Linear(((1, d),)), Linear(((1, p),)))
        return TwoClassRelation(shape, d, r, p, g)

    def prove(self, party: Party, scales: FixedPoint, labels: Callable[[Point, Form], None]) -> None:
        """g = P - 2^fd Y at a random point; `labels` proves a claim on Y at a point of the samples."""
        point = party.challenges(self.shape.log_samples)
        party.soundness.add("head errors", "Schwartz-Zippel", len(point))
        difference = self.probability.at(point) - self.error.at(point)
        labels(point, difference * (ONE * (1 << scales.gradient_bits)).inverse())

    @staticmethod
    def difference_units() -> Units:
        """Weights (-1, +1) over the two logits."""
        return Units(np.array([[P - 1, 1], [0, 0]], dtype=np.uint64), None)

    def contract(self, party: Party, units: Units) -> Array:
        return ext_scale(lift(party.values(self.error)), _difference(units))

    def combine(self, party: Party, weights: Array) -> Array:
        steps, batch = self.shape.steps, self.shape.batch
        errors = party.values(self.error).reshape(steps, batch, 1)
        sums = batched_combine_rows(weights, errors)[:, :, 0]
        negated = ext_scale(np.ascontiguousarray(sums), ONE * -1)
        return np.ascontiguousarray(np.stack([negated, sums], axis=2))

    def at(self, samples: Point, units: Units) -> Form:
        return self.error.at(samples) * _difference(units)


def _difference(units: Units) -> Ext:
    """Weight of g: the weights' difference, since the gradient is (-g, +g)."""
    return element(units.weights, 1) - element(units.weights, 0)
