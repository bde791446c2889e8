"""The Reed-Solomon code of a vector that is committed to without hiding, and its errors.

See `vector.py`. With n points, rows of 2^log_k coefficients and t queries the errors are

    proximity               n / |E| for a uniform point of a linear space, and n / |E| for one of a line
    value                   1 / |E|
    column queries          ((n + 2^log_k) / 2n)^t, for t distinct columns
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from proofward.proof.soundness import Soundness


def query_error(n: int, dimension: int, queries: int) -> float:
    """log2 of the probability that t distinct columns of n miss every inconsistency.

    With e = floor((n - K) / 2), K the dimension: if the rows are not within e columns of the code, the
    combined row that is sent differs from the committed combination in more than e columns; if they are, a
    combined row other than the right codeword agrees with it in at most e + K - 1 columns. Sampling without
    replacement is no worse than with.
    """
    errors = (n - dimension) // 2
    agreeing = max(n - errors - 1, errors + dimension - 1)
    return queries * math.log2(agreeing / n)


@dataclass(frozen=True, slots=True)
class VectorCode:
    """Rows are polynomials of degree < 2^log_k, words their values at a coset of 2^log_n points."""

    log_k: int
    log_n: int
    queries: int

    def __post_init__(self) -> None:
        if not (1 <= self.log_k < self.log_n <= 28 and 1 <= self.queries <= self.n // 2):
            raise ValueError(f"bad code of a vector {self}")

    @property
    def k(self) -> int:
        return 1 << self.log_k

    @property
    def n(self) -> int:
        return 1 << self.log_n

    @property
    def query_error(self) -> float:
        """log2 of the error of the column queries."""
        return query_error(self.n, self.k, self.queries)

    def enter_errors(self, soundness: Soundness) -> None:
        """Enter the error sources of `CommittedVector.prove_value`."""
        affine, line = (f"Ben-Sasson et al. 2020/654, Theorem 1.{i} (unique decoding)" for i in (6, 5))
        soundness.add("proximity of the polynomials", affine, self.n)
        soundness.add("proximity of the polynomials", line, self.n)
        soundness.add("value of the polynomials", "Schwartz-Zippel", 1)
        soundness.add_log2(
            "column queries of the polynomials",
            "distance of distinct codewords (unique decoding)",
            self.query_error,
        )
