"""Where processors have wide vectors at no cost they are used, and the results are the same without."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from proofward.field.contract import combine_rows
from proofward.field.goldilocks import mul
from proofward.field.ntt import intt, low_degree_extend
from proofward.field.wide_vectors import prefer_wide
from tests.field.values import EDGES

RESULTS = "from tests.field.test_wide_vectors import results; print(results())"


def results() -> str:
    """Products of all pairs of edges, transforms of them and sums of many rows, in hexadecimal digits."""
    edges = np.array(EDGES, dtype=np.uint64)
    products = mul(np.repeat(edges, len(edges)), np.tile(edges, len(edges)))
    rows = np.resize(products, (4, 1024))
    transformed = intt(low_degree_extend(rows, 2048))
    sums = combine_rows(np.resize(products, (2, 64)), np.resize(products[::-1], (64, 300)))
    return b"".join(found.tobytes() for found in (products, transformed, sums)).hex()


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
        [sys.executable, "-c", RESULTS],
        env={**os.environ, **plain}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == results()
