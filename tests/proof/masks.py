"""Provers that leave out one of the masks, to show that the tests of zero knowledge would notice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.proof.algebra import add_at, evaluate_polynomial
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT
from proofward.proof.layout import (
    FIRST_PAD_ROW,
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    MASK_ROW,
    ExtensionRows,
    Layout,
)
from proofward.proof.prover import Prover
from proofward.proof.tableau import CommittedTableau

Array = npt.NDArray[np.uint64]

MASKS = {
    "v0, of the combined row": MASK_ROW,
    "m1, of the linear test": MASK_LINEAR_LOW,
    "m2, of the linear test": MASK_LINEAR_HIGH,
    "g1, of the quadratic test": MASK_QUADRATIC_LOW,
    "g2, of the quadratic test": MASK_QUADRATIC_HIGH,
}


def recommit(prover: Prover, blinding: Array | None = None, salts: bytes | None = None) -> bytes:
    """Replace the newest tableau by one with other blinding or salts."""
    honest = prover.committed[-1]
    chosen = honest.blinding if blinding is None else blinding
    tableau = CommittedTableau(honest.code, honest.data, chosen, honest.salt_seed)
    if salts is not None:
        tableau._salts = salts
        tableau.tree = type(tableau.tree)(tableau._leaves())
    prover.committed[-1] = tableau
    prover._proof[-32:] = tableau.root
    return tableau.root


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

    class WithoutRows(Prover):
        def _zeroed(self) -> list[int]:
            return [MASKS[kind]] if kind in MASKS else rows_of_kind(self.extension_rows, kind)

        def _extension_data(self) -> Array:
            flat, k = super()._extension_data(), self.code.k
            values = flat.reshape(2, -1, k)
            values[:, self._zeroed()] = 0
            if kind in ("LEFT", "RIGHT"):
                values[:, rows_of_kind(self.extension_rows, "PRODUCT")] = 0
            # the masks of the linear test must sum to 0 over H
            masks = np.ascontiguousarray(flat[:, MASK_LINEAR_LOW * k : (MASK_LINEAR_HIGH + 1) * k])
            other = MASK_LINEAR_HIGH if kind.startswith("m1") else MASK_LINEAR_LOW
            add_at(flat, other * k, -evaluate_polynomial(masks, ONE))
            return flat

        def _commit_values(self, layout: Layout, values: list[Array], padded: bool) -> bytes:
            root = super()._commit_values(layout, values, padded)
            if not padded or data_only:
                return root
            blinding = self.committed[-1].blinding.copy()
            for row in self._zeroed():
                blinding[layout.rows + 2 * row : layout.rows + 2 * row + 2] = 0
            return recommit(self, blinding)

    return WithoutRows


class WithoutBlinding(Prover):
    """Rows are not blinded."""

    def _commit_values(self, layout: Layout, values: list[Array], padded: bool) -> bytes:
        super()._commit_values(layout, values, padded)
        return recommit(self, np.zeros_like(self.committed[-1].blinding))


class WithoutSalts(Prover):
    """Columns are hashed with salts that everybody knows."""

    def _commit_values(self, layout: Layout, values: list[Array], padded: bool) -> bytes:
        super()._commit_values(layout, values, padded)
        return recommit(self, salts=bytes(32 * self.code.n))


def with_little_blinding(coefficients: int) -> type[Prover]:
    """Rows have fewer random coefficients than columns are opened."""

    class WithLittleBlinding(Prover):
        def _commit_values(self, layout: Layout, values: list[Array], padded: bool) -> bytes:
            super()._commit_values(layout, values, padded)
            blinding = self.committed[-1].blinding.copy()
            blinding[:, coefficients:] = 0
            return recommit(self, blinding)

    return WithLittleBlinding


def without_linear_masks() -> type[Prover]:
    """Both masks of the linear test are zero on H and keep their blinding."""

    class WithoutLinearMasks(Prover):
        def _extension_data(self) -> Array:
            flat, k = super()._extension_data(), self.code.k
            flat[:, MASK_LINEAR_LOW * k : (MASK_LINEAR_HIGH + 1) * k] = 0
            return flat

    return WithoutLinearMasks
