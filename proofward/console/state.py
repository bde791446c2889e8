"""All that the pages are made from, brought up to date on a thread of its own.

New entries and lines are looked for once a second, which costs two looks at files where there are none. The
kit's health is worked out anew from the whole ledger, as `proofward status` does; so it is looked at seldom
enough to take a twentieth of the time at most. While nobody asks for a page, nothing is done.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread

from proofward.console.counted import Counted
from proofward.console.followed import Followed
from proofward.console.source import Source
from proofward.console.told import Told
from proofward.engines.contract import Check, Health, KitError
from proofward.engines.remote.agreement.home import HomeError

BEAT, HEALTH_BEAT, RESTS, CHECKS_KEPT = 1.0, 4.0, 19.0, 30.0
"""Seconds between looks and at least between two at the health, whose rests are so many looks
long; seconds for which findings are kept."""
FAULT = "What is new cannot be read: a fault of ProofWard"
NOBODY = 60.0
"""Seconds without a request after which nothing is looked at."""


@dataclass
class Kept:
    """Something worked out, and when."""

    checks: tuple[Check, ...] = ()
    at: float = 0.0


class State:
    """Use `start`, then `asked` with every request; `close` at the end."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self.clock = clock
        self.followed = Followed(source, clock)
        self.counted = Counted(source)
        self.told = Told(source.log)
        self.health: Health | None = None
        self.health_trouble = ""
        self._health_due = 0.0
        self._kept: Kept | None = None
        self._checking = Lock()
        self._stop, self._wanted = Event(), Event()
        self._last_asked = time.monotonic()
        self._thread = Thread(target=self._run, name="console", daemon=True)

    def refresh(self) -> None:
        """One look at everything that is due."""
        grown = self.followed.advance()
        fresh = self.told.advance()
        if grown or fresh:
            self._health_due = min(self._health_due, self._earliest)
        if self.source.engine is not None and time.monotonic() >= self._health_due:
            self._look()

    _earliest = 0.0

    def _look(self) -> None:
        start = time.monotonic()
        assert self.source.engine is not None
        try:
            self.health, self.health_trouble = self.source.engine.health(self.source.folder), ""
        except (HomeError, KitError, OSError, sqlite3.Error) as error:
            self.health_trouble = f"How the site stands cannot be told: {error}"
        now = time.monotonic()
        self._earliest = now + max(BEAT, RESTS * (now - start))
        self._health_due = now + max(HEALTH_BEAT, RESTS * (now - start))

    def checks(self) -> tuple[Check, ...]:
        """The findings of `proofward doctor --offline`, no older than CHECKS_KEPT seconds."""
        if self.source.engine is None:
            return ()
        with self._checking:
            now = time.monotonic()
            if self._kept is None or now - self._kept.at > CHECKS_KEPT:
                self._kept = Kept(tuple(self.source.engine.checks(self.source.folder, True)), now)
            return self._kept.checks

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def asked(self) -> None:
        """Says that somebody wants a page."""
        self._last_asked = time.monotonic()
        self._wanted.set()

    def close(self) -> None:
        """Ends it."""
        self._stop.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        self.told.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception as error:  # the pages say so, and go on with what is known
                self.health_trouble = f"{FAULT} ({type(error).__name__})."
            self._stop.wait(BEAT)
            if time.monotonic() - self._last_asked > NOBODY:
                self._wanted.clear()
                self._wanted.wait()
