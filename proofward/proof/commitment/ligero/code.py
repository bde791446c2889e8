"""The Reed-Solomon code of a tableau.

Proximity is claimed in the unique-decoding regime only, see `opening.py`. With n points, dimension K and t
queries an inconsistency is missed with a probability of at most ((n + K) / 2n)^t, see
`CodeParameters.query_error`.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.proof.commitment.ligero.reed_solomon import ReedSolomon


@dataclass(frozen=True, slots=True)
class CodeParameters(ReedSolomon):
    """The Reed-Solomon code of a tableau.

    A row holds 2^log_k values on the subgroup H of that order and is a polynomial of degree < dimension; the
    words are its values on a coset of 2^log_n points. `openings` is how many proofs may open one tableau;
    each reveals `queries` columns.
    """

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
    def blinding(self) -> int:
        """Random coefficients of a row.

        There is one for every column that may be opened and one for the out-of-domain point.
        """
        return self.openings * self.queries + 1

    @property
    def dimension(self) -> int:
        return self.k + self.blinding


def polynomial_lengths(code: CodeParameters) -> tuple[int, int, int]:
    """How many coefficients the polynomials p, q and V of an opening have."""
    return code.k + code.dimension, 2 * code.dimension - code.k, code.dimension
