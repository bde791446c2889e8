"""The Reed-Solomon code of a vector that is committed to without hiding, and its errors.

See `vector.py`. With n points, rows of 2^log_k coefficients and t queries the errors are

    proximity               n / |E| for a uniform point of a linear space, and n / |E| for one of a line
    value                   1 / |E|
    column queries          ((n + 2^log_k) / 2n)^t, for t distinct columns
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.proof.commitment.ligero.reed_solomon import ReedSolomon
from proofward.proof.soundness import Soundness


@dataclass(frozen=True, slots=True)
class VectorCode(ReedSolomon):
    """Rows are polynomials of degree < 2^log_k, words their values at a coset of 2^log_n points."""

    def __post_init__(self) -> None:
        if not (1 <= self.log_k < self.log_n <= 28 and 1 <= self.queries <= self.n // 2):
            raise ValueError(f"bad code of a vector {self}")

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
