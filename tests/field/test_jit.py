"""What is done before the first kernel is made, and what numba imports with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proofward.field.jit import Deferred, before_the_first

FIRST_KERNEL = """
import sys
import numpy as np
from proofward.field.goldilocks import add
add(np.ones((1, 4), np.uint64), np.ones((1, 4), np.uint64))
assert "numba.np.arraymath" in sys.modules and "scipy.linalg" not in sys.modules
import numba
assert numba.njit(lambda left, right: np.dot(left, right))(np.ones(3), np.ones(3)) == 3
assert "scipy.linalg" in sys.modules
"""


def test_the_first_kernel_imports_no_linear_algebra_and_leaves_it_to_others():
    pytest.importorskip("scipy")
    subprocess.run([sys.executable, "-c", FIRST_KERNEL], check=True)


def test_once_before_the_next_kernel_that_is_made():
    done: list[str] = []

    def deferred(name: str) -> Deferred:
        return Deferred(lambda: done.append(name) or len, len)

    made = deferred("made")
    assert made("abc") == 3
    before_the_first(lambda: done.append("before"))
    made("abc")
    for name in ("next", "last"):
        deferred(name)("abc")
    before_the_first(lambda: done.append("never"))
    before_the_first(None)
    deferred("end")("abc")
    assert done == ["made", "before", "next", "last", "end"]
