"""Security bits of a statement, from proven theorems only.

Every source of error is entered with the theorem that bounds it; the total is the union bound:

    Schwartz-Zippel      d / |E|: a nonzero polynomial of total degree d vanishes at a uniform point of E^m
    sumcheck             degree * rounds / |E| (Lund, Fortnow, Karloff, Nisan 1992)
    LogUp                2 (queries + table entries) / |E| (Haboeck 2022/1530, Lemma 3), by fraction sumchecks
                         (Papini, Haboeck 2023/1284)
    the opening          what the commitment scheme enters, `commitment/ligero/counts.py`

Two figures. `Soundness.bits` is that of the interactive proof. Fiat-Shamir in the random-oracle model
multiplies the error of a round by the number of the attacker's hash queries, so the figure is read as bits of
work per unit of success probability. `Soundness.bits_with_work` is a figure for this reading alone: the same
sum, but with the errors behind checked work divided by 2^grinding. Policies are compared with it. Where a
statement demands no work, both are the same.

Why work lowers an error, and which. Whoever computes challenges can try a round again by saying something
else before it, and its error e is then met once in 1 / e tries. Behind work of g bits a try is a pair of
state and nonce, and the challenges of only one pair in 2^g are ever accepted. Whether they are is decided by
a hash of its own (0x06), independent of the challenges. So the chance that a query's pair is accepted and its
challenges are bad is e / 2^g, and Q queries have at most Q e / 2^g. This is so

    only in that reading   an interactive verifier gives no second try, so work before it bounds nothing: e
                           is the probability of one success, and `bits` is what holds
    only for one round     the challenges directly behind the nonce, alpha and beta of the lookups. Whoever
                           tries a later round again keeps the nonce, and an earlier round ends before it.
                           So the rounds of the fraction tree and all others count in full
    only where checked     `grinding.challenges_behind_work` checks the nonce, and sets `grinding` when it has
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from proofward.field.scalar import P

EXTENSION_BITS = 2 * math.log2(P)

# A policy below this is for tests: such proofs can be forged by computing.
LEAST_POLICY_BITS = 80


class SoundnessBelowPolicy(ValueError):
    """The parameters do not reach the security level that the policy demands."""


@dataclass(frozen=True, slots=True)
class ErrorSource:
    """One event by which a false statement may pass, and log2 of its probability's bound."""

    name: str
    theorem: str
    log2_error: float


@dataclass(slots=True)
class Soundness:
    """Collects the error sources of one statement while its script runs.

    behind_work: the part of their sum that is the error of challenges directly behind a place for work
    grinding: bits of the work that was checked there, 0 for none
    """

    sources: dict[tuple[str, str], float] = field(default_factory=dict)
    behind_work: float = 0.0
    grinding: int = 0

    def add(self, name: str, theorem: str, numerator: float, *, behind_work: bool = False) -> None:
        """An error of numerator / |E|; `behind_work` only in `grinding.challenges_behind_work`."""
        key, error = (name, theorem), numerator * 2.0**-EXTENSION_BITS
        self.sources[key] = self.sources.get(key, 0.0) + error
        if behind_work:
            self.behind_work += error

    def add_log2(self, name: str, theorem: str, log2_error: float) -> None:
        """An error of 2^log2_error."""
        key = (name, theorem)
        self.sources[key] = self.sources.get(key, 0.0) + 2.0**log2_error

    def report(self) -> list[ErrorSource]:
        """All sources, the largest first."""
        rows = [
            ErrorSource(name, theorem, math.log2(error)) for (name, theorem), error in self.sources.items()
        ]
        return sorted(rows, key=lambda row: -row.log2_error)

    @property
    def bits(self) -> float:
        """-log2 of the union bound, of the interactive proof."""
        return -math.log2(sum(self.sources.values()))

    @property
    def bits_with_work(self) -> float:
        """-log2 of the union bound in which the errors behind work are lowered by it."""
        spared = self.behind_work * (1 - 2.0**-self.grinding)
        return -math.log2(sum(self.sources.values()) - spared)

    @property
    def words(self) -> str:
        """The bits for people: one figure, or where work was done the two."""
        if not self.grinding:
            return f"{self.bits:.1f} bits"
        return f"{self.bits:.1f} bits, {self.bits_with_work:.1f} with {self.work}"

    @property
    def work(self) -> str:
        """The work for people."""
        return f"{self.grinding} bits of work before alpha, beta"

    def require(self, policy_bits: float) -> None:
        """Refuse a statement whose bits, with the work that was checked, are below the policy."""
        if self.bits_with_work < policy_bits:
            raise SoundnessBelowPolicy(f"proven soundness {self.words}, policy demands {policy_bits}")
