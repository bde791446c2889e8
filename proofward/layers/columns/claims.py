"""Tables that are functions of committed columns, and the claims that the layers make about them.

A hidden layer's activations and their gradients are not committed to. A linear layer that reads one of them
ends in a claim: its multilinear extension at a point has this value. `gather` turns all claims about
several tables F_m of one length into one claim for each table, at one point that all of them share.

What is proved: for all claims i about table m, F_m(point_i) = claim_i. Message order:
    verifier: gamma
    a sumcheck of sum over x of sum_m W_m(x) F_m(x) = sum_i gamma^i claim_i, W_m = sum of gamma^i eq(point_i)
    prover: F_m(q) for every table, q the point where the sumcheck ended
Soundness error: the number of claims / |E| for gamma, besides the sumcheck. The values F_m(q) are left to
the caller to prove; q is uniform, so it serves for equations that hold everywhere as well. How it hides:
the party pads every message. Source: the standard reduction of several evaluation claims to one (Thaler,
Proofs, Arguments and Zero-Knowledge, section 4.6.5, with random weights instead of a line).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_columns
from proofward.field.extension import Ext, lift
from proofward.field.narrow import Narrow, narrowed, widened
from proofward.layers.columns.stack import Shape, Units, plain_weights
from proofward.proof.claims import Parts, Range
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.parts import WeightedEq, taken
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


@dataclass(slots=True)
class DerivedTable:
    """A table over (step, sample, unit) as an Input and as a Gradient, and what was claimed about it."""

    shape: Shape
    values: Callable[[Party], Array]  #: the flat F-array, a prover's
    claims: list[tuple[Point, Form]] = field(default_factory=list)
    closed: bool = False
    _known: Narrow | None = None

    def narrow(self, party: Party) -> Narrow:
        """The values, worked out once, in the smallest integers that hold them; a prover's."""
        if self._known is None:
            self._known = narrowed(self.values(party))
        return self._known

    def flat(self, party: Party) -> Array:
        """The values; a prover's."""
        return widened(self.narrow(party))

    def matrix(self, party: Party) -> Array:
        """F-matrix (samples, padded width); a prover's."""
        return self.flat(party).reshape(1 << self.shape.log_samples, -1)

    def contract(self, party: Party, units: Units) -> Array:
        """sum over units of weight * value, an E-array over samples; a prover's."""
        return combine_columns(self.matrix(party), units.weights)

    def combine(self, party: Party, weights: Array) -> Array:
        """sum over samples of a step of weight * value: (2, steps, batch) to (2, steps, units)."""
        tensor = self.flat(party).reshape(self.shape.steps, self.shape.batch, -1)
        return batched_combine_rows(weights, tensor)

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        """Claim the extension at (samples, unit); proved when the claims are gathered."""
        del party
        if self.closed:
            raise AssertionError("a claim about a table whose claims were gathered")
        self.claims.append(((*samples, *unit), claim))

    def assert_units(self, party: Party, samples: Point, units: Units, claim: Form) -> None:
        """`assert_at` for a point of the units."""
        if units.point is None:
            raise ValueError("a derived table is evaluated at a point of its units")
        self.assert_at(party, samples, units.point, claim)


def gather(party: Party, tables: Sequence[DerivedTable], log_size: int) -> tuple[Point, list[Form]]:
    """The common point of all claims about at most two tables, and the form of each table's value there."""
    for table in tables:
        table.closed = True
    gamma = party.challenge()
    count = sum(len(table.claims) for table in tables)
    party.soundness.add("values of hidden layers", "Schwartz-Zippel", count)
    power, claim = ONE, Form.of(0)
    weights: list[list[Ext]] = []
    for table in tables:
        weights.append([])
        for _, own in table.claims:
            claim = claim + own * power
            weights[-1].append(power)
            power = power * gamma

    def factors() -> Parts:
        known = [table.narrow(party) for table in tables]
        combined = [
            WeightedEq([(power, at) for power, (at, _) in zip(powers, table.claims, strict=True)], log_size)
            for powers, table in zip(weights, tables, strict=True)
        ]

        def part(ranges: Sequence[Range]) -> list[tuple[Array, Array]]:
            pairs = zip(combined, known, strict=True)
            return [(eq.part(ranges), lift(taken(values, ranges))) for eq, values in pairs]

        return Parts(1 << log_size, len(known), part)

    reduced = party.sumcheck(claim, plain_weights(log_size), factors)
    point, rest = reduced.point, reduced.claim
    values = party.send_all([right for _, right in reduced.factors[: len(tables)]])
    for powers, table, value in zip(weights, tables, values, strict=True):
        rest = rest - value * party.public(partial(_combined_eq_at, powers, table.claims, point))
    party.assert_zero(rest)
    return point, values


def _combined_eq_at(weights: list[Ext], claims: list[tuple[Point, Form]], at: Point) -> Ext:
    """The extension of the sum of weight * eq(point of the claim) at a point."""
    total = ZERO
    for weight, (point, _) in zip(weights, claims, strict=True):
        for left, right in zip(point, at, strict=True):
            weight = weight * (ONE - left - right + left * right * 2)
        total = total + weight
    return total
