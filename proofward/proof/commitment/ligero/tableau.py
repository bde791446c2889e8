"""A prover's committed tableau: rows of data, blinded, extended to a Reed-Solomon code, hashed by columns.

A row's polynomial is the interpolation of its k data on H plus (X^k - 1) B(X), where B is random with K - k
coefficients. So the values at any K - k points outside H are uniform. A column holds the values of all rows
at one point of the coset 7 <w_n>, which is disjoint from H.

Of a large tableau not even the polynomials are kept: they take four to eight times the memory of the columns
(`rows`), and code words are in `words`. A combination of polynomials is that of the combined data, so all
that needs them again are the columns that are opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.field.contract import combine_rows
from proofward.field.extension import ext_add, zeros
from proofward.field.goldilocks import add, is_canonical
from proofward.field.ntt import blinded_coefficients, ntt
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.merkle import SALT_BYTES
from proofward.proof.commitment.ligero.rows import MatrixRows, Rows
from proofward.proof.commitment.ligero.words import HashedWords, kept_words

_LARGEST = 1 << 36
_KEPT_POLYNOMIALS = 1 << 30
"""Bytes; the polynomials of a tableau that is not larger are kept for the opening."""
_PIECE_BYTES = 16 << 20
"""Of data that are combined at once."""
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


def kept_bytes(code: CodeParameters, rows: int) -> int:
    """What a tableau of so many rows keeps of its polynomials and of its code words."""
    polynomials = 8 * rows * code.dimension
    return polynomials * (polynomials <= _KEPT_POLYNOMIALS) + kept_words(rows, code.n)


def made_again(code: CodeParameters, rows: int) -> int:
    """Coefficients of a tableau of so many rows that its opening has to make again."""
    coefficients = rows * code.dimension
    return coefficients * (8 * coefficients > _KEPT_POLYNOMIALS)


class CommittedTableau(HashedWords):
    """Data, blinding and salts of a tableau with everything that is computed from them."""

    def __init__(self, code: CodeParameters, data: Rows | Array, blinding: Array, salt_seed: bytes) -> None:
        rows = MatrixRows(data) if isinstance(data, np.ndarray) else data
        if rows.k != code.k or blinding.shape != (rows.count, code.blinding):
            raise ValueError(
                f"tableau of {(rows.count, rows.k)} with blinding {blinding.shape} does not fit {code}"
            )
        self.code = code
        self.blinding = blinding
        self.salt_seed = salt_seed
        self._source: Rows | None = rows
        self._polynomials: Array | None = None
        if 8 * rows.count * code.dimension <= _KEPT_POLYNOMIALS:
            self._polynomials, self._source = blinded_coefficients(rows.part(0, rows.count), blinding), None
        salts = hashlib.shake_256(b"column salts" + salt_seed).digest(SALT_BYTES * code.n)
        super().__init__(rows.count, code.n, salts)

    def polynomials(self, start: int, stop: int) -> Array:
        """The coefficients of rows start .. stop, one a row."""
        if self._polynomials is not None:
            return self._polynomials[start:stop]
        assert self._source is not None
        return blinded_coefficients(self._source.part(start, stop), self.blinding[start:stop])

    def combined(self, weights: Array) -> Array:
        """sum_i weight_i W_i over the first rows, as many as there are weights: E-arrays."""
        count = weights.shape[1]
        if self._polynomials is not None:
            return combine_rows(weights, self._polynomials[:count])
        assert self._source is not None
        data, step = zeros(self.code.k), max(1, _PIECE_BYTES // (8 * self.code.k))
        for start in range(0, count, step):
            own = weights[:, start : start + step]
            if own.any():
                data = ext_add(data, combine_rows(own, self._source.part(start, start + own.shape[1])))
        return blinded_coefficients(data, combine_rows(weights, self.blinding[:count]))

    @property
    def data(self) -> Array:
        """The rows' values on H; from their polynomials where these are kept: (X^k - 1) B(X) is 0 there."""
        if self._source is not None:
            return self._source.part(0, self.rows)
        k, polynomials = self.code.k, self.polynomials(0, self.rows)
        low = polynomials[:, :k].copy()
        for start in range(k, self.code.dimension, k):
            part = np.ascontiguousarray(polynomials[:, start : start + k])
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
