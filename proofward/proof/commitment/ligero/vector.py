"""A vector over E that is committed to without hiding, and its multilinear extension at a point.

What is proved. A vector u of 2^v entries is said in parts, each as the root of a matrix over E. Rows of a
matrix are 2^m entries of u, and a row's entries are the coefficients of a polynomial of degree < 2^m. Rows of
u that no part covers are zero. At a point r = (r_rows, r_columns) of E^v, after all parts were said,
    sum over x of u(x) eq(x, r) = value.

Messages (n points, t queries; a row of u is W_i, and c_i = eq(i, r_rows)):
    (the parts' roots, whenever they are said)
    verifier: a seed                   prover: the value, and h = sum_i sigma_i <W_i, eq(., r_columns)>
    verifier: alpha                    prover: W = sum_i sigma_i W_i + alpha sum_i c_i W_i
    verifier: t distinct columns       prover: these columns of every matrix, and their Merkle siblings

Checks:
    <W, eq(., r_columns)> = h + alpha value
    W at every opened column is the combination of the column's entries
    the opened columns are in the committed Merkle trees

Soundness. Let e = floor((n - 2^m) / 2). If the words of all matrices are not jointly e-close to the code, the
seed's combination is e-close with probability <= n / |E| (a linear space). If it is not, a point of the line
through it and the combination by c is e-close with probability <= n / |E|, over alpha. Then W differs from
what was committed to in more than e columns. If all words are e-close, the rows of each part are the only
words within e of it, so a part is fixed when its root is said, whatever is said later. A wrong value survives
alpha with probability 1 / |E|, or W is not the right codeword and agrees with it in at most e + 2^m - 1
columns. Nothing is said of how many entries of a part's rows are 0: who claims something of u says which
count.

How it hides: it does not. What is said is a function of u and of the coins, so whoever simulates u simulates
it by computing it, and matrices have neither blinding nor salts that are secret: a leaf's salt is 32 zero
bytes.

Source: the row combinations of Ligero (2017, 2022/1608) over a matrix as in Ligerito (Novakovic, Angeris
2025/1187, without its folding); the proximity of affine spaces and of lines is Ben-Sasson et al. 2020/654.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from proofward.field.contract import combine_rows
from proofward.field.extension import Ext, ext_add, ext_dot, ext_scale, zeros
from proofward.field.multilinear import eq_table
from proofward.proof.algebra import as_array, element, plane_weights
from proofward.proof.commitment.contract import ROOT_BYTES, Array, Conversation
from proofward.proof.commitment.ligero.merkle import (
    HASH_BYTES,
    SALT_BYTES,
    check_opening,
    leaf_hash,
    sibling_count,
)
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.commitment.ligero.words import HashedMatrix, values_at
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Label, draw_indices, expand_extension


@dataclass(frozen=True, slots=True)
class Block:
    """Entries `offset` .. `offset + length` of a vector; the offset is a multiple of `size`."""

    offset: int
    length: int
    size: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Which rows of u a matrix has, its root, and the matrix for whoever has it."""

    rows: list[int]
    root: bytes
    matrix: HashedMatrix | None


