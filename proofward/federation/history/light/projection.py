"""The state of a ledger as a hospital that follows heads has it: what concerns it, and nothing else.

It is a `HistoryState` for the duties of a hospital that holds no shares in the round under way. Sets of
members have this hospital alone, and of the round's holders who is present and the keys that they have
published for it. What others have said is not there: to read it raises NotShown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NoReturn

from proofward.encoding import decode
from proofward.federation.history.state.history_state import BETWEEN, CLOSED, KEYS, HistoryState
from proofward.federation.history.state.round_state import Recorded, RoundState
from proofward.federation.messages.consortium.rules import HOSPITAL, Member, Rules
from proofward.federation.messages.records.catalogue import (
    KINDS,
    Abandonment,
    AcceptedSet,
    Consent,
    HolderKeyRoot,
    HolderKeys,
    Lock,
    SharesChecked,
    Upload,
)
from proofward.federation.messages.records.heads import CountedRound, Head, View

Published = HolderKeys | HolderKeyRoot
_KEYS = {HolderKeys.kind, HolderKeyRoot.kind}


class NotShown(LookupError):
    """Something of the ledger that a hospital which follows heads has not seen."""


class Unread(dict[str, Any]):
    """Names of whoever has said something; what they said is not known."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(dict.fromkeys(names))

    def __getitem__(self, name: str) -> NoReturn:
        raise NotShown(name)

    def get(self, name: str, default: Any = None) -> Any:
        """What is not there is known not to be."""
        if name in self:
            raise NotShown(name)
        return default


class ShownSet(Recorded[AcceptedSet]):
    """An accepted set, of which the digest of its envelope is known, and whether this hospital is in it."""

    def __init__(self, digest: bytes, record: AcceptedSet) -> None:
        vars(self).update(record=record, _digest=digest)

    @property
    def digest(self) -> bytes:
        """See Recorded."""
        digest: bytes = vars(self)["_digest"]
        return digest


class ProjectedRound(RoundState):
    """An attempt as far as it concerns one hospital."""

    def ready_holders(self, hospitals: tuple[str, ...]) -> tuple[str, ...]:
        """See RoundState: not this hospital, and nobody else is known."""
        return ()


class Projection(HistoryState):
    """What a head and the view under it say.

    sealing: what holders have published for this hospital, by holder; keys: of the verifiers
    """

    def __init__(
        self, rules: Rules, head: Head, view: View, sealing: dict[str, Published], keys: dict[str, bytes]
    ) -> None:
        super().__init__(rules)
        self._size, self._root, self._most_rows = head.size, head.root, head.most_rows
        self._counted, self._rows = head.counted, view.rows
        self._place = view.dealer if rules.scaling.key_objects else 0
        self._refused = {said.evidence for said in view.refused}
        over = head.phase == BETWEEN and head.closed == rules.rounds
        self.phase = CLOSED if over else head.phase
        self.model, self.beacon, self.abandoned = head.model, head.beacon, set(head.abandoned)
        self.clocks = ClockOf(head.size, head.clock)
        self.latest = head.clock
        for number in range(1, head.closed + 1):
            self.closed.append(RoundState(number, 0, b"", (), b""))
        self.current = None if head.round == head.closed else _round(head, view, sealing)
        self._take_membership(head, view, keys)
        self._take_own(view)

    def _take_membership(self, head: Head, view: View, keys: dict[str, bytes]) -> None:
        name = view.hospital
        self.keys.update(keys)
        if view.key:
            self.keys[name] = view.key
            self.used_keys[view.key] = name
        if view.admitted:
            self.admitted = {name: Member(name, HOSPITAL, view.admitted)}
        gone = (*head.revoked, *([name] if view.revoked else []))
        self.revoked = dict.fromkeys(gone, head.size)
        self.left_out = frozenset([name] if view.left_out else [])

    def _take_own(self, view: View) -> None:
        name, number = view.hospital, len(self.closed) + 1
        joined: dict[str, Any] = Unread([name] if view.joined else [])
        self.enrolments, self.attendances = joined, joined
        if view.enrolled:
            self.enrolled = {name: view.rows}
        if view.dataset_root or view.enrolled:
            self.dataset_roots = {name: view.dataset_root}
        if view.validation_beacon:
            self.validation_beacons = {name: view.validation_beacon}
        self.noise_roots = {(own.round, name): own.roots for own in view.noise}
        self.releases = {name: view.releases}
        self.own_counts = {(number, name): b""} if view.own_counts else {}

    @property
    def size(self) -> int:
        """See HistoryState."""
        return self._size

    @property
    def root(self) -> bytes:
        """See HistoryState."""
        return self._root

    def dealer_place(self, name: str) -> int:
        """See HistoryState; what holders have published is known for this hospital alone."""
        return self._place

    def most_rows(self, state: RoundState) -> int:
        """See HistoryState."""
        return self._most_rows

    def rows_of(self, name: str) -> int:
        """See HistoryState."""
        return self._rows

    def counted_rounds(self) -> list[CountedRound]:
        """See HistoryState."""
        return list(self._counted)

    def accepted_in(self, number: int) -> tuple[str, ...]:
        """See HistoryState: their names are not known."""
        return ()

    def has_refused(self, evidence: bytes) -> bool:
        """See HistoryState."""
        return hashlib.sha256(evidence).digest() in self._refused


class ClockOf(list[int]):
    """The ledger's clock at the head; before it any time will do for what was signed then."""

    def __init__(self, size: int, clock: int) -> None:
        super().__init__([clock])
        self._size, self._clock = size, clock

    def __getitem__(self, size: Any) -> Any:
        return self._clock if size in (-1, self._size) else 0


def published(rules: Rules, data: bytes) -> Published:
    """What a holder has published, as an answer shows it; raises MalformedMessage."""
    return decode(data, HolderKeyRoot) if rules.scaling.key_objects else HolderKeys((data,))


def _round(head: Head, view: View, sealing: dict[str, Published]) -> RoundState:
    """The attempt under way, with what this hospital has said in it."""
    name = view.hospital
    said = {kind for kind, *place in _positions(view) if place == [head.round, head.attempt]}

    def by_itself(kind: str) -> Unread:
        return Unread([name] if kind in said else [])

    state = ProjectedRound(
        head.round, head.attempt, head.model, (name,) if view.participant else (), head.beacon, head.committee
    )
    state.holder_keys = sealing | ({name: HolderKeys(())} if said & _KEYS else {})
    if head.phase != KEYS:
        holders = set(head.committee) - set(head.absent) - {name}
        state.present = tuple(sorted({*holders, *([name] if view.present else [])}))
    state.uploads = by_itself(Upload.kind)
    state.checked = by_itself(SharesChecked.kind)
    state.consents = by_itself(Consent.kind)
    state.locks = by_itself(Lock.kind)
    state.abandonments = by_itself(Abandonment.kind)
    if head.accepted:
        record = AcceptedSet((name,) if view.accepted else ())
        state.accepted = ShownSet(head.accepted, record)
    return state


def _positions(view: View) -> Iterable[tuple[str, int, int]]:
    """Kind, round and attempt of the hospital's latest messages that belong to an attempt."""
    for word in view.words:
        kind, *place = word.slot.split("/")
        if not KINDS[kind].roundless:
            yield kind, int(place[0]), int(place[1])
