"""A prover's committed tableau: rows of data, blinded, extended to a Reed-Solomon code, hashed by columns.

A row's polynomial is the interpolation of its k data on H plus (X^k - 1) B(X), where B is random with K - k
coefficients. So the values at any K - k points outside H are uniform. A column holds the values of all rows
at one point of the coset 7 <w_n>, which is disjoint from H.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import add, random_field
from proofward.field.memory import large_empty
from proofward.field.ntt import encode, ntt
from proofward.proof.layout import Layout
from proofward.proof.merkle import SALT_BYTES, MerkleTree, hash_leaves
from proofward.proof.sha256 import Words
from proofward.proof.soundness import CodeParameters

Array = npt.NDArray[np.uint64]
Rng = Callable[[int], bytes]


def place(layout: Layout, values: Sequence[Array], rows: int) -> Array:
    """The data of a tableau: columns laid into an F-matrix of `rows` rows.

    There are at least as many rows as in the layout; the rest is zero.
    """
    k = 1 << layout.log_k
    data = large_empty(rows, k)
    data[layout.large_rows :] = 0
    for size, where, column in zip(layout.log_sizes, layout.placements, values, strict=True):
        if column.shape != (1 << size,):
            raise ValueError(f"column of shape {column.shape}, declared length {1 << size}")
        if size >= layout.log_k:
            data[where.row : where.row + (column.size >> layout.log_k)] = column.reshape(-1, k)
        else:
            data[where.row, where.offset : where.offset + column.size] = column
    return data


class CommittedTableau:
    """Data, blinding and salts of a tableau with everything that is computed from them."""

    def __init__(self, code: CodeParameters, data: Array, blinding: Array, salt_seed: bytes) -> None:
        rows, k = data.shape
        if k != code.k or blinding.shape != (rows, code.blinding):
            raise ValueError(f"tableau of {data.shape} with blinding {blinding.shape} does not fit {code}")
        self.code = code
        self.blinding = blinding
        self.salt_seed = salt_seed
        self.coefficients, words = encode(data, blinding, code.n)
        self.columns = words.T
        self._salts = hashlib.shake_256(b"column salts" + salt_seed).digest(SALT_BYTES * code.n)
        self.tree = MerkleTree(self._leaves())

    @staticmethod
    def commit(code: CodeParameters, data: Array, rng: Rng) -> CommittedTableau:
        """Commit to data with fresh blinding and salts."""
        blinding = random_field(data.shape[0] * code.blinding, rng).reshape(data.shape[0], code.blinding)
        return CommittedTableau(code, data, blinding, rng(32))

    @property
    def data(self) -> Array:
        """The rows' values on H, from their polynomials: there (X^k - 1) B(X) is 0."""
        k = self.code.k
        low = self.coefficients[:, :k].copy()
        for start in range(k, self.code.dimension, k):
            part = np.ascontiguousarray(self.coefficients[:, start : start + k])
            low[:, : part.shape[1]] = add(np.ascontiguousarray(low[:, : part.shape[1]]), part)
        return ntt(low)

    @property
    def root(self) -> bytes:
        return self.tree.root

    def _leaves(self) -> Words:
        return hash_leaves(self._salts, self.columns.T)

    def salt(self, index: int) -> bytes:
        """The salt of one column."""
        return self._salts[SALT_BYTES * index : SALT_BYTES * (index + 1)]
