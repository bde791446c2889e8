"""Runs of small arrays on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from proofward.field import contract, extension, goldilocks, multilinear, ntt, rounds, sums, threads


@pytest.fixture(params=["1", "2", "3"])
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """PROOFWARD_THREADS threads that share even the smallest array, in parts of any length."""
    monkeypatch.setenv("PROOFWARD_THREADS", request.param)
    threads.thread_count.cache_clear()
    threads._pool.cache_clear()

    def fine(work: Callable[[int, int], object], count: int, grain: int) -> None:
        assert grain >= 1
        threads.parallel(work, count, 1)

    for module in (contract, extension, goldilocks, multilinear, ntt, rounds, sums):
        monkeypatch.setattr(module, "parallel", fine)
    assert threads.thread_count() == int(request.param)
    yield int(request.param)
    if threads._pool.cache_info().currsize:
        threads._pool().shutdown()
    threads._pool.cache_clear()
    threads.thread_count.cache_clear()
