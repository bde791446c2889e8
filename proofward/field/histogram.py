"""How often the entries of a table are looked up, in one pass over the values."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from proofward.field.jit import WORD, kernel
from proofward.field.threads import parallel

Signed = npt.NDArray[np.int64]

_VALUES = "Array(int64, 1, 'C', readonly=True)"
_COUNTS = "int64[::1]"
_GRAIN, _LOOKUPS_PER_ENTRY = 1 << 17, 4
"""Cores count apart where each has so many values, and so many for every entry of the table."""
_adding = threading.Lock()


@kernel(f"int64({_VALUES}, {_VALUES}, {WORD}, {WORD}, {_VALUES}, {_VALUES}, {_COUNTS})")
def _histogram(first, second, low, span, position, paired, counts):  # type: ignore[no-untyped-def]
    # Differences are words modulo 2^64. |low| <= 2^62 and span < 2^62, so one of integers from -2^63 to 2^63
    # is below the span only where the difference of the integers is. A count stays below 2^63.
    for i in range(first.size):
        where = np.uint64(first[i]) - np.uint64(low)
        if where >= np.uint64(span):
            return i
        entry = np.int64(where)
        if position.size:
            entry = position[entry]
        if entry < 0 or (second.size and second[i] != paired[entry]):
            return i
        counts[entry] += 1
    return -1


def histogram(
    values: tuple[Signed, Signed | None],
    low: int,
    position: Signed | None,
    paired: Signed | None,
    counts: Signed,
) -> int:
    """Add to `counts` how often every entry of a table is looked up; the first index that is none, or -1.

    `position[v - low]` is the entry of the integer v, -1 where there is none; without it, v - low is. Second
    values have to be `paired` of the entry. ValueError for arrays of other lengths or a position outside.
    """
    first, second = values
    none = np.empty(0, dtype=np.int64)
    span = counts.size if position is None else position.size
    if position is not None and position.size and not -1 <= position.min() <= position.max() < counts.size:
        raise ValueError(f"positions {position.min()} .. {position.max()} of {counts.size} entries")
    if second is not None and (paired is None or second.size != first.size or paired.size != counts.size):
        raise ValueError(f"{second.size} second values for {first.size}")
    if abs(low) > 1 << 62:
        raise ValueError(f"least entry {low}, expected at most 2^62 in magnitude")
    firsts, seconds, positions, pairs = (
        none if array is None else np.ascontiguousarray(array) for array in (first, second, position, paired)
    )
    grain = max(_GRAIN, _LOOKUPS_PER_ENTRY * counts.size)
    bad: list[int] = []

    def work(start: int, stop: int) -> None:
        own = counts if stop - start == firsts.size else np.zeros_like(counts)
        paired_with = seconds[start:stop] if seconds.size else seconds
        found = int(_histogram(firsts[start:stop], paired_with, low, span, positions, pairs, own))
        bad.extend([start + found] if found >= 0 else [])
        if own is not counts:
            with _adding:
                np.add(counts, own, out=counts)

    parallel(work, firsts.size, grain)
    return min(bad, default=-1)
