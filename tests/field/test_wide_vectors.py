"""Where processors have wide vectors at no cost they are used, and the results are the same without."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field.butterflies import sixteens
from proofward.field.contract import combine_rows
from proofward.field.goldilocks import mul
from proofward.field.ntt import _cubes, _twiddles, intt, ntt
from proofward.field.reference import ntt as reference
from proofward.field.scalar import P
from proofward.field.wide_vectors import prefer_wide
from proofward.proof.sha256 import sha256_lanes
from tests.field.values import EDGES

RESULTS = "from tests.field.test_wide_vectors import results; print(results())"


def results() -> str:
    """Products of all pairs of edges, their transforms, sums and hashes, as bytes in hexadecimal digits."""
    edges = np.array(EDGES, dtype=np.uint64)
    products = mul(np.repeat(edges, edges.size), np.tile(edges, edges.size))
    rows = np.resize(products, (64, 64))
    there, back = ntt(rows), intt(rows)
    sums = combine_rows(rows[:2], np.ascontiguousarray(rows.T))
    digests = sha256_lanes(0, np.zeros((8, 64), dtype=np.uint32), rows)
    return b"".join(found.tobytes() for found in (products, there, back, sums, digests)).hex()


def _in_groups(inverse: bool, groups: int) -> Any:
    """A kernel of transforms of 16, in vectors of so many fours of words."""
    stages = sixteens(inverse, groups).load()

    @numba.njit
    def run(row, twiddles, cubes):  # type: ignore[no-untyped-def]
        at = 0
        while at < row.size:
            at += stages(row, twiddles, cubes, at)

    return run


ROWS = st.lists(st.sampled_from(EDGES) | st.integers(0, P - 1), min_size=32, max_size=32)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("inverse", [False, True])
def test_transforms_in_vectors_of_both_widths(groups: int, inverse: bool) -> None:
    kernel, twiddles, cubes = _in_groups(inverse, groups), _twiddles(16, inverse), _cubes(16, inverse)

    @settings(max_examples=20)
    @given(ROWS)
    def agrees(values: list[int]) -> None:
        row = np.array(values, dtype=np.uint64)
        kernel(row, twiddles, cubes)
        found = row.tolist() if not inverse else [value * pow(16, -1, P) % P for value in row.tolist()]
        plain = reference.intt if inverse else reference.ntt
        assert found == [value for own in plain([values[:16], values[16:]]) for value in own]

    agrees()


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
