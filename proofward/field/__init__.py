"""Arithmetic: the field F, its extension E, transforms, multilinear tables and the prover's kernels."""

from proofward.field.reference import reference_arithmetic

__all__ = ["reference_arithmetic"]
