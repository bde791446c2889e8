"""What a tableau's code and a vector's have in common: words of polynomials, and queries of columns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReedSolomon:
    """Rows have 2^log_k entries, words 2^log_n points; `queries` columns are opened."""

    log_k: int
    log_n: int
    queries: int

    @property
    def k(self) -> int:
        return 1 << self.log_k

    @property
    def n(self) -> int:
        return 1 << self.log_n

    @property
    def dimension(self) -> int:
        """How many coefficients a row's polynomial has."""
        return self.k

    @property
    def query_error(self) -> float:
        """log2 of the probability that t distinct columns miss every inconsistency.

        With e = floor((n - K) / 2), K the dimension: if the rows are not within e columns of the code, the
        combined row that is sent differs from the committed combination in more than e columns; if they are,
        a combined row other than the right codeword agrees with it in at most e + K - 1 columns. Sampling
        without replacement is no worse than with.
        """
        errors = (self.n - self.dimension) // 2
        agreeing = max(self.n - errors - 1, errors + self.dimension - 1)
        return self.queries * math.log2(agreeing / self.n)
