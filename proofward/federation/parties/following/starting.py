"""How a party starts: from the newest snapshot of its own state and what the ledger has after it.

A party takes a snapshot whenever a round is closed, and stores it with the entries that it follows from. It
is its own, on its own disk, where its copy of the ledger and its keys lie as well: whoever can change one of
these can change all of them, so no trust is added. A snapshot that is damaged, of another encoding, or of
other rules or another ledger is refused by name, and everything is replayed as without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from typing import Protocol

from proofward.encoding import MalformedMessage
from proofward.federation.history.history import History
from proofward.federation.history.saved.restoring import restore
from proofward.federation.history.saved.snapshots import chapter, chapter_digests, core
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.events import Event, Observer
from proofward.federation.messages.records.catalogue import RoundClosed
from proofward.federation.storage.snapshot_store import SnapshotStore


class Stored(Protocol):
    """A copy of the ledger, with a party's snapshots."""

    @property
    def snapshots(self) -> SnapshotStore:
        """Where they lie."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """In which they are stored."""
        ...

    def entry(self, number: int) -> bytes | None:
        """An entry, if there is one of this number."""
        ...

    def entries(self, first: int) -> Iterable[bytes]:
        """Entries from number `first` on."""
        ...


class Taken:
    """The newest snapshot of a history that goes on, until it is stored.

    The chapters of a history that was restored are in the store already.
    """

    def __init__(self, history: History, store: SnapshotStore) -> None:
        self._history, self._store = history, store
        self._core = b""
        self._stored = set(history.chapters)

    def after(self, envelope: Envelope) -> None:
        """Takes one if the entry that was just applied has closed a round.

        A state that is too large to be written has none, and is replayed.
        """
        if isinstance(envelope.record, RoundClosed):
            try:
                heads = self._history.rules.scaling.heads
                self._core = self._history.core if heads else core(self._history)
            except MalformedMessage:
                self._core = b""

    def note(self, envelope: Envelope) -> None:
        """Takes and stores one if the entry that was just applied has closed a round."""
        self.after(envelope)
        self.keep()

    def __bool__(self) -> bool:
        """Whether there is one to be stored."""
        return bool(self._core)

    def keep(self) -> None:
        """Stores it, if there is one; a full disk, say, leaves the one before, and stops nobody."""
        made, self._core = self._core, b""
        if not made:
            return
        digests = chapter_digests(self._history)
        missing = [place for place, digest in enumerate(digests) if digest not in self._stored]
        with suppress(OSError):
            self._store.keep(made, [chapter(self._history, place) for place in missing])
            self._stored.update(digests)


def started(name: str, rules: Rules, ledger: Stored, observe: Observer) -> tuple[History, Taken]:
    """The history of a party's stored ledger, and what takes its next snapshots.

    What is refused of a snapshot is told to the observer. Raises Refusal for a damaged ledger.
    """
    history, taken = _begun(name, rules, ledger, observe)
    if taken:
        with ledger.transaction():
            taken.keep()
    return history, taken


def _begun(name: str, rules: Rules, ledger: Stored, observe: Observer) -> tuple[History, Taken]:
    digest = ledger.snapshots.newest()
    if digest is not None:
        history = History(rules)
        try:
            restore(history, digest, ledger.snapshots.part, ledger.entry)
            return history, _followed(history, ledger)
        except Refusal as refusal:
            observe(Event(name, "refused", *history.position(), refusal.check, refusal=refusal))
    history = History(rules)
    return history, _followed(history, ledger)


def _followed(history: History, ledger: Stored) -> Taken:
    taken = Taken(history, ledger.snapshots)
    for entry in ledger.entries(history.size):
        taken.after(history.apply(entry))
    return taken
