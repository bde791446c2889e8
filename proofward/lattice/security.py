"""Why a ciphertext hides its update, with the numbers computed rather than asserted.

Claim       An observer who knows every ciphertext, the sums over the accepted set, and all secrets of the
            other hospitals learns about two (or more) honest hospitals' updates no more than their sum, at
            128 bits.
Standard    The Homomorphic Encryption Security Standard (Albrecht et al., 2018, table 1, ternary secret,
            sigma = 3.19): at N = 4096 a modulus of 109 bits has 128-bit classical security. Ours has 64 bits.
Leak        Decoding publishes S = sum s_i, and with it sum e_i. For two honest hospitals:
  theorem     a coefficient of s_1 + s_2 is -2 or 2, and then reveals s_1, with probability 2/9,
              independently; otherwise s_1 is uniform on three values (sum 0: probability 3/9) or on two (sum
              -1, 1: 4/9).
  theorem     given e_1 + e_2 = c, e_1 + 42 is hypergeometric (84 drawn of 168, c + 84 marked), whose mean is
              known and whose variance is (c + 84)(84 - c) / (4 * 167): 10.56 at c = 0, above 3.19^2 for
              |c| <= 16.
  theorem     with probability 1 - 2^-64 at most `revealed` coefficients are known, and all |c| stay below a
              bound for 2^24 entries (exact binomial tails, union bound).
  heuristic   what remains is ring-LWE with known coordinates removed: as hard as the table says for the
              dimension that is left, interpolated linearly, against the modulus enlarged by the error that is
              narrower than 3.19 (perfect hints: Dachman-Soled et al., CRYPTO 2020). As a second opinion,
              `primal_attack_bits` estimates the lattice attack for two-valued secrets everywhere, which is
              weaker than what remains.
More honest hospitals leak less: fewer coefficients are revealed, and errors keep more of their width. With a
single honest hospital the sum is its update: no aggregation protocol hides that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import comb, e, log, log2, pi, sqrt
from typing import Final

from proofward.lattice.parameters import ERROR_ETA, MODULUS, RING_DEGREE

STANDARD_SIGMA: Final = 3.19
STANDARD_LOG_Q: Final = {1024: 27, 2048: 54, 4096: 109, 8192: 218}
"""Largest log2 q for 128-bit classical security, ternary secret, by ring degree."""

FAILURE_BITS: Final = 64
"""The probabilistic bounds of the leak hold except with probability 2^-64."""

ENTRIES: Final = 2**24
"""The bound on all errors of an update is for at most this many parameters."""


@dataclass(frozen=True)
class SecurityMargin:
    """What remains against an observer of the decoded sum of two honest hospitals."""

    revealed: int
    remaining: int
    error_sum_bound: int
    smallest_sigma: float
    typical_sigma: float
    effective_log_q: float
    allowed_log_q: float
    primal_bits: float

    @property
    def margin_bits(self) -> float:
        """How many bits the modulus may still grow by the table; negative would be insecure."""
        return self.allowed_log_q - self.effective_log_q


def allowed_log_q(dimension: int) -> float:
    """The standard's largest log2 q at 128 bits, linear between rows; `ValueError` outside 1024 to 8192."""
    degrees = sorted(STANDARD_LOG_Q)
    for low, high in pairwise(degrees):
        if low <= dimension <= high:
            share = (dimension - low) / (high - low)
            return STANDARD_LOG_Q[low] + share * (STANDARD_LOG_Q[high] - STANDARD_LOG_Q[low])
    raise ValueError(f"dimension: expected 1024 to 8192, got {dimension}")


def revealed_coefficients(failure_bits: int = FAILURE_BITS) -> int:
    """The least r with P(Binomial(4096, 2/9) > r) <= 2^-failure_bits, exactly."""
    allowed = 9**RING_DEGREE >> failure_bits
    tail, outcomes = 0, 2**RING_DEGREE  # comb(n, r) 2^r 7^(n - r) for r = n
    for r in range(RING_DEGREE, -1, -1):
        tail += outcomes
        if tail > allowed:
            return r
        outcomes = outcomes * 7 * r // (2 * (RING_DEGREE - r + 1))
    raise ArithmeticError("the tail includes every outcome")


def error_sum_bound(failure_bits: int = FAILURE_BITS, entries: int = ENTRIES) -> int:
    """The least c such that all `entries` sums of two errors are in [-c, c], except with 2^-failure_bits."""
    bits = 4 * ERROR_ETA
    tail = 0
    for c in range(bits // 2, -1, -1):
        tail += 2 * comb(bits, bits // 2 + c)
        if tail * entries * 2**failure_bits > 2**bits:
            return c
    raise ArithmeticError("the tail includes every outcome")


def conditional_sigma(error_sum: int) -> float:
    """The standard deviation of one of two honest errors given their sum."""
    drawn = 2 * ERROR_ETA
    return sqrt((drawn + error_sum) * (drawn - error_sum) / (4 * (2 * drawn - 1)))


def primal_attack_bits(dimension: int, log_q: float, sigma: float, secret_sigma: float) -> float:
    """log2 of the classical cost of the primal attack on LWE (heuristic: geometric series, sieving 2^0.292).

    The smallest block size b with sigma sqrt(b) <= delta^(2b - d - 1) vol^(1/d), d = m + dimension + 1 and
    vol = q^m (sigma / secret_sigma)^dimension, over the number of samples m; the cost is 8 d 2^(0.292 b +
    16.4), as in the standard. Source: Alkim et al. 2016; Albrecht, Goepfert, Virdia and Wunderer 2017.
    """
    ln_q, ln_scale = log_q * log(2), log(sigma / secret_sigma)

    def succeeds(block: int) -> int:
        delta = log((pi * block) ** (1 / block) * block / (2 * pi * e)) / (2 * (block - 1))
        for samples in range(dimension // 4, 2 * dimension, 16):
            d = samples + dimension + 1
            volume = (samples * ln_q + dimension * ln_scale) / d
            if log(sigma * sqrt(block)) <= (2 * block - d - 1) * delta + volume:
                return d
        return 0

    low, high = 50, 2 * dimension
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if succeeds(middle) else (middle + 1, high)
    return 0.292 * low + 16.4 + log2(8 * max(succeeds(low), 1))


def security_margin() -> SecurityMargin:
    """The worst case against two honest hospitals, see the module's argument for theorem and heuristic."""
    revealed, bound = revealed_coefficients(), error_sum_bound()
    remaining, smallest = RING_DEGREE - revealed, conditional_sigma(bound)
    log_q = log2(MODULUS)
    return SecurityMargin(
        revealed=revealed,
        remaining=remaining,
        error_sum_bound=bound,
        smallest_sigma=smallest,
        typical_sigma=conditional_sigma(0),
        effective_log_q=log_q + max(0.0, log2(STANDARD_SIGMA / smallest)),
        allowed_log_q=allowed_log_q(remaining),
        primal_bits=primal_attack_bits(remaining, log_q, smallest, 0.5),
    )
