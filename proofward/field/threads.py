"""Kernels on all cores: a pool of threads runs chunks of kernels that release the interpreter's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise


@lru_cache(maxsize=1)
def thread_count() -> int:
    """PROOFWARD_THREADS, or the number of cores that this process may use."""
    wanted = os.environ.get("PROOFWARD_THREADS", "")
    if wanted.isdigit():
        return max(1, int(wanted))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_place = threading.local()
_lock = threading.Lock()
_sharing = 0


@contextmanager
def sharing() -> Iterator[None]:
    """For a thread that computes for itself beside others: kernels use its share of the cores.

    Where as many threads compute as there are cores, chunks of a kernel would only wait for one another.
    """
    global _sharing
    with _lock:
        _sharing += 1
    try:
        yield
    finally:
        with _lock:
            _sharing -= 1


def _enter_pool() -> None:
    _place.in_pool = True


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_count(), thread_name_prefix="proofward", initializer=_enter_pool)


def parallel(work: Callable[[int, int], object], count: int, grain: int) -> None:
    """Call work(start, stop) on disjoint ranges that cover range(count).

    It runs inline where there is less than two grains of work, where all cores are taken by threads that are
    `sharing` them, and inside a chunk that runs on the pool: a thread of the pool never waits for the pool,
    so calls may nest and come from many threads. A grain should be a hundred microseconds of work or more:
    handing a chunk to another thread and waiting for it takes about as long.
    """
    if count < 2 * grain or getattr(_place, "in_pool", False):
        work(0, count)
        return
    threads = min(thread_count() // max(1, _sharing), count // max(1, grain))
    if threads < 2:
        work(0, count)
        return
    bounds = [count * i // threads for i in range(threads + 1)]
    futures = [_pool().submit(work, start, stop) for start, stop in pairwise(bounds[1:])]
    work(bounds[0], bounds[1])
    for future in futures:
        future.result()


_PART, _ONE_PART = 1 << 16, 1 << 17


def in_parts(use: Callable[[int, int], object], count: int) -> None:
    """Call use(start, stop) on parts of range(count) of ten thousands each, on all cores.

    A short range is one part: then the kernels inside it are shared by the cores, which is less work for the
    interpreter than several parts at a time.
    """
    if count <= _ONE_PART:
        use(0, count)
        return

    def work(first: int, last: int) -> None:
        for part in range(first, last):
            use(part * _PART, min((part + 1) * _PART, count))

    parallel(work, -(-count // _PART), 1)
