"""The simulator: writes accepted conversations without a witness, which is what zero knowledge means.

It talks to an interactive verifier whose coins it may draw itself (`transcript.Coins`); it never sees a
witness.

Every padded message, p, q, V, the values at z and every opened column are uniform in a prover's conversation,
but for these equations, which hold in all of them:

    the sum of p over H is minus the constraints' constants             (its mask's sum is fixed)
    V(z) is the combination of the values at z
    p(x), q(x) and V(x) are the combinations of the column at x, for every opened column

The simulator draws everything uniformly and solves each equation for one coordinate: a coefficient of p, one
of V, and in every opened column the entries of the masks m2, g2 and v0. That is the distribution of a
prover's conversation: exactly, but for columns that are not opened, which are hidden by the salted hash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows, sum_of_ext_products
from proofward.field.extension import Ext, ext_add, ext_mul, ext_scale, ext_sub, lift, zeros
from proofward.field.goldilocks import mul, random_field
from proofward.field.multilinear import eq_table
from proofward.field.ntt import COSET_SHIFT, domain, intt, low_degree_extend
from proofward.field.scalar import P
from proofward.proof.counter import Plan
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT
from proofward.proof.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    MASK_ROW,
    Layout,
)
from proofward.proof.merkle import SALT_BYTES, MerkleTree, leaf_hash
from proofward.proof.opening import open_tableaux
from proofward.proof.party import ColumnClaims, OpeningWitness, Party
from proofward.proof.tableau import Rng
from proofward.proof.transcript import NONCE_BYTES, Coins, Label

Array = npt.NDArray[np.uint64]


class SimulatedTableau:
    """A committed matrix of uniform columns: no code, no data."""

    def __init__(self, rows: int, columns: int, rng: Rng) -> None:
        self.columns = random_field(rows * columns, rng).reshape(columns, rows)
        self.salts = rng(SALT_BYTES * columns)
        self._tree: MerkleTree | None = None

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


class Simulator(Party):
    """A party with neither witness nor proof; its challenger must be `Coins`."""

    def __init__(self, challenger: Coins, plan: Plan, rng: Rng) -> None:
        super().__init__(challenger, plan.code, plan.grinding)
        self.plan = plan
        self.rng = rng
        self.committed: list[SimulatedTableau] = []
        self._chunks: list[bytes | SimulatedTableau] = []

    def run(self, script: Callable[[Party], None]) -> bytes:
        """A conversation that a verifier with the same coins accepts."""
        script(self)
        open_tableaux(self)
        return b"".join(chunk if isinstance(chunk, bytes) else chunk.tree.root for chunk in self._chunks)

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        drawn = random_field(2 * len(keys), self.rng)
        self._chunks.append(drawn.astype("<u8").tobytes())
        return [Ext(int(drawn[2 * i]), int(drawn[2 * i + 1])) for i in range(len(keys))]

    def nonce(self) -> bytes:
        found = bytes(NONCE_BYTES)  # the one that coins accept
        self._chunks.append(found)
        return found

    def _commit(self, layout: Layout, padded: bool) -> bytes:
        rows = self.plan.tableau_rows[len(self.committed)]
        tableau = SimulatedTableau(rows, self.code.n, self.rng)
        self.committed.append(tableau)
        self._chunks.append(tableau)
        return bytes(32)

    def _reopen(self, layout: Layout, source: Callable[[], object]) -> None:
        self.committed.append(cast(SimulatedTableau, source()))

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[OpeningWitness], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = consistent(random_field(2 * length, self.rng).reshape(2, length))
        self._chunks.append(np.ascontiguousarray(values.T).astype("<u8").tobytes())
        return values

    def open_columns(self, indices: list[int], claims: ColumnClaims) -> None:
        columns = OpenedColumns(self, indices)
        columns.agree_with_linear_polynomial(claims)
        columns.agree_with_quotient(claims)
        columns.agree_with_combined_row(claims)
        for tableau in self.committed:
            self._chunks.append(tableau.columns[indices].astype("<u8").tobytes())
            self._chunks.append(b"".join(tableau.salt(i) for i in indices))
            self._chunks.append(tableau.tree.open(indices))


class OpenedColumns:
    """The columns that are opened, and how their entries of the masks come to agree with p, q and V.

    The order matters: V weighs the masks of p and q, so its own mask is set last.
    """

    def __init__(self, simulator: Simulator, indices: list[int]) -> None:
        self._code = simulator.code
        self._indices = indices
        self._tableaux = simulator.committed
        padded = [i for i, handle in enumerate(simulator.tableaux) if handle.padded]
        self._witness = self._tableaux[padded[0]]
        self._first = simulator.tableaux[padded[0]].layout.rows
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
        code, rows = self._code, claims.rows
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
        return np.ascontiguousarray(low_degree_extend(coefficients, size)[:, self._indices])

    def _interpolated(self, on_subgroup: Array) -> Array:
        """The polynomial of degree < k with these values on H, at the opened points; row by row."""
        return self._values(intt(on_subgroup))

    def _divided(self, values: Array, divisors: list[int]) -> Array:
        """Entry by entry, by elements of F that are not zero."""
        inverses = np.array([pow(divisor, -1, P) for divisor in divisors], dtype=np.uint64)
        return np.stack([mul(np.ascontiguousarray(plane), inverses) for plane in values])
