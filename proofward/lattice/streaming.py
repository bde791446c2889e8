"""Runs a function over spans of whole blocks on the threads of the field's kernels.

Spans are short, so that temporaries stay small.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.field.threads import parallel
from proofward.lattice.parameters import RING_DEGREE

SPAN_BLOCKS = 16
"""Blocks per call: 512 KiB of words, so that the temporaries of a call stay in the cache of a core."""


def blocks_of(length: int) -> int:
    """The number of blocks of 4096 entries that hold `length` entries."""
    return -(-length // RING_DEGREE)


def over_blocks(length: int, work: Callable[[int, int], object]) -> None:
    """Calls work(first, stop) for spans that cover [0, length), first a multiple of 4096.

    An error is raised. `work` may run on several threads at once and must write to disjoint places only;
    results do not depend on the number of threads.
    """
    step = SPAN_BLOCKS * RING_DEGREE
    over_items(-(-length // step), lambda span: work(span * step, min((span + 1) * step, length)))


def over_items(count: int, work: Callable[[int], object]) -> None:
    """Calls work(0), ..., work(count - 1) on threads, under the same rules as `over_blocks`."""

    def chunk(start: int, stop: int) -> None:
        for item in range(start, stop):
            work(item)

    parallel(chunk, count, 1)
