"""How the polynomials p, q and V of an opening reach the verifier: in the clear, or committed.

`opening.py` says what they are. Whatever the way, each is fixed when `tests` or `combined_row` is through,
and three claims on them are shown:
    A     the sum of p over H is a known value
    B     V(z) - beta p(z) - beta^2 q(z) is a known value
    C_l   V(x_l) = y_l, the combination of the entries of the opened column l, for all columns

In the clear A and B are checked when they can be, and C by a transform of V. `committed.py` is the other way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from proofward.field.extension import Ext
from proofward.field.scalar import P
from proofward.proof.algebra import add_at, evaluate_polynomial, sum_over_subgroup
from proofward.proof.commitment.contract import Array, Conversation
from proofward.proof.commitment.ligero.code import CodeParameters, polynomial_lengths
from proofward.proof.commitment.ligero.words import values_at
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Label

Compute = Callable[[], Array]


@dataclass(frozen=True, slots=True)
class PointClaim:
    """Claim B: at z, V - beta p - beta^2 q is `value`."""

    z: Ext
    beta: Ext
    value: Ext


class Delivery(ABC):
    """The polynomials of one opening on their way; every party but a counter has one.

    The polynomials are E-arrays of coefficients. A verifier has None where they are not said.
    """

    p: Array | None = None
    q: Array | None = None
    combined: Array | None = None

    def __init__(self, party: Conversation, code: CodeParameters) -> None:
        self.party = party
        self.code = code

    @abstractmethod
    def tests(self, total: Ext, p: Compute, q: Compute) -> None:
        """Say p, whose sum over H is `total`, and q, of which nothing is known."""

    @abstractmethod
    def combined_row(self, claim: PointClaim, compute: Compute) -> None:
        """Say V, whose value at a point is known from p and q."""

    @abstractmethod
    def agree(self, indices: list[int], found: Array | None) -> None:
        """Show that V has the values `found` at these points of the coset: the y_l.

        A verifier has found them; for others they follow from V.
        """

    def with_sum(self, total: Ext) -> Callable[[Array], Array]:
        """Changes a coefficient of p so that its sum over H is `total`."""

        def change(coefficients: Array) -> Array:
            missing = total - sum_over_subgroup(coefficients, self.code.k)
            add_at(coefficients, 0, missing * pow(self.code.k, -1, P))
            return coefficients

        return change

    def with_value(self, claim: PointClaim) -> Callable[[Array], Array]:
        """Changes a coefficient of V so that its value at z is right."""

        def change(coefficients: Array) -> Array:
            add_at(coefficients, 0, self._value(claim) - evaluate_polynomial(coefficients, claim.z))
            return coefficients

        return change

    def check_sum(self, total: Ext) -> None:
        """Claim A, for whoever has p."""
        p = self.p
        if p is not None:
            self.party.check("linear constraints", lambda: (sum_over_subgroup(p, self.code.k), total))

    def check_value(self, claim: PointClaim) -> None:
        """Claim B, for whoever has p, q and V."""
        combined = self.combined
        if combined is not None:
            self.party.check(
                "combined row at the out-of-domain point",
                lambda: (evaluate_polynomial(combined, claim.z), self._value(claim)),
            )

    def _value(self, claim: PointClaim) -> Ext:
        """V(z) by claim B."""
        assert self.p is not None and self.q is not None
        z, beta = claim.z, claim.beta
        return (
            claim.value + beta * evaluate_polynomial(self.p, z) + beta * beta * evaluate_polynomial(self.q, z)
        )


class InTheClear(Delivery):
    """All coefficients are said."""

    def tests(self, total: Ext, p: Compute, q: Compute) -> None:
        of_p, of_q, _ = polynomial_lengths(self.code)
        self.p = self.party.exchange(Label.LINEAR, of_p, p, self.with_sum(total))
        self.check_sum(total)
        self.q = self.party.exchange(Label.QUADRATIC, of_q, q, lambda values: values)

    def combined_row(self, claim: PointClaim, compute: Compute) -> None:
        self.combined = self.party.exchange(
            Label.COMBINED_ROW, self.code.dimension, compute, self.with_value(claim)
        )
        self.check_value(claim)

    def agree(self, indices: list[int], found: Array | None) -> None:
        if found is None:
            return
        assert self.combined is not None
        expected = values_at(self.combined, self.code.n, indices)
        if not np.array_equal(found, expected):
            bad = indices[int(np.argmax((found != expected).any(axis=0)))]
            raise ProofRejected("column queries", f"column {bad} does not combine to the combined row")
