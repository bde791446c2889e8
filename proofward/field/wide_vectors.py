"""Vectors of 512 bits for all kernels, where a processor has them at no cost to its clock.

LLVM computes with vectors of 256 bits on processors that have AVX-512, since early ones slow down under wide
vectors. Those that came with the instructions IFMA do not, so there LLVM is told otherwise. The same kernels
are compiled for AVX2, NEON or none, with the same results. IFMA itself multiplies halves of 52 bits; an
element of F has 64, and four products of halves of 32 bits take fewer instructions than nine of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MARK, _PREFERENCE = "+avx512ifma", "prefer-256-bit"


def prefer_wide(features: str) -> str:
    """A processor's features, as LLVM writes them (`+avx2,-sse4a,..`), with the preference that suits it."""
    return f"{features},-{_PREFERENCE}" if _MARK in features.split(",") else features


def use_wide_vectors() -> None:
    """Has numba compile for them from its first kernel on, unless NUMBA_CPU_FEATURES names the features."""
    config: Any = import_module("numba.core.config")
    if config.CPU_FEATURES is None:
        host: Any = import_module("numba.core.codegen")
        config.CPU_FEATURES = prefer_wide(host.get_host_cpu_features())


def lanes(bits: int) -> int:
    """Words of so many bits that a vector of this process's kernels holds: of 512 bits, or of 256."""
    config: Any = import_module("numba.core.config")
    wide = f"-{_PREFERENCE}" in str(config.CPU_FEATURES).split(",")
    return (512 if wide else 256) // bits