class CommittedVector:
    """A vector of 2^log_size entries that is said part by part; every party but a counter has one."""

    def __init__(self, party: Conversation, code: VectorCode, log_size: int) -> None:
        self._party = party
        self._code = code
        self._log_size = log_size
        self._parts: list[_Part] = []

    def say(self, blocks: Sequence[Block], values: Sequence[Array] | None) -> None:
        """The next part: E-arrays for these blocks. A verifier has no values."""
        k = self._code.k
        rows = [block.offset // k + i for block in blocks for i in range(-(-block.length // k))]
        matrix = None if values is None else self._commit(values)

        def root() -> bytes:
            assert matrix is not None
            return matrix.root

        heard = self._party.exchange_bytes(Label.POLYNOMIALS, ROOT_BYTES, root)
        self._parts.append(_Part(rows, heard, matrix))

    def _commit(self, values: Sequence[Array]) -> HashedMatrix:
        """The words of these arrays, cut into rows; a row over E is two rows over F."""
        k, n = self._code.k, self._code.n
        rows = []
        for array in values:
            padded = zeros(-(-array.shape[1] // k) * k)
            padded[:, : array.shape[1]] = array
            rows.append(padded.reshape(2, -1, k).transpose(1, 0, 2).reshape(-1, k))
        return HashedMatrix(np.concatenate(rows), n, bytes(SALT_BYTES * n))

    def prove_value(self, point: Sequence[Ext], value: Callable[[], Ext]) -> Ext:
        """The value of the vector's extension at a point, the most significant variable first."""
        party, code = self._party, self._code
        split = self._log_size - code.log_k
        among_rows, inside = eq_table(point[:split]), eq_table(point[split:])
        by_point = [np.ascontiguousarray(among_rows[:, part.rows]) for part in self._parts]
        by_seed = self._drawn()
        values = self._hear(
            Label.VECTOR_VALUES,
            2,
            lambda: as_array([value(), ext_dot(self._combined(by_seed), inside)]),
        )
        alpha = party.challenge()
        weights = [
            ext_add(drawn, ext_scale(given, alpha)) for drawn, given in zip(by_seed, by_point, strict=True)
        ]
        row = self._hear(Label.VECTOR_ROW, code.k, lambda: self._combined(weights))
        expected = element(values, 1) + alpha * element(values, 0)
        party.check("row of the polynomials", lambda: (ext_dot(row, inside), expected))
        self._check_columns(row, weights)
        return element(values, 0)

    def _drawn(self) -> list[Array]:
        """sigma from a seed: a uniform coefficient for every row, an E-array for each part."""
        seed = self._party.challenger.squeeze(Label.VECTOR_COMBINATION, 32)
        counts = [len(part.rows) for part in self._parts]
        drawn = np.split(expand_extension(seed, sum(counts)), np.cumsum(counts)[:-1], axis=1)
        return [np.ascontiguousarray(part) for part in drawn]

    def _combined(self, weights: list[Array]) -> Array:
        """A combination of all rows."""
        total = zeros(self._code.k)
        for part, own in zip(self._parts, weights, strict=True):
            assert part.matrix is not None
            total = ext_add(total, combine_rows(plane_weights(own), part.matrix.coefficients))
        return total

    def _check_columns(self, row: Array, weights: list[Array]) -> None:
        """The row agrees with the opened columns, and these are in the trees."""
        code = self._code
        indices = draw_indices(self._party.challenger, Label.VECTOR_QUERIES, code.queries, code.n)
        found = zeros(code.queries)
        for part, own in zip(self._parts, weights, strict=True):
            columns = self._hear_columns(part, indices)
            found = ext_add(found, combine_rows(plane_weights(own), np.ascontiguousarray(columns.T)))
        expected = values_at(row, code.n, indices)
        differing = (found != expected).any(axis=0)
        if differing.any():
            bad = int(np.argmax(differing))
            self._party.check(
                "column queries of the polynomials", lambda: (element(found, bad), element(expected, bad))
            )

    def _hear_columns(self, part: _Part, indices: list[int]) -> Array:
        """The opened columns of a part, one a row of the result; whoever hears them checks them."""
        matrix, words = part.matrix, 2 * len(part.rows)

        def opened() -> Array:
            assert matrix is not None
            return np.ascontiguousarray(matrix.opened(indices).reshape(-1, 2).T)

        def siblings() -> bytes:
            assert matrix is not None
            return matrix.tree.open(indices)

        heard = self._hear(Label.VECTOR_COLUMNS, len(indices) * len(part.rows), opened)
        count = HASH_BYTES * sibling_count(indices, self._code.log_n)
        beside = self._party.exchange_bytes(Label.VECTOR_SIBLINGS, count, siblings)
        columns = np.ascontiguousarray(heard.T).reshape(len(indices), words)
        if matrix is None:
            leaves = [leaf_hash(bytes(SALT_BYTES), column.astype("<u8").tobytes()) for column in columns]
            try:
                check_opening(part.root, self._code.log_n, indices, leaves, beside)
            except ProofRejected as refused:
                raise ProofRejected("root of polynomials", refused.detail) from None
        return columns

    def _hear(self, label: Label, length: int, compute: Callable[[], Array]) -> Array:
        """An E-array that follows from the vector and the coins; a simulator computes it, too."""
        return self._party.exchange(label, length, compute, lambda drawn: compute())
