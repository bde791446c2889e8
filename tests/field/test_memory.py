"""Memory that is kept while a proof is made, and given back after it."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from proofward.field import memory
from proofward.field.memory import kept_memory

SIZE = 1 << 23
glibc = pytest.mark.skipif(memory._library() is None, reason="the C library is not glibc")


def faults_of_a_fresh_array() -> int:
    """Pages that the system had to find for an array of 64 MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(SIZE, dtype=np.uint64).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes of memory in use."""
    with open("/proc/self/statm") as figures:
        return int(figures.read().split()[1]) * resource.getpagesize()


@glibc
def test_freed_memory_serves_the_next_array() -> None:
    with kept_memory():
        first = faults_of_a_fresh_array()
        with kept_memory():
            again = [faults_of_a_fresh_array() for _ in range(3)]
        after = faults_of_a_fresh_array()
    assert first > 100
    assert max(*again, after) < first / 10


@glibc
def test_memory_is_given_back() -> None:
    with kept_memory():
        arrays = [np.ones(SIZE, dtype=np.uint64) for _ in range(4)]
        held = resident()
        del arrays
        assert resident() > held - (16 << 20)
    assert resident() < held - (200 << 20)


def test_numpy_asks_for_huge_pages_as_before() -> None:
    before = memory._ask_for_huge_pages(True)
    try:
        with pytest.raises(RuntimeError), kept_memory(), kept_memory():
            assert not memory._ask_for_huge_pages(False)
            raise RuntimeError
        assert memory._ask_for_huge_pages(True)
    finally:
        memory._ask_for_huge_pages(before)
