"""Keeps the server's processes small: FLARE's messages are freed by the collector of cycles alone.

A message of a megabyte lies in a reference cycle until the collector comes by, which counts objects and not
bytes. What exists after start-up is frozen, so that looking at the rest is cheap and can be done often.
"""

from __future__ import annotations

import gc
from threading import Event, Lock, Thread

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext

PARENT_SECONDS = 0.5


class Collector:
    """Collects after every `every` bytes that went by."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._bytes = 0
        self._lock = Lock()
        gc.collect()
        gc.freeze()

    def passed(self, count: int) -> None:
        """Says that a message of so many bytes has been dealt with."""
        with self._lock:
            self._bytes += count
            due = self._bytes >= self._every
            if due:
                self._bytes = 0
        if due:
            gc.collect()


class ParentCollector(FLComponent):
    """In the server's parent process, which passes messages on: collects twice a second."""

    def __init__(self) -> None:
        super().__init__()
        self._stop = Event()

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Begins and ends with the system."""
        if event_type == EventType.SYSTEM_START:
            gc.collect()
            gc.freeze()
            Thread(target=self._run, name="collector", daemon=True).start()
        elif event_type == EventType.SYSTEM_END:
            self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(PARENT_SECONDS):
            gc.collect()
