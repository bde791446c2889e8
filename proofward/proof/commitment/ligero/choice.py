"""Which codes of an opening are the cheapest that are safe.

Cost is that of proof and prover: a second of one core is weighed like 10 MB of proof. The polynomials of an
opening are committed where that is cheaper. Then an opening asks columns twice, and the two errors together
have to be what the one is otherwise: each is 2 bits less. Rows may be longer then, as no polynomial of a
row's length is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeVar

from proofward.proof.commitment.ligero.code import CodeParameters, polynomial_lengths
from proofward.proof.commitment.ligero.counts import ELEMENT_BYTES, committed_length
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.soundness import EXTENSION_BITS, SoundnessBelowPolicy

_BYTES_A_SECOND = 1e7
_LOG_ROWS = range(8, 17)
_LOG_ROWS_COMMITTED = range(12, 20)
_LOG_ROWS_OF_VECTOR = range(8, 14)
_MARGIN, _MARGIN_COMMITTED = 2, 4
"""Bits of a query error below the policy's."""

Codes = tuple[CodeParameters, VectorCode | None]
Code = TypeVar("Code", CodeParameters, VectorCode)


def choose_codes(values: int, security_bits: int, openings: int) -> Codes:
    """The cheapest code for about `values` committed elements, and that of its openings' polynomials.

    Raises SoundnessBelowPolicy where no parameters reach `security_bits`.
    """
    found = [*_said(values, security_bits, openings), *_committed(values, security_bits, openings)]
    if not found:
        raise SoundnessBelowPolicy(
            f"no code reaches {security_bits} bits over an extension of {EXTENSION_BITS:.0f} bits"
        )
    return min(found, key=lambda each: each[0])[1]


def _said(values: int, security_bits: int, openings: int) -> Iterator[tuple[float, Codes]]:
    """Codes with their costs, polynomials in the clear."""
    for log_k in _LOG_ROWS:
        for log_blowup in (1, 2, 3):
            code = _tableau_code(log_k, log_k + log_blowup, security_bits + _MARGIN, openings)
            if code is not None:
                yield _cost(values, code) + 4 * ELEMENT_BYTES * code.dimension, (code, None)


def _committed(values: int, security_bits: int, openings: int) -> Iterator[tuple[float, Codes]]:
    """Codes with their costs, polynomials committed."""
    bits = security_bits + _MARGIN_COMMITTED
    for log_k in _LOG_ROWS_COMMITTED:
        for log_blowup in (1, 2, 3):
            code = _tableau_code(log_k, log_k + log_blowup, bits, openings)
            if code is not None:
                own = _cost(values, code)
                for log_row in _LOG_ROWS_OF_VECTOR:
                    for log_vector_blowup in (2, 3):
                        vector = _vector_code(log_row, log_row + log_vector_blowup, bits)
                        if vector is not None:
                            yield own + _cost_of_vector(code, vector), (code, vector)


def _cost(values: int, code: CodeParameters) -> float:
    """Of committing and of opening the columns."""
    rows = max(1, values >> code.log_k) + 24
    size = code.queries * (8 * rows + 32 + 20 * code.log_n)
    return size + _BYTES_A_SECOND * _seconds(code.n, code.log_n, rows)


def _cost_of_vector(code: CodeParameters, vector: VectorCode) -> float:
    """Of the polynomials: two matrices over E, and sums over all coefficients."""
    coefficients = sum(polynomial_lengths(code))
    rows = 2 * -(-coefficients >> vector.log_k)
    seconds = 2e-8 * coefficients + _seconds(vector.n, vector.log_n, rows)
    return committed_length(code, vector).expected + _BYTES_A_SECOND * seconds


def _seconds(n: int, log_n: int, rows: int) -> float:
    """The transform, the hash of 8 bytes an entry, and about 2000 ns for a column's two hashes and its
    bookkeeping.
    """
    return 1e-9 * n * (rows * (0.75 * log_n + 8) + 2000)


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
