"""A prover's committed tableau: rows of data, blinded, extended to a Reed-Solomon code, hashed by columns.

A row's polynomial is the interpolation of its k data on H plus (X^k - 1) B(X), where B is random with K - k
coefficients. So the values at any K - k points outside H are uniform. A column holds the values of all rows
at one point of the coset 7 <w_n>, which is disjoint from H.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.field.goldilocks import add, is_canonical
from proofward.field.memory import large_empty
from proofward.field.ntt import blinded_coefficients, ntt
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import Layout
from proofward.proof.commitment.ligero.merkle import SALT_BYTES
from proofward.proof.commitment.ligero.words import HashedWords

_LARGEST = 1 << 36
Data = Annotated[bytes, Length(0, _LARGEST)]
Count = Annotated[int, Range(0, 1 << 32)]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is kept of a tableau, as a record; arrays are little-endian words."""

    kind: ClassVar[str] = "committed tableau"

    code: tuple[Count, Count, Count, Count]
    data: Data
    blinding: Data
    salt_seed: Annotated[bytes, Length(32)]


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


class CommittedTableau(HashedWords):
    """Data, blinding and salts of a tableau with everything that is computed from them."""

    def __init__(self, code: CodeParameters, data: Array, blinding: Array, salt_seed: bytes) -> None:
        rows, k = data.shape
        if k != code.k or blinding.shape != (rows, code.blinding):
            raise ValueError(f"tableau of {data.shape} with blinding {blinding.shape} does not fit {code}")
        self.code = code
        self.blinding = blinding
        self.salt_seed = salt_seed
        salts = hashlib.shake_256(b"column salts" + salt_seed).digest(SALT_BYTES * code.n)
        super().__init__(blinded_coefficients(data, blinding), code.n, salts)

    @property
    def data(self) -> Array:
        """The rows' values on H, from their polynomials: there (X^k - 1) B(X) is 0."""
        k = self.code.k
        low = self.coefficients[:, :k].copy()
        for start in range(k, self.code.dimension, k):
            part = np.ascontiguousarray(self.coefficients[:, start : start + k])
            low[:, : part.shape[1]] = add(np.ascontiguousarray(low[:, : part.shape[1]]), part)
        return ntt(low)

    def to_bytes(self) -> bytes:
        """See `contract.Committed`."""
        code = self.code
        return encode(
            _Stored(
                code=(code.log_k, code.log_n, code.queries, code.openings),
                data=self.data.astype("<u8").tobytes(),
                blinding=self.blinding.astype("<u8").tobytes(),
                salt_seed=self.salt_seed,
            )
        )

    @staticmethod
    def from_bytes(data: bytes) -> CommittedTableau:
        """Inverse of `to_bytes`; raises MalformedMessage."""
        stored = decode(data, _Stored, max_bytes=_LARGEST)
        try:
            code = CodeParameters(*stored.code)
            values = np.frombuffer(stored.data, dtype="<u8").astype(np.uint64).reshape(-1, code.k)
            blinding = np.frombuffer(stored.blinding, dtype="<u8").astype(np.uint64)
            if not (is_canonical(values.reshape(-1)) and is_canonical(blinding)):
                raise ValueError("elements not below P")
            return CommittedTableau(code, values, blinding.reshape(-1, code.blinding), stored.salt_seed)
        except ValueError as error:
            raise MalformedMessage("commitment", "bytes of Committed.to_bytes", str(error)) from None
