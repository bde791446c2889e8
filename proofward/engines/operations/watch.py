"""Watches a kit while its process runs: a line of the log when a problem begins, and one when it ends."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from proofward.engines.contract import Health, KitError, Note
from proofward.engines.remote.agreement.home import HomeError

BEAT, RESTS = 10.0, 19.0
"""Seconds between looks, or so many times what a look takes, if that is more."""
BEGUN, ENDED = "problem", "problem over"
Look = Callable[[Path], Health]


class Watch:
    """Notes the changes from one look to the next."""

    def __init__(self, kit: Path, look: Look, note: Note) -> None:
        self._kit = kit
        self._note = note
        self._look = look
        self._known: set[tuple[str, str]] = set()

    def beat(self) -> None:
        """One look. What cannot be read now can be read at the next."""
        try:
            found = {(problem.check, problem.subject) for problem in self._look(self._kit).problems}
        except (HomeError, KitError, OSError, sqlite3.Error):
            return
        for check, subject in sorted(found - self._known):
            self._note(BEGUN, level="error", check=check, subject=subject)
        for check, subject in sorted(self._known - found):
            self._note(ENDED, check=check, subject=subject)
        self._known = found


@contextmanager
def watched(kit: Path, look: Look, note: Note, beat: float = BEAT) -> Iterator[None]:
    """Watches the kit on a thread meanwhile; looks take a twentieth of the time at most."""
    stop, watch = Event(), Watch(kit, look, note)

    def run() -> None:
        pause = beat
        while not stop.wait(pause):
            start = time.monotonic()
            watch.beat()
            pause = max(beat, RESTS * (time.monotonic() - start))

    thread = Thread(target=run, name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
