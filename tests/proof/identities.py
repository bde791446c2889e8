"""Do p, q and V agree with every opened column? Computed point by point, apart from the simulator's code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from proofward.field.extension import Ext
from proofward.field.ntt import COSET_SHIFT, domain
from proofward.field.scalar import P
from proofward.proof.algebra import as_array, element, evaluate_polynomial, power
from proofward.proof.commitment.ligero.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
)
from proofward.proof.commitment.ligero.opening import ColumnClaims
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Plan
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT, ZERO
from proofward.proof.party import Party
from proofward.proof.transcript import Challenger, Coins
from tests.proof.cheats import RegionVerifier
from tests.proof.tableaux import code_of
from tests.proof.uniformity import COINS


class _Noting(Ligero):
    def _check_columns(self, party: Any, indices: list[int], claims: ColumnClaims) -> None:
        super()._check_columns(party, indices, claims)
        party.compare(indices, claims)


class Identities(RegionVerifier):
    """A verifier that compares both sides of the identities behind p and q at opened columns."""

    at_most = 12

    def __init__(self, challenger: Challenger, plan: Plan, proof: bytes) -> None:
        super().__init__(challenger, plan, proof)
        self.code = code_of(plan)
        self.scheme = _Noting(self.code)

    def compare(self, indices: list[int], claims: ColumnClaims) -> None:
        self.first = claims.rows.first
        tableaux = []
        for commitment in self.commitments:
            region = next(r for r in self.regions if r.what == f"columns of {commitment.name}")
            words = np.frombuffer(self._proof[region.start : region.stop], dtype="<u8")
            tableaux.append(words.reshape(len(indices), -1))
        self.linear = [self._linear(i, x, tableaux, claims) for i, x in enumerate(indices[: self.at_most])]
        self.products_agree = [
            self._quadratic(i, x, tableaux, claims) for i, x in enumerate(indices[: self.at_most])
        ]

    def _point(self, index: int) -> Ext:
        return Ext(COSET_SHIFT * int(domain(self.code.n)[index]))

    def _extension(self, number: int, tableaux: list[np.ndarray], row: int) -> Ext:
        """A row over E in an opened column."""
        which = next(i for i, commitment in enumerate(self.commitments) if commitment.padded)
        start = self.first + 2 * row
        return Ext(int(tableaux[which][number, start]), int(tableaux[which][number, start + 1]))

    def _linear(self, number: int, index: int, tableaux: list[np.ndarray], claims: ColumnClaims) -> bool:
        x, k = self._point(index), self.code.k
        scale = (power(x, k) - 1) * pow(k, -1, P)
        basis = [scale * int(h) * (x - int(h)).inverse() for h in domain(k)]
        columns, extension = claims.functional.at(as_array(basis))
        found = ZERO
        for words, weights in zip(tableaux, columns, strict=True):
            for row in range(weights.shape[1]):
                found = found + element(weights, row) * int(words[number, row])
        for row, weight in enumerate(extension):
            found = found + weight * self._extension(number, tableaux, row)
        found = found + self._extension(number, tableaux, MASK_LINEAR_LOW)
        found = found + power(x, k) * self._extension(number, tableaux, MASK_LINEAR_HIGH)
        return evaluate_polynomial(claims.p, x) == found

    def _quadratic(self, number: int, index: int, tableaux: list[np.ndarray], claims: ColumnClaims) -> bool:
        x, code, rows = self._point(index), self.code, claims.rows.extension
        products, scale = ZERO, ONE
        for i in range(rows.product_rows):
            left, right, product = (
                self._extension(number, tableaux, rows.product_row(kind, i))
                for kind in (LEFT, RIGHT, PRODUCT)
            )
            products, scale = products + scale * (left * right - product), scale * claims.kappa
        masks = self._extension(number, tableaux, MASK_QUADRATIC_LOW) + power(
            x, code.dimension - code.k
        ) * self._extension(number, tableaux, MASK_QUADRATIC_HIGH)
        found = products * (power(x, code.k) - 1).inverse() + masks
        return evaluate_polynomial(claims.q, x) == found


def identities_hold(conversation: bytes, script: Callable[[Party], object], plan: Plan) -> bool:
    """Whether p and q agree with opened columns of a conversation under the fixed coins."""
    verifier = Identities(Coins(COINS), plan, conversation)
    verifier.run(lambda party: script(party) and None, 0)
    assert len(verifier.linear) == len(verifier.products_agree) > 0
    return all(verifier.linear) and all(verifier.products_agree)
