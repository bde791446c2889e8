"""When a member gives up the secrets of an attempt because nobody goes on with it.

The aggregator closes a phase at the terms' deadline, and waits beyond it where too few have come. So a
holder's own deadline is later, by a time in which a site that is away for days comes back:

    seconds in the phase  >  deadline of the terms  +  GRACE

It runs on the member's own clock, so the aggregator cannot put it off, and it runs while the aggregator does
not answer. Seconds are those of a clock that only grows; for the time between two processes the difference of
the wall clock is taken, never less than nothing nor more than the terms' deadline. So a clock that is wrong
costs nobody its secrets early, and no restart begins the time anew.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from proofward.federation.parties.following.follower import Follower
from proofward.ledger.files import write_file

GRACE = 7 * 24 * 3600.0
NOTING = 60.0
FILE = "phase-time"


class Overdue(Exception):
    """A member's own deadline has passed: what it is doing may need secrets that it has to erase."""


class OwnDeadline:
    """Of one member, whose seconds are kept in a file of its folder."""

    def __init__(
        self,
        member: Follower,
        deadline: float,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """deadline: of the terms."""
        self.member = member
        self.limit = deadline + GRACE
        self._most = deadline
        self._memory = folder / FILE
        self._clock = clock
        self._wall = wall
        self._phase: tuple[str, ...] = ()
        self._since = self._noted = clock()

    def require(self) -> None:
        """Raises Overdue once this deadline has passed, until the member is told so."""
        if self.passed():
            raise Overdue

    def passed(self) -> bool:
        """Whether the present phase is past this member's deadline, and it has not been told so yet."""
        history, now = self.member.history, self._clock()
        phase = (history.phase, *map(str, history.position()))
        if phase != self._phase:
            before = 0.0 if self._phase else self._kept(phase)
            self._phase, self._since = phase, now - before
            self._keep()
        elif now - self._noted > NOTING:
            self._keep()
        overdue = history.phase in self.member.expiring and now - self._since > self.limit
        return overdue and not self.member.expired(history.phase)

    def _kept(self, phase: tuple[str, ...]) -> float:
        """Seconds of this phase before this process, as far as they are known."""
        try:
            seconds, noted, *known = self._memory.read_text().split("\n")
            away = min(max(self._wall() - float(noted), 0.0), self._most)
            kept = max(float(seconds), 0.0) + away
            return kept if tuple(known) == phase and math.isfinite(kept) else 0.0
        except (OSError, ValueError):
            return 0.0

    def _keep(self) -> None:
        self._noted = self._clock()
        lines = (f"{self._noted - self._since:.1f}", f"{self._wall():.1f}", *self._phase)
        with suppress(OSError):  # at worst the secrets are kept for longer
            write_file(self._memory, "\n".join(lines).encode(), self._memory.with_suffix(".tmp"), 0o600)


def keep_own_deadline(member: Follower, deadline: float, folder: Path) -> None:
    """Has a member that works now and then, by commands, erase what it is too late for."""
    if OwnDeadline(member, deadline, folder).passed():
        member.expire()
