"""Which codes of an opening are the cheapest that are safe.

With the polynomials in the clear, cost is that of proof and prover: a second of one core is weighed like
10 MB of proof. With the polynomials committed nothing of a row's length is sent, so rows may be longer and
columns shorter, at the price of longer transforms. So of the codes that take at most a fifth more work in
committing, which is a thirtieth of a prover's work, that with the shortest opening is taken, where it saves a
quarter of the bytes. An opening asks for columns twice then, and the two errors together must not be larger
than the one is otherwise: each has 2 bits more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from proofward.field.extension import ELEMENT_BYTES
from proofward.proof.commitment.ligero.code import CodeParameters, polynomial_lengths
from proofward.proof.commitment.ligero.committed import fits
from proofward.proof.commitment.ligero.counts import committed_length
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.soundness import EXTENSION_BITS, SoundnessBelowPolicy

_BYTES_A_SECOND = 1e7
_LOG_ROWS = range(8, 17)
_LOG_ROWS_COMMITTED = range(12, 20)
_LOG_ROWS_OF_VECTOR = range(8, 14)
_MARGIN, _MARGIN_COMMITTED = 2, 4
"""Bits of a query error below the policy's."""
_MORE_WORK, _FEWER_BYTES = 1.2, 0.75
"""How much more work committed polynomials may be, and how much shorter an opening has to be with them."""
_LEAST_VALUES = 1 << 19
"""Smaller statements keep their polynomials in the clear: little is to be saved."""

Codes = tuple[CodeParameters, VectorCode | None]
Code = TypeVar("Code", CodeParameters, VectorCode)


@dataclass(frozen=True, slots=True)
class _Priced:
    """Codes, the bytes of their opening, and the seconds of committing, with that of the polynomials."""

    codes: Codes
    size: float
    seconds: float

    @property
    def cost(self) -> float:
        return self.size + _BYTES_A_SECOND * self.seconds


def choose_codes(values: int, security_bits: int, openings: int) -> Codes:
    """The code for about `values` committed elements, and that of its openings' polynomials.

    Raises SoundnessBelowPolicy where no parameters reach `security_bits`.
    """
    said = min(_said(values, security_bits, openings), key=lambda each: each.cost, default=None)
    if said is None:
        raise SoundnessBelowPolicy(
            f"no code reaches {security_bits} bits over an extension of {EXTENSION_BITS:.0f} bits"
        )
    admitted = [
        each
        for each in _committed(values, security_bits, openings, _MORE_WORK * said.seconds)
        if each.size <= _FEWER_BYTES * said.size
    ]
    return min(admitted, key=lambda each: each.size, default=said).codes


def _said(values: int, security_bits: int, openings: int) -> Iterator[_Priced]:
    """With polynomials in the clear."""
    for code in _tableau_codes(_LOG_ROWS, security_bits + _MARGIN, openings):
        size, seconds = _columns(values, code)
        yield _Priced((code, None), size + 4 * ELEMENT_BYTES * code.dimension, seconds)


def _committed(
    values: int, security_bits: int, openings: int, most: float = math.inf
) -> Iterator[_Priced]:
    """With polynomials committed, in at most so many seconds; none of small statements."""
    if values < _LEAST_VALUES:
        return
    bits = security_bits + _MARGIN_COMMITTED
    vectors = [
        _vector_code(log_row, log_row + log_blowup, bits)
        for log_row in _LOG_ROWS_OF_VECTOR
        for log_blowup in (2, 3)
    ]
    for code in _tableau_codes(_LOG_ROWS_COMMITTED, bits, openings):
        size, seconds = _columns(values, code)
        for vector in vectors:
            if vector is None or not fits(code, vector):
                continue
            if (taken := seconds + _seconds_of_vector(code, vector)) <= most:
                yield _Priced((code, vector), size + committed_length(code, vector).expected, taken)


def _columns(values: int, code: CodeParameters) -> tuple[float, float]:
    """Bytes of the opened columns, and seconds of committing."""
    rows = max(1, values >> code.log_k) + 24
    return code.queries * (8 * rows + 32 + 20 * code.log_n), _seconds(code.n, code.log_n, rows)


def _seconds_of_vector(code: CodeParameters, vector: VectorCode) -> float:
    """Of two matrices over E, and of sums over all coefficients."""
    coefficients = sum(polynomial_lengths(code))
    rows = 2 * -(-coefficients >> vector.log_k)
    return 2e-8 * coefficients + _seconds(vector.n, vector.log_n, rows)


def _seconds(n: int, log_n: int, rows: int) -> float:
    """Of the transform, of the hash of 8 bytes an entry, and about 2000 ns a column.

    The latter are two hashes and the bookkeeping.
    """
    return 1e-9 * n * (rows * (0.75 * log_n + 8) + 2000)


def _tableau_codes(log_rows: range, bits: int, openings: int) -> Iterator[CodeParameters]:
    for log_k in log_rows:
        for log_blowup in (1, 2, 3):
            code = _tableau_code(log_k, log_k + log_blowup, bits, openings)
            if code is not None:
                yield code


@cache
def _tableau_code(log_k: int, log_n: int, bits: int, openings: int) -> CodeParameters | None:
    return _fewest_queries(lambda queries: CodeParameters(log_k, log_n, queries, openings), bits)


@cache
def _vector_code(log_k: int, log_n: int, bits: int) -> VectorCode | None:
    return _fewest_queries(lambda queries: VectorCode(log_k, log_n, queries), bits)


def _fewest_queries(code: Callable[[int], Code], bits: int) -> Code | None:
    """The code with the fewest queries that has so many bits; None where there is none."""
    for queries in range(16, 600):
        try:
            found = code(queries)
        except ValueError:
            return None
        if -found.query_error >= bits:
            return found
    return None
