"""All claims on the polynomials of an opening as one: <w, u> = T, u the vector of their coefficients.

With the powers of a challenge lambda, A, B and C_l as in `delivery.py`:
    A + lambda B + sum over l of lambda^(2 + l) C_l
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proofward.field.extension import Ext, ext_dot, powers, zeros
from proofward.field.ntt import COSET_SHIFT, domain
from proofward.field.scalar import P
from proofward.proof.algebra import add_at, as_array, element
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.delivery import PointClaim
from proofward.proof.commitment.ligero.powers import add_coset_powers, add_powers, eq_at, powers_at
from proofward.proof.commitment.ligero.vector import Block
from proofward.proof.forms import ONE, ZERO


@dataclass(frozen=True)
class Batch:
    """The claims with their factors.

    blocks: of p, q and V. total: the sum of p over H. at: claim B. indices and found: the opened columns and
    y_l. challenge: lambda
    """

    code: CodeParameters
    blocks: Sequence[Block]
    total: Ext
    at: PointClaim
    indices: list[int]
    found: Array
    challenge: Ext

    @property
    def target(self) -> Ext:
        """T."""
        columns = ext_dot(self._column_factors(), self.found)
        return self.total + self.challenge * self.at.value + columns

    def table(self, variables: int) -> Array:
        """w as a table of 2^variables entries; for a prover."""
        table = zeros(1 << variables)
        for position in self._summed():
            add_at(table, position, ONE * self.code.k)
        for block, factor in zip(self.blocks, self._point_factors(), strict=True):
            add_powers(table, block, self.at.z, factor)
        add_coset_powers(table, self.blocks[2], self.indices, self._column_factors(), self.code.n)
        return table

    def at_point(self, point: Sequence[Ext]) -> Ext:
        """The multilinear extension of w at a point, in O(columns * variables)."""
        value = ZERO
        for position in self._summed():
            value = value + eq_at(position, point) * self.code.k
        z = as_array([self.at.z])
        for block, factor in zip(self.blocks, self._point_factors(), strict=True):
            value = value + factor * element(powers_at(block, z, point), 0)
        points = [COSET_SHIFT * int(x) % P for x in domain(self.code.n)[self.indices]]
        columns = powers_at(self.blocks[2], as_array([Ext(x) for x in points]), point)
        return value + ext_dot(self._column_factors(), columns)

    def _summed(self) -> list[int]:
        """Where the coefficients lie whose sum is 1 / k of p's over H."""
        p = self.blocks[0]
        return [p.offset + i for i in range(0, p.length, self.code.k)]

    def _point_factors(self) -> tuple[Ext, Ext, Ext]:
        """Of the powers of z over p, q and V."""
        beta = self.at.beta
        return -self.challenge * beta, -self.challenge * beta * beta, self.challenge

    def _column_factors(self) -> Array:
        """lambda^2, lambda^3, .."""
        return np.ascontiguousarray(powers(self.challenge, len(self.indices) + 2)[:, 2:])
