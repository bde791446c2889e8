"""What a run costs: seconds by phase, from the parties' events, and bytes on the wire by member and round."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proofward.federation.messages.events import Event
from proofward.federation.messages.records.catalogue import Enrolment, RoundClosed, RoundOpened

PHASES = ("prove enrolment", "train", "encrypt", "prove", "verify", "aggregate", "confirm")
_BY_EVENT = {"verified": "verify", "aggregated": "aggregate", "confirmed": "confirm"}


@dataclass(frozen=True)
class Duration:
    """How often something was done, and the seconds it took in all."""

    count: int
    total: float

    @property
    def mean(self) -> float:
        """Seconds a time; 0 where it was never done."""
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True)
class RoundTime:
    """Seconds from a round's opening to its closing, and those of all members together by phase."""

    lasted: float
    phases: dict[str, float]


class Measurements:
    """Collects; `observe` may be called from several threads. It is a Network too: it delivers everything."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """clock: seconds of the events' time."""
        self.clock = clock
        self.round = 0
        self.sent: dict[tuple[str, int], int] = defaultdict(int)
        self.received: dict[tuple[str, int], int] = defaultdict(int)
        self._seconds: dict[str, list[tuple[int, float]]] = {phase: [] for phase in PHASES}
        self._opened: dict[int, float] = {}
        self._lasted: dict[int, float] = {}
        self._proving: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def observe(self, event: Event) -> None:
        """Takes an event of a party."""
        with self._lock:
            if event.kind in ("proving", "proved", "unable"):
                self._prover(event)
            elif event.kind in _BY_EVENT:
                self._seconds[_BY_EVENT[event.kind]].append((event.round, event.seconds))
            elif event.kind == "recorded":
                self._recorded(event)

    def _recorded(self, event: Event) -> None:
        if event.subject == RoundOpened.kind:
            self.round = event.round
            self._opened.setdefault(event.round, self.clock())
        elif event.subject == RoundClosed.kind and event.round in self._opened:
            self._lasted[event.round] = self.clock() - self._opened[event.round]

    def _prover(self, event: Event) -> None:
        now = self.clock()
        if (open_phase := self._proving.pop(event.party, None)) is not None:
            phase, since = open_phase
            self._seconds.setdefault(phase, []).append((event.round, now - since))
        elif event.kind == "proved" and event.subject == Enrolment.kind:
            self._seconds["prove enrolment"].append((event.round, event.seconds))
        if event.kind == "proving":
            self._proving[event.party] = (event.subject, now)

    def to_member(self, member: str, message: bytes) -> Sequence[bytes]:
        """Counts and delivers an extension of the ledger."""
        with self._lock:
            self.received[member, self.round] += len(message)
        return (message,)

    def to_aggregator(self, member: str, message: bytes) -> Sequence[bytes]:
        """Counts and delivers a packet."""
        with self._lock:
            self.sent[member, self.round] += len(message)
        return (message,)

    def durations(self) -> dict[str, Duration]:
        """By phase."""
        with self._lock:
            return {
                phase: Duration(len(values), sum(spent for _, spent in values))
                for phase, values in self._seconds.items()
            }

    def rounds(self) -> dict[int, RoundTime]:
        """By round, of those whose opening and closing were both observed."""
        with self._lock:
            return {
                number: RoundTime(
                    lasted,
                    {
                        phase: sum(spent for when, spent in values if when == number)
                        for phase, values in self._seconds.items()
                    },
                )
                for number, lasted in self._lasted.items()
            }

    def bytes_a_round(self, members: Sequence[str]) -> tuple[float, float]:
        """Mean bytes (sent, received) of one of these members in one round, the enrolment left out."""
        counts = []
        for book in (self.sent, self.received):
            values = [size for (member, number), size in book.items() if number and member in members]
            rounds = {number for _, number in book if number}
            counts.append(sum(values) / (len(members) * len(rounds)) if rounds and members else 0.0)
        return counts[0], counts[1]
