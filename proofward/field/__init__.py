"""Arithmetic: the Goldilocks field F, its quadratic extension E, transforms, multilinear tables and the
prover's kernels.
"""

from proofward.field.reference import reference_arithmetic

__all__ = ["reference_arithmetic"]
