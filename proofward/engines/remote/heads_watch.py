"""Notices that nothing newer comes to a hospital that follows heads, and asks witnesses how it looks to them.

A server that withholds newer heads looks to its victim like a federation in which nothing happens. A phase
ends at the terms' deadline, unless too few have come. So a hospital asks once

    seconds without a newer head  >  phases until the next one is shown * deadline of the terms  +  SLACK

whether witnesses have cosigned a larger ledger, where it knows any, and reports `heads-withheld` in words. It
is no proof of a fault: the hospital goes on when a newer head comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from proofward.engines.remote.hosting.light_phases import phases_until_next
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.parties.light_hospital import LightHospital
from proofward.witness.asking import Asked
from proofward.witness.seen import Get, NotSeen, over_http, seen

SLACK, WAITING = 60.0, 10.0
Note = Callable[..., None]


class HeadsWatch:
    """Of one hospital. deadline: of the terms."""

    def __init__(
        self,
        member: LightHospital,
        deadline: float,
        witnesses: Iterable[Asked],
        note: Note = lambda kind, **fields: None,
        get: Get | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.member = member
        self._deadline = deadline
        self._witnesses = tuple(witnesses)
        self._note = note
        self._get = get or over_http(WAITING)
        self._clock = clock
        self._size, self._since, self._told = -1, clock(), False

    def look(self) -> None:
        """Reports, once for a head, that there is no newer one although it is time."""
        size = self.member.history.size
        if size != self._size or not self.member.follows_lightly:
            self._size, self._since, self._told = size, self._clock(), False
        elif not self._told and self._clock() - self._since > self.limit:
            self._told = True
            largest = self.largest()
            if largest > size:
                self.member.notice_withheld(largest)
            else:
                self.member.notice_silence()

    @property
    def limit(self) -> float:
        """Seconds without a newer head."""
        return phases_until_next(self.member.history.phase) * self._deadline + SLACK

    def largest(self) -> int:
        """The largest ledger that a witness has cosigned, in entries; 0 where none is known to have."""
        found, log = 0, log_verifier(self.member.rules)
        for asked in self._witnesses:
            try:
                found = max(found, seen(asked, log, self._get).checkpoint.size)
            except NotSeen as error:
                self._note("witness failed", level="warning", party=self.member.name, check=str(error)[:200])
        return found
