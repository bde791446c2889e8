"""What a prover computes in the opening, from the coefficients of all rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proofward.field.extension import Ext, ext_add, ext_mul, ext_scale, ext_sub, zeros
from proofward.field.multilinear import eq_table
from proofward.field.ntt import intt
from proofward.proof.algebra import as_array, evaluate_polynomial, plane_weights, sum_of_products, values_of
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.functional import Functional
from proofward.proof.commitment.ligero.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    OpenedRows,
)
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT


class OpenedWitness:
    """What the prover computes in the opening, from the coefficients of all rows."""

    def __init__(self, code: CodeParameters, tableaux: Sequence[CommittedTableau], rows: OpenedRows) -> None:
        self._code = code
        self._tableaux = tableaux
        self._rows = rows

    def _extension_row(self, row: int) -> Array:
        start = self._rows.first + 2 * row
        return self._tableaux[self._rows.padded].polynomials(start, start + 2)

    def linear_polynomial(self, functional: Functional) -> Array:
        """p = sum over rows of L_i W_i, plus m1 + X^k m2."""
        products: list[tuple[Array, Array]] = []
        for low, rows in functional.large_terms():
            combined = zeros(self._code.dimension)
            for tableau, weights in rows.items():
                combined = ext_add(combined, self._tableaux[tableau].combined(weights))
            products.append((eq_table(low), combined))
        for (tableau, row), inside in functional.dense_rows().items():
            (coefficients,) = self._tableaux[tableau].polynomials(row, row + 1)
            products.append((inside, np.stack([coefficients, np.zeros_like(coefficients)])))
        for row, inside in functional.dense_extension_rows.items():
            products.append((inside, np.ascontiguousarray(self._extension_row(row))))
        p = sum_of_products(products, self._code.k + self._code.dimension)
        return _add_masks(
            p, self._extension_row(MASK_LINEAR_LOW), self._extension_row(MASK_LINEAR_HIGH), self._code.k
        )

    def quotient(self, kappa: Ext) -> Array:
        """q = (sum_i kappa^i (LEFT_i RIGHT_i - PRODUCT_i)) / (X^k - 1) + g1 + X^(K-k) g2."""
        k, dimension, rows = self._code.k, self._code.dimension, self._rows.extension
        size = 1 << (2 * dimension - 1).bit_length()
        accumulated = zeros(size)
        scale = ONE
        for i in range(rows.product_rows):
            left, right, product = (
                values_of(np.ascontiguousarray(self._extension_row(rows.product_row(kind, i))), size)
                for kind in (LEFT, RIGHT, PRODUCT)
            )
            accumulated = ext_add(accumulated, ext_scale(ext_sub(ext_mul(left, right), product), scale))
            scale = scale * kappa
        coefficients = np.ascontiguousarray(intt(accumulated))
        # division by X^k - 1 from the top: quotient_j = c_(j+k) + quotient_(j+k)
        quotient = zeros(2 * dimension - k)
        top = 2 * dimension - k
        padded = np.concatenate([coefficients, np.zeros((2, 2 * k), dtype=np.uint64)], axis=1)
        carry = zeros(k)
        for start in range((top - 1) // k * k, -1, -k):
            carry = ext_add(np.ascontiguousarray(padded[:, start + k : start + 2 * k]), carry)
            width = min(k, top - start)
            quotient[:, start : start + width] = carry[:, :width]
        return _add_masks(
            quotient,
            self._extension_row(MASK_QUADRATIC_LOW),
            self._extension_row(MASK_QUADRATIC_HIGH),
            dimension - k,
        )

    def evaluations(self, rho: list[Array], triple_rows: list[int], z: Ext) -> Array:
        """s = v0(z) + sum_i rho_i W_i(z), then the triples' values at z."""
        weights, padded = list(rho[:-1]), self._rows.padded
        weights[padded] = np.concatenate([weights[padded], plane_weights(rho[-1])], axis=1)
        values = [evaluate_polynomial(self.combined_row(weights), z)]
        values += [
            evaluate_polynomial(np.ascontiguousarray(self._extension_row(row)), z) for row in triple_rows
        ]
        return as_array(values)

    def combined_row(self, weights: list[Array]) -> Array:
        """sum_i weight_i W_i over the rows of all tableaux."""
        combined = zeros(self._code.dimension)
        for own, tableau in zip(weights, self._tableaux, strict=True):
            combined = ext_add(combined, tableau.combined(own))
        return combined


def _add_masks(values: Array, low: Array, high: Array, shift: int) -> Array:
    """values + low + X^shift high."""
    mask = np.zeros_like(values)
    mask[:, : low.shape[1]] = low
    shifted = np.zeros_like(values)
    shifted[:, shift : shift + high.shape[1]] = high
    return ext_add(values, ext_add(mask, shifted))
