"""Provers that leave out one of the masks, to show that the tests of zero knowledge would notice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proofward.proof.algebra import add_at, evaluate_polynomial
from proofward.proof.commitment.contract import Array, PadCounts, Rng
from proofward.proof.commitment.ligero.layout import (
    FIRST_PAD_ROW,
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    MASK_ROW,
    ExtensionRows,
)
from proofward.proof.commitment.ligero.pads import DrawnPads
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT
from proofward.proof.prover import Prover
from tests.proof.tableaux import committing_by

MASKS = {
    "v0, of the combined row": MASK_ROW,
    "m1, of the linear test": MASK_LINEAR_LOW,
    "m2, of the linear test": MASK_LINEAR_HIGH,
    "g1, of the quadratic test": MASK_QUADRATIC_LOW,
    "g2, of the quadratic test": MASK_QUADRATIC_HIGH,
}


def reblinded(honest: CommittedTableau, blinding: Array) -> CommittedTableau:
    """The same rows with other blinding."""
    return CommittedTableau(honest.code, honest.data, blinding, honest.salt_seed)


def rows_of_kind(rows: ExtensionRows, kind: str) -> list[int]:
    """The rows over E of the pads of a kind."""
    if kind == "PAD":
        return list(range(FIRST_PAD_ROW, FIRST_PAD_ROW + rows.pad_rows))
    which = {"LEFT": LEFT, "RIGHT": RIGHT, "PRODUCT": PRODUCT}[kind]
    return [rows.product_row(which, i) for i in range(rows.product_rows)]


def without_rows(kind: str, data_only: bool = False) -> type[Prover]:
    """Without the polynomials of some rows over E: a mask of `MASKS`, or pads "PAD", "LEFT", "RIGHT".

    With `data_only` they are zero on H and keep their blinding.
    """

    def zeroed(rows: ExtensionRows) -> list[int]:
        return [MASKS[kind]] if kind in MASKS else rows_of_kind(rows, kind)

    class WithoutRows(Ligero):
        def _draw_pads(self, rows: ExtensionRows, rng: Rng) -> Array:
            flat, k = super()._draw_pads(rows, rng), self.code.k
            values = flat.reshape(2, -1, k)
            values[:, zeroed(rows)] = 0
            if kind in ("LEFT", "RIGHT"):
                values[:, rows_of_kind(rows, "PRODUCT")] = 0
            # the masks of the linear test must sum to 0 over H
            masks = np.ascontiguousarray(flat[:, MASK_LINEAR_LOW * k : (MASK_LINEAR_HIGH + 1) * k])
            other = MASK_LINEAR_HIGH if kind.startswith("m1") else MASK_LINEAR_LOW
            add_at(flat, other * k, -evaluate_polynomial(masks, ONE))
            return flat

        def commit_padded(
            self, columns: Sequence[Array], pads: PadCounts, rng: Rng
        ) -> tuple[CommittedTableau, DrawnPads]:
            honest, drawn = super().commit_padded(columns, pads, rng)
            if data_only:
                return honest, drawn
            blinding, first = honest.blinding.copy(), honest.rows - 2 * drawn.rows.count
            for row in zeroed(drawn.rows):
                blinding[first + 2 * row : first + 2 * row + 2] = 0
            return reblinded(honest, blinding), drawn

    return committing_by(WithoutRows)


class _Unblinded(Ligero):
    def _commit_rows(self, data: Array, rng: Rng) -> CommittedTableau:
        honest = super()._commit_rows(data, rng)
        return reblinded(honest, np.zeros_like(honest.blinding))


class _Unsalted(Ligero):
    def _commit_rows(self, data: Array, rng: Rng) -> CommittedTableau:
        tableau = super()._commit_rows(data, rng)
        tableau._salts = bytes(32 * self.code.n)
        tableau.tree = type(tableau.tree)(tableau._leaves())
        return tableau


WithoutBlinding = committing_by(_Unblinded)
"""Rows are not blinded."""

WithoutSalts = committing_by(_Unsalted)
"""Columns are hashed with salts that everybody knows."""


def with_little_blinding(coefficients: int) -> type[Prover]:
    """Rows have fewer random coefficients than columns are opened."""

    class WithLittleBlinding(Ligero):
        def _commit_rows(self, data: Array, rng: Rng) -> CommittedTableau:
            honest = super()._commit_rows(data, rng)
            blinding = honest.blinding.copy()
            blinding[:, coefficients:] = 0
            return reblinded(honest, blinding)

    return committing_by(WithLittleBlinding)


def without_linear_masks() -> type[Prover]:
    """Both masks of the linear test are zero on H and keep their blinding."""

    class WithoutLinearMasks(Ligero):
        def _draw_pads(self, rows: ExtensionRows, rng: Rng) -> Array:
            flat, k = super()._draw_pads(rows, rng), self.code.k
            flat[:, MASK_LINEAR_LOW * k : (MASK_LINEAR_HIGH + 1) * k] = 0
            return flat

    return committing_by(WithoutLinearMasks)
