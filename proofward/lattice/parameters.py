"""Constants of the encryption of updates and the ranges that follow from them.

A hospital's update U is encrypted, block by block, as ring-LWE samples in R = F[X]/(X^4096 + 1), F the
Goldilocks field:
    y_j = a_j s + e_j + 2^18 U_j,   |U| <= B < `LARGEST_BOUND` with the hospital's public bound B.
Sums of up to `MAX_MEMBERS` ciphertexts decode:
    noise      |sum e| <= 42 n < 2^17 for n <= `CERTAIN_HOSPITALS`, so rounding to the nearest multiple of
               2^18 finds 2^18 sum U, whatever errors are chosen;
    many       beyond that |sum e| < 2^17 but with probability 2^-128, as long as at most `MOST_CHOSEN` of
               them are by hospitals that choose their errors, see `spread`;
    wrapping   |2^18 sum U + sum e| < 2^18 n 2^31 + 42 n < P / 2, so nothing wraps modulo P.
With more errors that are chosen a sum may be refused: that costs a round, and tells nothing of any update.
And they decode in one way only. Behind the parameters a ciphertext has at least `LEAST_ADDED` added entries,
of which everybody knows that they encrypt 0; see `proofward.lattice.encryption`. All inequalities are checked
when this module is loaded. `proofward.lattice.security` argues the secrecy.
"""

from __future__ import annotations

from math import log, log2, sqrt
from typing import Final

MODULUS: Final = 2**64 - 2**32 + 1
"""P, the Goldilocks prime: field of the proof and modulus of the ciphertexts."""

RING_DEGREE: Final = 4096
"""N, the number of coefficients of a ring element; a block of the update."""

ERROR_ETA: Final = 42
"""Errors are centred binomial, the sum of 84 fair bits minus 42: |e| <= 42, standard deviation sqrt(21)."""

UPDATE_SHIFT: Final = 18
"""An update is multiplied by 2^18 before the mask is added."""

LARGEST_BOUND: Final = 2**31
"""The public bound on the entries of one hospital's update is below this."""

LARGEST_NOISE: Final = 2 ** (UPDATE_SHIFT - 1) - 1
"""The largest sum of errors that rounding to a multiple of 2^18 takes away."""

CERTAIN_HOSPITALS: Final = LARGEST_NOISE // ERROR_ETA
"""3120: the largest number of ciphertexts whose sum decodes whatever errors their proofs admit."""

MAX_MEMBERS: Final = 12000
"""The most members of a consortium, and ciphertexts of a sum: all limits of lists follow from it."""

MOST_CHOSEN: Final = 2900
"""Of whatever number of hospitals so many may choose their errors, and a sum still decodes."""

LEAST_ADDED: Final = 2048
"""The least number of added entries, side by side in the last block of a ciphertext."""

ROOT_OF_UNITY: Final = pow(7, (MODULUS - 1) // (2 * RING_DEGREE), MODULUS)
"""psi, a primitive 8192-th root of unity of F (7 generates its multiplicative group); psi^4096 = -1."""


def ciphertext_length(parameters: int) -> int:
    """Entries of a ciphertext: those of the parameters and the least number of added ones.

    `LEAST_ADDED` of these lie side by side in the last block: behind the parameters where there is room for
    them, otherwise at the start of one block more, and then the entries before it are added ones too.
    """
    used = parameters % RING_DEGREE
    if used + LEAST_ADDED <= RING_DEGREE:
        return parameters + LEAST_ADDED
    return parameters - used + RING_DEGREE + LEAST_ADDED


def last_block(parameters: int) -> int:
    """The first entry of a ciphertext's last block."""
    return (ciphertext_length(parameters) - 1) // RING_DEGREE * RING_DEGREE


def zero_slots(hospitals: int) -> int:
    """In how many of its 4096 values modulo P a difference d != 0 of two sums of secrets can be 0 at most.

    With |d_i| <= 2n the integer norm of d in Z[X]/(X^4096 + 1) is not 0 and at most ||d||^4096, where
    ||d|| <= 2n * 64, and P divides it once for each of these values.
    """
    return int(RING_DEGREE * log2(2 * hospitals * 64) / log2(MODULUS)) + 1


def noise_bound(hospitals: int) -> int:
    """What the sum of so many errors may be, for a sum to decode."""
    return min(ERROR_ETA * hospitals, LARGEST_NOISE)


def spread(hospitals: int) -> float:
    """What the sum of so many honest errors exceeds with probability 2^-128 at most, in a whole ciphertext.

    Each is a sum of 84 fair bits less 42, so a sum of n is sub-Gaussian with variance 21 n, and exceeds T
    with probability 2 exp(-T^2 / (42 n)) at most. A ciphertext has fewer than 2^31 entries.
    """
    return sqrt(ERROR_ETA * hospitals * log(2) * (128 + 1 + 31))


def excess_bits(hospitals: int) -> float:
    """log2 of a bound on the expected number of such d != 0 for which a d is small on all added entries.

    Any min(4096 - zero_slots, LEAST_ADDED) neighbouring coefficients of a d are uniform and independent for a
    uniform mask a, and one of them is at most 2 `noise_bound` in magnitude with probability
    (4 noise_bound + 1) / P.
    """
    independent = min(RING_DEGREE - zero_slots(hospitals), LEAST_ADDED)
    small = log2(4 * noise_bound(hospitals) + 1) - log2(MODULUS)
    return RING_DEGREE * log2(4 * hospitals + 1) + independent * small


if pow(ROOT_OF_UNITY, RING_DEGREE, MODULUS) != MODULUS - 1:
    raise ArithmeticError("psi is not a primitive 8192-th root of unity")
if 2**UPDATE_SHIFT * MAX_MEMBERS * LARGEST_BOUND + ERROR_ETA * MAX_MEMBERS >= MODULUS // 2:
    raise ArithmeticError("a sum of encrypted updates could wrap around the modulus")
if ERROR_ETA * MOST_CHOSEN + spread(MAX_MEMBERS) > LARGEST_NOISE:
    raise ArithmeticError("a sum of many errors could be mistaken for a unit of the update")
if excess_bits(MAX_MEMBERS) > -128:
    raise ArithmeticError("a sum of ciphertexts could decode in two ways")
