"""Where processors have wide vectors at no cost they are used, and the results are the same without."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from proofward.field.goldilocks import mul
from proofward.field.wide_vectors import prefer_wide
from tests.field.values import EDGES

PRODUCTS = "from tests.field.test_wide_vectors import products; print(products())"


def products() -> str:
    """Of all pairs of edges in a long array, as bytes in hexadecimal digits."""
    left = np.repeat(np.array(EDGES, dtype=np.uint64), len(EDGES))
    return mul(left, np.tile(np.array(EDGES, dtype=np.uint64), len(EDGES))).tobytes().hex()


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("+avx2,+avx512f,+avx512ifma,-sse4a", "+avx2,+avx512f,+avx512ifma,-sse4a,-prefer-256-bit"),
        ("+avx2,+avx512f,-avx512ifma", "+avx2,+avx512f,-avx512ifma"),
        ("+neon", "+neon"),
        ("", ""),
    ],
)
def test_only_where_they_cost_nothing(features: str, expected: str) -> None:
    assert prefer_wide(features) == expected


@pytest.mark.slow
def test_the_same_results_with_the_plainest_instructions(tmp_path) -> None:  # type: ignore[no-untyped-def]
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", PRODUCTS],
        env={**os.environ, **plain}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == products()
