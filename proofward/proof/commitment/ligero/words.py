"""Words of a Reed-Solomon code as a prover keeps them: by coefficients, hashed by columns.

A column holds the values of all rows' polynomials at one point of the coset 7 <w_n>.

The words of a large matrix are never there as a whole. They take several times the memory of the
coefficients, for the whole proof; so some rows at a time are extended and hashed, and once more for the
columns that are opened.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import numpy as np

from proofward.field.ntt import low_degree_extend
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.merkle import SALT_BYTES, MerkleTree, leaf_hashing
from proofward.proof.sha256 import Words, piece_ends

_KEPT_BYTES = 128 << 20
"""Code words of a matrix that is not larger are kept for the opening."""
_PIECE_BYTES = 16 << 20


def kept_words(rows: int, n: int) -> int:
    """The bytes that are kept of so many code words of n points."""
    words = 8 * rows * n
    return words if words <= _KEPT_BYTES else 0


class HashedWords(ABC):
    """Polynomials over F, their words of n points, salts, and the words' tree."""

    def __init__(self, rows: int, n: int, salts: bytes) -> None:
        self.rows = rows
        self._n, self._salts = n, salts
        self._kept = self._words(0, rows) if kept_words(rows, n) else None
        self.tree = MerkleTree(self._leaves())

    @abstractmethod
    def polynomials(self, start: int, stop: int) -> Array:
        """The coefficients of rows start .. stop, one a row."""

    @property
    def root(self) -> bytes:
        return self.tree.root

    def opened(self, indices: list[int]) -> Array:
        """Columns of the code words, one a row of the result."""
        if self._kept is not None:
            return self._kept.T[indices]
        parts = [self._words(start, stop).T[indices] for start, stop in self._pieces()]
        return np.concatenate(parts, axis=1)

    def salt(self, index: int) -> bytes:
        """The salt of one column."""
        return self._salts[SALT_BYTES * index : SALT_BYTES * (index + 1)]

    def _leaves(self) -> Words:
        """The hashes of all columns."""
        hashing = leaf_hashing(self._salts, self.rows)
        for start, stop in self._pieces():
            hashing.take(self._words(start, stop) if self._kept is None else self._kept[start:stop])
        return hashing.digests

    def _pieces(self) -> list[tuple[int, int]]:
        """First and last row of every piece."""
        ends = piece_ends(self.rows, _PIECE_BYTES // (8 * self._n))
        return list(pairwise([0, *ends]))

    def _words(self, start: int, stop: int) -> Array:
        """Some rows' words of the code."""
        return low_degree_extend(self.polynomials(start, stop), self._n)


class HashedMatrix(HashedWords):
    """A matrix of coefficients over F, a row a polynomial."""

    def __init__(self, coefficients: Array, n: int, salts: bytes) -> None:
        self.coefficients = coefficients
        super().__init__(len(coefficients), n, salts)

    def polynomials(self, start: int, stop: int) -> Array:
        return self.coefficients[start:stop]


def values_at(coefficients: Array, n: int, indices: list[int]) -> Array:
    """Each row's polynomial at some of the n points of the coset."""
    return np.ascontiguousarray(low_degree_extend(coefficients, n)[:, indices])
