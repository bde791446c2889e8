"""Arithmetic: the Goldilocks field F, its quadratic extension E, transforms, multilinear tables and the prover's kernels."""
