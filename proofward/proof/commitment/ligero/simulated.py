"""What a simulator opens in place of rows: columns that agree with all polynomials, of no witness.

p, q, V, the values at z and every opened column are uniform in a prover's conversation, but for these
equations, which hold in all of them:

    the sum of p over H is minus the constraints' constants             (its mask's sum is fixed)
    V(z) is the combination of the values at z
    p(x), q(x) and V(x) are the combinations of the column at x, for every opened column

Everything is drawn uniformly, and each equation is solved for one coordinate: a coefficient of p, one of V,
and in every opened column the entries of the masks m2, g2 and v0. That is the distribution of a prover's
conversation: exactly, but for columns that are not opened, which are hidden by the salted hash.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proofward.field.contract import combine_rows, sum_of_ext_products
from proofward.field.extension import ext_add, ext_mul, ext_scale, ext_sub, lift, zeros
from proofward.field.goldilocks import mul, random_field
from proofward.field.multilinear import eq_table
from proofward.field.ntt import COSET_SHIFT, domain, intt
from proofward.field.scalar import P
from proofward.proof.commitment.contract import Array, Rng
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    MASK_ROW,
    OpenedRows,
)
from proofward.proof.commitment.ligero.merkle import SALT_BYTES, MerkleTree, leaf_hash
from proofward.proof.commitment.ligero.opening import ColumnClaims
from proofward.proof.commitment.ligero.words import values_at
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT


class SimulatedTableau:
    """A committed matrix of uniform columns: no code, no data."""

    def __init__(self, rows: int, columns: int, rng: Rng) -> None:
        self.columns = random_field(rows * columns, rng).reshape(columns, rows)
        self.salts = rng(SALT_BYTES * columns)
        self._tree: MerkleTree | None = None

    def opened(self, indices: list[int]) -> Array:
        """Columns, one a row of the result."""
        return self.columns[indices]

    def salt(self, index: int) -> bytes:
        return self.salts[SALT_BYTES * index : SALT_BYTES * (index + 1)]

    @property
    def tree(self) -> MerkleTree:
        """The Merkle tree; columns are not changed after its first use."""
        if self._tree is None:
            self._tree = MerkleTree(
                [leaf_hash(self.salt(i), column.tobytes()) for i, column in enumerate(self.columns)]
            )
        return self._tree

    @property
    def root(self) -> bytes:
        return self.tree.root


class OpenedColumns:
    """The columns that are opened, and how their entries of the masks come to agree with p, q and V.

    The order matters: V weighs the masks of p and q, so its own mask is set last.
    """

    def __init__(
        self,
        code: CodeParameters,
        tableaux: Sequence[SimulatedTableau],
        rows: OpenedRows,
        indices: list[int],
    ) -> None:
        self._code = code
        self._indices = indices
        self._tableaux = tableaux
        self._witness = tableaux[rows.padded]
        self._first = rows.first
        self._points = [COSET_SHIFT * int(x) % P for x in domain(self._code.n)[indices]]

    def agree_with_linear_polynomial(self, claims: ColumnClaims) -> None:
        """m2(x) = (p(x) - sum_i L_i(x) W_i(x) - m1(x)) / x^k."""
        terms: list[tuple[Array, Array]] = []  # L_i on H, and W_i in the opened columns
        entries = [self._entries(tableau) for tableau in range(len(self._tableaux))]
        for low, rows in claims.functional.large_terms():
            for tableau, weights in rows.items():
                own = entries[tableau][: weights.shape[1]]
                terms.append((eq_table(low), combine_rows(weights, own)))
        for (tableau, row), dense in claims.functional.dense_rows().items():
            terms.append((dense, lift(entries[tableau][row])))
        for row, dense in claims.functional.dense_extension_rows.items():
            terms.append((dense, self._row(row)))
        found = self._row(MASK_LINEAR_LOW)
        if terms:
            inside = self._interpolated(np.concatenate([left for left, _ in terms]))
            values = np.stack([right for _, right in terms])
            found = ext_add(found, sum_of_ext_products(inside.reshape(values.shape), values))
        missing = ext_sub(self._values(claims.p), found)
        self._set_row(
            MASK_LINEAR_HIGH, self._divided(missing, [pow(x, self._code.k, P) for x in self._points])
        )

    def agree_with_quotient(self, claims: ColumnClaims) -> None:
        """g2(x) = (q(x) - sum_i kappa^i (x_i y_i - xy_i)(x) / (x^k - 1) - g1(x)) / x^(K-k)."""
        code, rows = self._code, claims.rows.extension
        products, scale = zeros(len(self._indices)), ONE
        for i in range(rows.product_rows):
            left, right, product = (self._row(rows.product_row(kind, i)) for kind in (LEFT, RIGHT, PRODUCT))
            difference = ext_sub(ext_mul(left, right), product)
            products = ext_add(products, ext_scale(difference, scale))
            scale = scale * claims.kappa
        quotients = self._divided(products, [pow(x, code.k, P) - 1 for x in self._points])
        found = ext_add(quotients, self._row(MASK_QUADRATIC_LOW))
        missing = ext_sub(self._values(claims.q), found)
        shifts = [pow(x, code.dimension - code.k, P) for x in self._points]
        self._set_row(MASK_QUADRATIC_HIGH, self._divided(missing, shifts))

    def agree_with_combined_row(self, claims: ColumnClaims) -> None:
        """v0(x) = V(x) minus all other rows' part; its weight is 1."""
        found = zeros(len(self._indices))
        for index, weights in enumerate(claims.weights):
            found = ext_add(found, combine_rows(weights, self._entries(index)))
        missing = ext_sub(self._values(claims.combined), found)
        self._set_row(MASK_ROW, ext_add(self._row(MASK_ROW), missing))

    def _entries(self, tableau: int) -> Array:
        """The opened columns of a tableau, F (rows, queries)."""
        return np.ascontiguousarray(self._tableaux[tableau].columns[self._indices].T)

    def _row(self, row: int) -> Array:
        """A row over E in the opened columns."""
        start = self._first + 2 * row
        return np.ascontiguousarray(self._witness.columns[self._indices, start : start + 2].T)

    def _set_row(self, row: int, values: Array) -> None:
        start = self._first + 2 * row
        self._witness.columns[self._indices, start : start + 2] = values.T

    def _values(self, coefficients: Array) -> Array:
        """A polynomial over E at the opened points; a larger domain begins with the same n points."""
        size = max(self._code.n, 1 << (coefficients.shape[1] - 1).bit_length())
        return values_at(coefficients, size, self._indices)

    def _interpolated(self, on_subgroup: Array) -> Array:
        """The polynomial of degree < k with these values on H, at the opened points; row by row."""
        return self._values(intt(on_subgroup))

    def _divided(self, values: Array, divisors: list[int]) -> Array:
        """Entry by entry, by elements of F that are not zero."""
        inverses = np.array([pow(divisor, -1, P) for divisor in divisors], dtype=np.uint64)
        return np.stack([mul(np.ascontiguousarray(plane), inverses) for plane in values])
