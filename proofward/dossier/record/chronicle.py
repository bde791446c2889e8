"""What the ledger's entries say of times, places, software and data sheets: read once, after the audit.

Only entries that the audit has followed are looked at. A number is an entry's place on the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from proofward.encoding import MalformedMessage, decode
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.clock import REPEATABLE_TIME, in_utc
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    Attendance,
    BeaconDeal,
    BeaconFixed,
    Enrolment,
    EnrolmentClosed,
    FederationClosed,
    FederationEnded,
    FederationOpened,
    RoundClosed,
    RoundOpened,
)

_POINTS = (FederationOpened, EnrolmentClosed, BeaconFixed, FederationClosed, FederationEnded)


@dataclass
class RoundTimes:
    """When a round was opened first and closed, with the numbers of the entries; None where it was not."""

    opened: int
    first: int
    closed: int | None = None
    last: int | None = None


@dataclass
class Chronicle:
    """first, last: times of the first and the latest entry, none of them where nothing is recorded.

    points: entry and time of what the aggregator announced once, by kind. software, sheets: by member, with
    the entry. repeatable: whether all times are that of a repeatable run.
    """

    first: int | None = None
    last: int | None = None
    entries: int = 0
    repeatable: bool = True
    points: dict[str, tuple[int, int]] = field(default_factory=dict)
    rounds: dict[int, RoundTimes] = field(default_factory=dict)
    software: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    sheets: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    enrolled: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, number: int, envelope: Envelope) -> None:
        """The entry of that number."""
        record, time, sender = envelope.record, envelope.time, envelope.sender
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)
        self.entries += 1
        self.repeatable &= time == REPEATABLE_TIME
        if isinstance(record, _POINTS):
            self.points[record.kind] = number, time
        if isinstance(record, FederationOpened | Attendance | Enrolment | BeaconDeal) and record.software:
            self.software.setdefault(sender, (number, record.software))
        if isinstance(record, Enrolment):
            self.enrolled[sender] = number, time
            if record.data_sheet:
                self.sheets[sender] = number, record.data_sheet
        if isinstance(record, RoundOpened):
            self.rounds.setdefault(envelope.round, RoundTimes(time, number))
        if isinstance(record, RoundClosed) and envelope.round in self.rounds:
            self.rounds[envelope.round].closed, self.rounds[envelope.round].last = time, number


def chronicle(history: HistoryState, entries: Iterable[bytes]) -> Chronicle:
    """Of the entries that `history` has taken in; others are passed over."""
    found = Chronicle()
    for entry in entries:
        number = history.recorded.get(hashlib.sha256(entry).digest())
        if number is None:
            continue
        try:
            found.take(number, decode(entry, Envelope))
        except MalformedMessage:
            continue
    return found


def at(point: tuple[int, int] | None) -> str | None:
    """When, in words."""
    return None if point is None else in_utc(point[1])


def lasted(seconds: int) -> str:
    """A duration in words."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
