"""Constants of the encryption of updates and the ranges that follow from them.

A hospital's update U (integers below `UPDATE_BOUND`) is encrypted, block by block, as the ring-LWE sample
y_j = a_j s + e_j + 2^18 U_j in R = F[X]/(X^4096 + 1), F the Goldilocks field. Sums of up to `MAX_HOSPITALS`
ciphertexts decode exactly:
  noise     |sum e| <= 42 n < 2^17, so rounding to the nearest multiple of 2^18 finds 2^18 sum U;
  wrapping  |2^18 sum U + sum e| < 2^18 n 2^19 + 2^17 < 2^63 - 2^32 < P / 2, so nothing wraps modulo P.
Both inequalities are checked when this module is loaded. `proofward.lattice.security` argues the secrecy.
"""

from __future__ import annotations

from typing import Final

MODULUS: Final = 2**64 - 2**32 + 1
"""P, the Goldilocks prime: field of the proof and modulus of the ciphertexts."""

RING_DEGREE: Final = 4096
"""N, the number of coefficients of a ring element; a block of the update."""

ERROR_ETA: Final = 42
"""Errors are centred binomial, the sum of 84 fair bits minus 42: |e| <= 42, standard deviation sqrt(21)."""

UPDATE_SHIFT: Final = 18
"""An update is multiplied by 2^18 before the mask is added."""

UPDATE_BOUND: Final = 2**19
"""Entries of one hospital's update are below this in magnitude."""

MAX_HOSPITALS: Final = (2 ** (UPDATE_SHIFT - 1) - 1) // ERROR_ETA
"""3120: the largest number of ciphertexts whose sum certainly decodes."""

ROOT_OF_UNITY: Final = pow(7, (MODULUS - 1) // (2 * RING_DEGREE), MODULUS)
"""psi, a primitive 8192-th root of unity of F (7 generates its multiplicative group); psi^4096 = -1."""

if pow(ROOT_OF_UNITY, RING_DEGREE, MODULUS) != MODULUS - 1:
    raise ArithmeticError("psi is not a primitive 8192-th root of unity")
if 2**UPDATE_SHIFT * MAX_HOSPITALS * UPDATE_BOUND + 2 ** (UPDATE_SHIFT - 1) >= MODULUS // 2:
    raise ArithmeticError("a sum of encrypted updates could wrap around the modulus")
