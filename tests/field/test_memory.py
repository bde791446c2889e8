"""Memory that is kept while a proof is made, and given back after it."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from proofward.field import memory
from proofward.field.memory import kept_memory, large_empty

SIZE = 1 << 23
glibc = pytest.mark.skipif(memory._library() is None, reason="the C library is not glibc")


def faults_of_a_fresh_array() -> int:
    """Pages that the system had to find for an array larger than what is not given back."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(memory._LITTLE // 4, dtype=np.uint64).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes of memory in use."""
    with open("/proc/self/statm") as figures:
        return int(figures.read().split()[1]) * resource.getpagesize()


@pytest.mark.slow
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


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 1 << 10), (5, 1 << 17), (1 << 20,)])
@pytest.mark.parametrize("refused", [False, True])
def test_arrays_without_values_can_be_written(
    shape: tuple[int, ...], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if refused:
        monkeypatch.setattr(memory, "_POPULATE_WRITE", 9999)
    before = large_empty(*shape)
    with kept_memory():
        neighbours = [np.full(shape, i, dtype=np.uint64) for i in (1, 2)]
        made = large_empty(*shape)
        assert made.shape == before.shape == shape
        assert made.dtype == np.uint64 and made.flags.c_contiguous and made.flags.writeable
        made[:] = 7
        assert (made == 7).all() and all((own == i).all() for own, i in zip(neighbours, (1, 2), strict=True))


@glibc
def test_pages_of_a_large_array_are_fetched_at_once() -> None:
    with kept_memory():
        made = large_empty(1 << 22)
        if memory._library().madvise(None, 0, memory._POPULATE_WRITE):  # type: ignore[union-attr]
            pytest.skip("this kernel is older than the advice")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        made[:: 4096 // 8] = 1
        after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert after - before < made.nbytes // 4096 // 2
