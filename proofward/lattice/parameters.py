"""Constants of the encryption of updates and the ranges that follow from them.

A hospital's update U is encrypted, block by block, as ring-LWE samples in R = F[X]/(X^4096 + 1), F the
Goldilocks field:
    y_j = a_j s + e_j + 2^18 U_j,   |U| <= B < `LARGEST_BOUND` with the hospital's public bound B.
Sums of up to `MAX_HOSPITALS` ciphertexts decode exactly:
    noise      |sum e| <= 42 n < 2^17, so rounding to the nearest multiple of 2^18 finds 2^18 sum U;
    wrapping   |2^18 sum U + sum e| < 2^18 n 2^31 + 2^17 < P / 2, so nothing wraps modulo P.
And they decode in one way only. Behind the parameters a ciphertext has at least `LEAST_ADDED` added entries,
of which everybody knows that they encrypt 0; see `proofward.lattice.encryption`. All inequalities are checked
when this module is loaded. `proofward.lattice.security` argues the secrecy.
"""

from __future__ import annotations

from math import log2
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

MAX_HOSPITALS: Final = (2 ** (UPDATE_SHIFT - 1) - 1) // ERROR_ETA
"""3120: the largest number of ciphertexts whose sum certainly decodes."""

LEAST_ADDED: Final = 2048
"""The least number of entries that a ciphertext has beyond the parameters, all in its last block."""

ROOT_OF_UNITY: Final = pow(7, (MODULUS - 1) // (2 * RING_DEGREE), MODULUS)
"""psi, a primitive 8192-th root of unity of F (7 generates its multiplicative group); psi^4096 = -1."""


def ciphertext_length(parameters: int) -> int:
    """Entries of a ciphertext: whole blocks, with at least `LEAST_ADDED` entries beyond the parameters."""
    return -(-(parameters + LEAST_ADDED) // RING_DEGREE) * RING_DEGREE


def zero_slots(hospitals: int) -> int:
    """In how many of its 4096 values modulo P a difference d != 0 of two sums of secrets can be 0 at most.

    With |d_i| <= 2n the integer norm of d in Z[X]/(X^4096 + 1) is not 0 and at most ||d||^4096, where
    ||d|| <= 2n * 64, and P divides it once for each of these values.
    """
    return int(RING_DEGREE * log2(2 * hospitals * 64) / log2(MODULUS)) + 1


def excess_bits(hospitals: int) -> float:
    """log2 of a bound on the expected number of such d != 0 for which a d is small on all added entries.

    Any min(4096 - zero_slots, LEAST_ADDED) neighbouring coefficients of a d are uniform and independent for a
    uniform mask a, and one of them lies in [-84 n, 84 n] with probability (168 n + 1) / P.
    """
    independent = min(RING_DEGREE - zero_slots(hospitals), LEAST_ADDED)
    small = log2(2 * 2 * ERROR_ETA * hospitals + 1) - log2(MODULUS)
    return RING_DEGREE * log2(4 * hospitals + 1) + independent * small


if pow(ROOT_OF_UNITY, RING_DEGREE, MODULUS) != MODULUS - 1:
    raise ArithmeticError("psi is not a primitive 8192-th root of unity")
if 2**UPDATE_SHIFT * MAX_HOSPITALS * LARGEST_BOUND + 2 ** (UPDATE_SHIFT - 1) >= MODULUS // 2:
    raise ArithmeticError("a sum of encrypted updates could wrap around the modulus")
if excess_bits(MAX_HOSPITALS) > -128:
    raise ArithmeticError("a sum of ciphertexts could decode in two ways")
