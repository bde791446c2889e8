"""The ledger's meaning, kept in memory and taken further by the entries that are new.

Entries are judged as every member judges them. The first that does not follow from those before it ends what
is known, with the reason in words. An index of the entries' senders and kinds serves the ledger's pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

from proofward.console.source import Source
from proofward.console.stored import HostedLedger, StoredEntries
from proofward.encoding import MalformedMessage
from proofward.engines.remote.agreement.home import HomeError
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.envelope import parse_envelope
from proofward.federation.messages.records.catalogue import FederationOpened
from proofward.ledger.errors import LedgerCorrupt, LedgerError, LedgerUnavailable
from proofward.ledger.merkle_log import leaf_hash

A_TIME = 200
"""Entries that are judged before pages are let in between."""
PASSING = 10.0
"""Seconds for which a ledger that cannot be read just now is no trouble yet."""


@dataclass(frozen=True)
class Line:
    """What the index knows of an entry; time: of its sender's clock, in seconds since 1970."""

    kind: str
    sender: str
    round: int
    attempt: int
    time: int


class Followed:
    """`advance` is for one thread, and every use of `history` needs `lock`.

    complete: whether all entries that there were have been read once. phase_since: when the present phase
    began, by the entry that began it, in seconds since 1970.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.time) -> None:
        self.lock = RLock()
        self.history: History | None = None
        self.lines: list[Line] = []
        self.trouble = ""
        self.stored: StoredEntries | None = None
        self.phase_since: int | None = None
        self.complete = False
        self._source = source
        self._clock = clock
        self._mark: tuple[object, ...] = ()
        self._unavailable_since: float | None = None

    @property
    def over(self) -> bool:
        """Whether the last entry is known."""
        return self.history is not None and self.history.phase == CLOSED

    @property
    def latest(self) -> int | None:
        """The time of the latest entry, in seconds since 1970."""
        return self.lines[-1].time if self.lines else None

    def advance(self) -> bool:
        """Takes in what is new; whether anything was. What goes wrong is in `trouble`."""
        found = self._chosen()
        if found is None:
            return False
        mark = (found.path, *found.mark())
        if mark == self._mark:
            return False
        before, trouble = len(self.lines), ""
        try:
            self._take(found)
            self._compare(found)
        except LedgerUnavailable as error:
            return self._not_now(error) or len(self.lines) > before
        except (LedgerError, HomeError, RulesError, MalformedMessage) as error:
            trouble = f"The ledger is damaged: {error}."
        except Refusal as refusal:
            trouble = f"Entry {len(self.lines)} does not follow from those before it: {refusal}."
        self._mark, self._unavailable_since = mark, None
        self.complete = True
        return self._say(trouble) or len(self.lines) > before

    def _chosen(self) -> StoredEntries | None:
        """What holds most; where several members of a site follow, the one that is written last."""
        if self.stored is None or len(self._source.entries()) > 1:
            there = [found for found in self._source.entries() if found.changed() is not None]
            latest = max(there, key=lambda found: found.changed() or 0.0, default=None)
            self.stored = latest or self.stored
        return self.stored

    def _take(self, stored: StoredEntries) -> None:
        while fresh := stored.read(len(self.lines)):
            if self.history is None:
                self.history = History(self._rules(fresh[0]))
            for start in range(0, len(fresh), A_TIME):
                with self.lock:
                    self._apply(self.history, fresh[start : start + A_TIME])

    def _compare(self, stored: StoredEntries) -> None:
        """Raises LedgerCorrupt where a ledger has become another; a member's copy may be behind."""
        last = len(self.lines) - 1
        if self.history is None or not isinstance(stored, HostedLedger) or last < 0:
            return
        known, found = self.history.tree.node(0, last), leaf_hash(stored.at([last])[0])
        if found != known:
            raise LedgerCorrupt(f"entry {last}", f"leaf hash {known.hex()}", found.hex())

    def _apply(self, history: History, entries: list[bytes]) -> None:
        for data in entries:
            before = history.phase
            envelope = history.apply(data)
            place = envelope.round, envelope.attempt
            self.lines.append(Line(envelope.topic, envelope.sender, *place, envelope.time))
            if history.phase != before:
                self.phase_since = envelope.time

    def _rules(self, first: bytes) -> Rules:
        """Those that the kit has, or for a run those that its ledger begins with."""
        if not self._source.is_run:
            known = self._source.rules
            if known is None:
                raise LedgerUnavailable("rules", "the rules of everybody who joined", "nothing yet")
            return known
        record = parse_envelope(first).record
        if not isinstance(record, FederationOpened):
            raise Refusal("phase", "the ledger's host", FederationOpened.kind, record.kind)
        return Rules.from_bytes(record.rules)

    def _not_now(self, error: LedgerUnavailable) -> bool:
        now = self._clock()
        if self._unavailable_since is None:
            self._unavailable_since = now
        if now - self._unavailable_since < PASSING:
            return False
        missing = self.history is None and self._source.terms is not None
        return self._say("" if missing else f"The ledger cannot be read just now: {error}")

    def _say(self, trouble: str) -> bool:
        """Notes what is wrong; whether that is news."""
        news = trouble != self.trouble
        self.trouble = trouble
        return news
