"""What the phases of a proof take: seconds of the clock, and of the processor, all threads together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Phases:
    """Both kinds of seconds of every phase by its name, less those of phases inside it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.processor_seconds: dict[str, float] = {}
        self._inner = self._inner_processor = 0.0

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add what is done inside to a phase."""
        outer, outer_processor = self._inner, self._inner_processor
        self._inner = self._inner_processor = 0.0
        start, processor = time.perf_counter(), time.process_time()
        yield
        spent, worked = time.perf_counter() - start, time.process_time() - processor
        _add(self.seconds, phase, spent - self._inner)
        _add(self.processor_seconds, phase, worked - self._inner_processor)
        self._inner, self._inner_processor = outer + spent, outer_processor + worked


def _add(sums: dict[str, float], phase: str, seconds: float) -> None:
    sums[phase] = sums.get(phase, 0.0) + seconds
