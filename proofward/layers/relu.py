"""ReLU on rounded pre-activations: s = [Q > 0], A = s*Q forward; dZ = s*G backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from proofward.field.extension import ext_add, ext_scale, ext_sub, lift
from proofward.field.goldilocks import to_field
from proofward.layers.exact import FloatArray
from proofward.layers.model import FixedPoint
from proofward.layers.ranges import RangeChecks
from proofward.layers.stack import Shape, StackedColumn, eq_weights
from proofward.layers.trace import HiddenTrace
from proofward.proof.forms import Column, Form
from proofward.proof.lookup import Linear
from proofward.proof.party import Party, Tables


def forward(pre_activation: FloatArray, sign: FloatArray, activation: FloatArray) -> None:
    """sign = [Q > 0] and activation = max(Q, 0), elementwise on float64 integers of one shape."""
    np.greater(pre_activation, 0.0, out=sign, casting="unsafe")
    np.multiply(sign, pre_activation, out=activation)


def backward(gradient: FloatArray, sign: FloatArray, delta: FloatArray) -> None:
    """delta = sign * G, elementwise on float64 integers of one shape."""
    np.multiply(sign, gradient, out=delta)


@dataclass(frozen=True, slots=True)
class ReluRelation:
    """The committed columns of one hidden layer and what they satisfy.

    What is proved, entry by entry: s is 0 or 1, A = s Q, dZ = s G (one zerocheck), v = 2 A - s - Q in [0,
    2^r), which with the former makes
    s = [Q > 0] (s = 1: v = Q - 1; s = 0: v = -Q), G in its range, remainders in [0, 2^fw).
    """

    pre_activation: Column
    sign: Column
    activation: StackedColumn
    remainder: Linear
    gradient: Column
    delta: StackedColumn
    gradient_remainder: Linear

    @staticmethod
    def declare(
        party: Party,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        name: str,
        log_units: int,
        trace: Callable[[], HiddenTrace],
    ) -> ReluRelation:
        """Declare the columns of a layer of 2^log_units units and their lookups."""
        size = shape.log_samples + log_units

        def column(title: str, field: str) -> Column:
            return party.declare(
                f"{name} {title}",
                size,
                lambda: to_field(getattr(trace(), field).reshape(-1).astype(np.int64)),
            )

        q, s = column("pre-activations", "pre_activation"), column("signs", "sign")
        a, g, d = (
            column("activations", "activation"),
            column("gradients", "gradient"),
            column("deltas", "delta"),
        )
        r = ranges.declare(f"{name} remainders", size, scales.weight_bits, lambda: trace().remainder)
        back = ranges.declare(
            f"{name} gradient remainders", size, scales.weight_bits, lambda: trace().gradient_remainder
        )
        ranges.require(Linear(((2, a), (-1, s), (-1, q))), scales.activation_range_bits)
        ranges.require(Linear(((1, g),), 1 << scales.gradient_range_bits), scales.gradient_range_bits + 1)
        return ReluRelation(q, s, StackedColumn(shape, a), r, g, StackedColumn(shape, d), back)

    def prove(self, party: Party) -> None:
        """The zerocheck: sum over x of eq(r, x) ((A - s Q) + c (s^2 - s) + d (dZ - s G)) = 0, as s (c s - Q -
        d G) + (A - c s + d dZ).
        """
        q, s, a = self.pre_activation, self.sign, self.activation.column
        g, delta = self.gradient, self.delta.column
        point = party.challenges(q.log_size)
        c, d = party.challenges(2)
        party.soundness.add("activations", "Schwartz-Zippel", len(point) + 2)

        def tables() -> Tables:
            signs = lift(party.values(s))
            scaled = ext_scale(signs, c)
            factor = ext_sub(ext_sub(scaled, lift(party.values(q))), ext_scale(lift(party.values(g)), d))
            rest = ext_add(ext_sub(lift(party.values(a)), scaled), ext_scale(lift(party.values(delta)), d))
            return Tables([(signs, factor)], rest)

        reduced = party.sumcheck(Form.of(0), eq_weights(point), tables)
        sign, factor, product = party.send_product(*reduced.factors[0])
        at = reduced.point
        rest = a.at(at) - s.at(at) * c + delta.at(at) * d
        party.assert_zero(reduced.claim - product - rest)
        party.assert_zero(sign - s.at(at))
        party.assert_zero(factor - (s.at(at) * c - q.at(at) - g.at(at) * d))
