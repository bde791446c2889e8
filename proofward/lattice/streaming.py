"""Runs a function over spans of whole blocks on threads, so that temporaries stay small."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from proofward.lattice.parameters import RING_DEGREE

SPAN_BLOCKS = 16
"""Blocks per call: 512 KiB of words, so that the temporaries of a call stay in the cache of a core."""


def blocks_of(length: int) -> int:
    """The number of blocks of 4096 entries that hold `length` entries."""
    return -(-length // RING_DEGREE)


def threads() -> int:
    """PROOFWARD_THREADS, or the number of cores."""
    return max(1, int(os.environ.get("PROOFWARD_THREADS", "") or os.cpu_count() or 1))


def over_blocks(length: int, work: Callable[[int, int], object]) -> None:
    """Calls work(first, stop) for spans that cover [0, length), first a multiple of 4096.

    The first error is raised. `work` may run on several threads at once and must
    write to disjoint places only; results do not depend on the number of threads.
    """
    step = SPAN_BLOCKS * RING_DEGREE
    spans = [(first, min(first + step, length)) for first in range(0, length, step)]
    if len(spans) == 1 or threads() == 1:
        for first, stop in spans:
            work(first, stop)
        return
    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(lambda span: work(*span), spans):
            pass


def over_items(count: int, work: Callable[[int], object]) -> None:
    """Calls work(0), ..., work(count - 1) on threads, under the same rules as `over_blocks`."""
    if count == 1 or threads() == 1:
        for item in range(count):
            work(item)
        return
    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(work, range(count)):
            pass
