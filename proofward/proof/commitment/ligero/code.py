"""The Reed-Solomon code of a tableau, and which is the cheapest that is safe.

Proximity is claimed in the unique-decoding regime only, see `opening.py`. With n points, dimension K and t
queries an inconsistency is missed with a probability of at most ((n + K) / 2n)^t, see
`CodeParameters.query_error`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from proofward.proof.soundness import EXTENSION_BITS, SoundnessBelowPolicy


@dataclass(frozen=True, slots=True)
class CodeParameters:
    """The Reed-Solomon code of a tableau.

    A row holds 2^log_k values on the subgroup H of that order and is a polynomial of degree < dimension; the
    words are its values on a coset of 2^log_n points. `openings` is how many proofs may open one tableau;
    each reveals `queries` columns.
    """

    log_k: int
    log_n: int
    queries: int
    openings: int

    def __post_init__(self) -> None:
        if not (1 <= self.log_k < self.log_n <= 28 and self.queries >= 1 and self.openings >= 1):
            raise ValueError(f"bad code parameters {self}")
        if 4 * self.dimension > 3 * self.n or self.queries > self.n // 4:
            raise ValueError(
                f"too little distance: dimension {self.dimension}, {self.queries} queries, {self.n} points"
            )
        if self.queries > self.k:
            # the masks g1, g2 of the quotient overlap in k coefficients, see `opening.py`
            raise ValueError(f"{self.queries} queries of rows of {self.k} values are not hidden")

    @property
    def k(self) -> int:
        return 1 << self.log_k

    @property
    def n(self) -> int:
        return 1 << self.log_n

    @property
    def blinding(self) -> int:
        """Random coefficients of a row.

        There is one for every column that may be opened and one for the out-of-domain point.
        """
        return self.openings * self.queries + 1

    @property
    def dimension(self) -> int:
        return self.k + self.blinding

    @property
    def query_error(self) -> float:
        """log2 of the probability that t distinct columns miss every inconsistency.

        With e = floor((n - K) / 2): if the rows are not within e columns of the code, the combined row that
        is sent differs from the committed combination in more than e columns; if they are, a combined row
        other than the right codeword agrees with it in at most e + K - 1 columns. Sampling without
        replacement is no worse than with.
        """
        errors = (self.n - self.dimension) // 2
        agreeing = max(self.n - errors - 1, errors + self.dimension - 1)
        return self.queries * math.log2(agreeing / self.n)


def choose_code(values: int, security_bits: int, openings: int) -> CodeParameters:
    """The cheapest code for about `values` committed elements.

    Its query error is 2 bits below the policy's. Cost is that of proof and prover: a second of one core is
    weighed like 10 MB of proof. Raises SoundnessBelowPolicy where no parameters reach `security_bits`.
    """
    best: tuple[float, CodeParameters] | None = None
    for log_k in range(8, 17):
        rows = max(1, values >> log_k) + 24
        for log_blowup in (1, 2, 3):
            code = _smallest_queries(log_k, log_k + log_blowup, security_bits + 2, openings)
            if code is None:
                continue
            size = code.queries * (8 * rows + 32 + 20 * code.log_n) + 16 * 4 * code.dimension
            # nanoseconds: the transform, the hash of 8 bytes an entry, and about 2000 for the two hashes and
            # the bookkeeping of a column
            seconds = 1e-9 * code.n * (rows * (0.75 * code.log_n + 8) + 2000)
            cost = size + 1e7 * seconds
            if best is None or cost < best[0]:
                best = (cost, code)
    if best is None:
        raise SoundnessBelowPolicy(
            f"no code reaches {security_bits} bits over an extension of {EXTENSION_BITS:.0f} bits"
        )
    return best[1]


@cache
def _smallest_queries(log_k: int, log_n: int, bits: int, openings: int) -> CodeParameters | None:
    for queries in range(16, 600):
        try:
            code = CodeParameters(log_k, log_n, queries, openings)
        except ValueError:
            return None
        if -code.query_error >= bits:
            return code
    return None
