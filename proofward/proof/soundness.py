"""Security bits of a statement, from proven theorems only.

Every source of error is entered with the theorem that bounds it; the total is the union bound. Proximity is
claimed in the unique-decoding regime only: no conjecture about list decoding up to the Johnson bound or up to
capacity enters. With n points, code dimension K, t queries and R rows of products:

    Schwartz-Zippel      d / |E|: a nonzero polynomial of total degree d vanishes at a uniform point of E^m
    sumcheck             degree * rounds / |E| (Lund, Fortnow, Karloff, Nisan 1992)
    LogUp                2 (queries + table entries) / |E| (Haboeck 2022/1530, Lemma 3), by fraction sumchecks
                         (Papini, Haboeck 2023/1284)
    proximity            n / |E| for a uniform point of an affine space of Reed-Solomon words, and d n / |E|
                         for a point of a curve of degree d = 2 + 3 R through such words (Ben-Sasson, Carmon,
                         Ishai, Kopparty, Saraf 2020/654, Theorems 1.6 and 1.5, unique decoding)
    column queries       ((n + K) / 2n)^t for t distinct columns, see `CodeParameters.query_error`

The curve's term is not needed against an interactive prover: rho alone makes the combination uniform. It
bounds the error of the round of beta by itself, which a prover that computes its challenges may repeat for a
fixed rho.

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
from functools import cache

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
