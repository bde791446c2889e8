"""Snapshots: a state as canonical bytes, from which a history goes on without the entries before it.

A snapshot has a core and, for each closed round, a chapter. A chapter has what its entries have added, and
the round's attempts; once its round is closed it never changes. The core names the chapters by their SHA-256,
and has the rest. What an entry says is not repeated: its number is written, and it is read from the ledger
when it is needed, under the leaf of the tree. So a start reads hashes, and no entry of an earlier round but
those of enrolments and votes; a closed round is read when somebody asks for it.

State digest. SHA-256 of the core. It is a function of the ledger alone: whoever has followed the same entries
has the same bytes. A field that is as in a new history is left out, so that a field which is added later
changes nothing for ledgers that do not use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any, ClassVar

from proofward.encoding import Length, MalformedMessage, encode, encode_item
from proofward.federation.history.saved.codecs import Book, Codec
from proofward.federation.history.saved.field_codecs import Part
from proofward.federation.history.saved.fields import BEACON, GROWN, ROUND, STATE
from proofward.federation.history.state.beacon_state import BeaconState
from proofward.federation.history.state.chapters import lengths
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.basics.field_types import Count, Digest
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import RoundClosed

Fields = tuple[tuple[Annotated[str, Length(1, 40)], Part], ...]
Table = Mapping[str, Codec]
CLOCK_BYTES = 8
_MOST_ROUNDS = 1 << 16


@dataclass(frozen=True)
class WrittenRound:
    """An attempt of a round."""

    kind: ClassVar[str] = "state-round"
    fields: Fields


@dataclass(frozen=True)
class Chapter:
    """What entries have added, from number `first` on, and the attempts that ended with them.

    leaves, digests, said, clocks: of each entry 32, 32, 32 and 8 bytes; slots: a line each
    round: the one that was closed; b"" of the chapter that is not finished
    """

    kind: ClassVar[str] = "state-chapter"
    first: Count
    leaves: Part
    digests: Part
    said: Part
    clocks: Part
    slots: Part
    grown: Fields
    earlier: tuple[Part, ...]
    round: Part


@dataclass(frozen=True)
class Core:
    """Everything else; `tail` is the chapter that is not finished, `current` the round under way."""

    kind: ClassVar[str] = "state"
    consortium: Digest
    size: Count
    root: Digest
    chapters: Annotated[tuple[Digest, ...], Length(0, _MOST_ROUNDS)]
    tail: Part
    current: Part
    sharing: Fields
    fields: Fields


def state_digest(history: HistoryState) -> bytes:
    """SHA-256 of the state's core, 32 bytes; what is done for it is remembered but for the last round."""
    return hashlib.sha256(core(history)).digest()


def note_snapshot(history: HistoryState, envelope: Envelope) -> None:
    """Keeps the state digest of a round that the entry just applied has closed, where heads name it.

    A state that cannot be written has none.
    """
    if not (history.rules.scaling.heads and isinstance(envelope.record, RoundClosed)):
        return
    try:
        history.core = core(history)
        history.snapshot = hashlib.sha256(history.core).digest(), history.size
    except MalformedMessage:
        history.core, history.snapshot = b"", (b"", 0)


def core(history: HistoryState) -> bytes:
    """The state's core; raises MalformedMessage for a state that cannot be written."""
    book = Book(history, _unread, history.position())
    return encode(
        Core(
            consortium=history.rules.digest,
            size=history.size,
            root=history.root,
            chapters=tuple(chapter_digests(history)),
            tail=chapter(history, len(history.ends) - 1),
            current=b"" if history.current is None else _round_bytes(history, history.current),
            sharing=written(BEACON, history.sharing, replace(book, position=(0, 0)), BeaconState()),
            fields=written(STATE, history, book, HistoryState(history.rules)),
        )
    )


def chapter_digests(history: HistoryState) -> list[bytes]:
    """SHA-256 of every finished chapter, in order; remembered."""
    for place in range(len(history.chapters), len(history.ends) - 1):
        history.chapters.append(hashlib.sha256(chapter(history, place)).digest())
    return history.chapters


def chapter(history: HistoryState, place: int) -> bytes:
    """The chapter of this number, from 0; the last one is not finished."""
    start, finished = history.ends[place], place + 1 < len(history.ends)
    stop = history.ends[place + 1] if finished else lengths(history)
    first, end = start["entries"], stop["entries"]
    slots = list(islice(history.slots.items(), first, end))
    if [history.recorded[digest] for _, digest in slots] != list(range(first, end)):
        raise MalformedMessage("slots", "one of each entry, in order", "others")
    book = Book(history, _unread, entries=range(first, end))
    grown = {name: _part(getattr(history, name), start[name], stop[name]) for name in GROWN}
    written = ((name, encode_item(GROWN[name].to_item(part, book))) for name, part in grown.items() if part)
    clocks = history.clocks[first + 1 : end + 1]
    earlier = history.earlier[start["earlier"] : stop["earlier"]]
    return encode(
        Chapter(
            first=first,
            leaves=b"".join(history.tree.node(0, number) for number in range(first, end)),
            digests=b"".join(digest for _, digest in slots),
            said=b"".join(history.said[key] for key, _ in slots),
            clocks=b"".join(time.to_bytes(CLOCK_BYTES, "big") for time in clocks),
            slots="\n".join(_line(key) for key, _ in slots).encode(),
            grown=tuple(sorted(written)),
            earlier=tuple(_round_bytes(history, own) for own in earlier),
            round=_round_bytes(history, history.closed[place]) if finished else b"",
        )
    )


def _part(value: Any, start: int, stop: int) -> Any:
    if isinstance(value, dict):
        return dict(islice(value.items(), start, stop))
    return value[start:stop]


def _line(key: tuple[str, ...]) -> str:
    if any("/" in part or "\n" in part for part in key):
        raise MalformedMessage("slots", "parts of one line without a slash", repr(key))
    return "/".join(key)


def _round_bytes(history: HistoryState, state: RoundState) -> bytes:
    ends = [end["entries"] for end in history.ends[state.number - 1 : state.number + 1]]
    entries = range(ends[0], ends[1] if len(ends) > 1 else history.size)
    book = Book(history, _unread, (state.number, state.attempt), state, entries)
    return encode(WrittenRound(written(ROUND, state, book, NO_ROUND)))


def written(table: Table, owner: Any, book: Book, usual: Any) -> Fields:
    """Fields that are not as usual, by name; all of them where nothing is usual."""
    found = {name: _field(codec, getattr(owner, name), book) for name, codec in table.items()}
    if usual is not None:
        least = {name: _field(codec, getattr(usual, name), book) for name, codec in table.items()}
        found = {name: data for name, data in found.items() if data != least[name]}
    return tuple(sorted(found.items()))


def _field(codec: Codec, value: Any, book: Book) -> bytes:
    return encode_item(codec.to_item(value, book))


def _unread(number: int) -> Envelope:
    raise AssertionError(f"entry {number} is read where a state is written")


NO_ROUND = RoundState(0, 0, b"", (), b"")
