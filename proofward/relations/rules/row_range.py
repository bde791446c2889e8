"""The widest range of rows that rules can have: the least that can prove, and the most beside them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from proofward.layers.basics.errors import TrainingError
from proofward.relations.rules.limits import MOST_ROWS

Bounds = Callable[[int, int], None]
"""Raises a TrainingError unless all bounds hold for so many rows, beside a hospital with so many."""


def widest_range(least: int, most: int, bounds: Bounds) -> tuple[int, int]:
    """least_rows and most_rows, of which those that are 0 are found; raises a TrainingError without one."""

    def holds(rows: int, beside: int = 0) -> bool:
        try:
            bounds(rows, beside or rows)
        except TrainingError:
            return False
        return True

    if not least:
        powers = (1 << bits for bits in range(24))
        some = next((rows for rows in powers if holds(rows, most)), most or MOST_ROWS)
        least = _first(1, some, lambda rows: holds(rows, most))
    if not most:
        bounds(least, least)
        beside = partial(holds, least)
        most = _first(least, MOST_ROWS + 1, lambda rows: not (holds(rows) and beside(rows))) - 1
    return least, most


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least number in [low, high] that holds, if all from it on do; `high` if none does."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
