"""How long a proof is, before it is read.

Every part but the opening has a length that follows from the plan of the script. That of the opening is
among few, see `commitment.contract.Counts`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from proofward.proof.errors import ProofRejected


@dataclass(frozen=True, slots=True)
class ProofLength:
    """The lengths in bytes that a proof may have: `least`, `least + step`, .., `most`.

    On average it is `expected`.
    """

    least: int
    most: int
    step: int
    expected: int

    def plus(self, fixed: int) -> ProofLength:
        """With so many bytes more."""
        return ProofLength(self.least + fixed, self.most + fixed, self.step, self.expected + fixed)

    def and_then(self, other: ProofLength) -> ProofLength:
        """With what has one of the other's lengths behind it; the step divides all that is possible then."""
        return ProofLength(
            self.least + other.least,
            self.most + other.most,
            math.gcd(self.step, other.step),
            self.expected + other.expected,
        )

    def check(self, length: int) -> None:
        """Raise ProofRejected for a length that no proof of the plan has."""
        if not self.least <= length <= self.most or (length - self.least) % self.step:
            raise ProofRejected(
                "length",
                f"expected {self.least} to {self.most} bytes in steps of {self.step}, found {length}",
            )
