"""A history from a snapshot: see `snapshots`, of which this is the inverse.

Every byte is checked as strictly as a message: canonical, of known fields, none of them as it is in a new
history, every message of the right kind and each entry under its leaf. What is refused is refused before the
history is used; only closed rounds are read later. That the ledger at hand is the one of the snapshot is
seen by its last entry: the aggregator has signed in it the root of all entries before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from proofward.encoding import MalformedMessage, decode, decode_item
from proofward.federation.history.light.heads import head_of
from proofward.federation.history.saved.codecs import Book
from proofward.federation.history.saved.field_codecs import MOST_BYTES
from proofward.federation.history.saved.fields import BEACON, GROWN, ROUND, STATE
from proofward.federation.history.saved.snapshots import (
    CLOCK_BYTES,
    NO_ROUND,
    Chapter,
    Core,
    Fields,
    Table,
    WrittenRound,
    written,
)
from proofward.federation.history.state.beacon_state import BeaconState
from proofward.federation.history.state.chapters import lengths
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.judges import drawn_judges
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.messages.consortium.roles import HOSPITAL
from proofward.federation.messages.envelope import Envelope, parse_envelope
from proofward.federation.messages.records.catalogue import KINDS
from proofward.federation.storage.continuity import STATE as OWN_FILES
from proofward.federation.storage.log_tree import leaf_hashes
from proofward.ledger.merkle_log import HASH_BYTES

DAMAGED, VERSION, FOREIGN = "snapshot-damaged", "snapshot-version", "snapshot-foreign"
_PLACE = {name: ROUND[name] for name in ("number", "attempt")}
R = TypeVar("R")
Part = Callable[[bytes], bytes | None]
"""The bytes with a digest, if they are there."""
Entry = Callable[[int], bytes | None]
"""An entry of the ledger at hand, if there is one of this number."""


def restore(history: HistoryState, digest: bytes, part: Part, entry: Entry) -> None:
    """Makes of a new history the one whose core has this digest; raises Refusal, and then it is no good."""
    try:
        _restore(history, digest, part, entry)
    except MalformedMessage as error:
        check = VERSION if error.field.endswith(".version") else DAMAGED
        raise Refusal(check, OWN_FILES, error.expected, f"{error.actual} in {error.field}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise Refusal(DAMAGED, OWN_FILES, "a state that makes sense", type(error).__name__) from error


def _restore(history: HistoryState, digest: bytes, part: Part, entry: Entry) -> None:
    core = _decoded(_bytes(digest, part), Core)
    expected = f"a state under the rules {history.rules.digest.hex()}"
    require(core.consortium == history.rules.digest, FOREIGN, OWN_FILES, expected, core.consortium)
    read = partial(_entry, history, entry)
    for found in core.chapters:
        _take_chapter(history, _decoded(_bytes(found, part), Chapter), read)
    history.chapters = list(core.chapters)
    _take_chapter(history, _decoded(core.tail, Chapter), read, finished=False)
    _same("size", core.size, history.size)
    _same("root", core.root.hex(), history.root.hex())
    if history.size:
        read(history.size - 1)
    book = Book(history, read)
    vars(history.sharing).update(_read(BEACON, core.sharing, book, BeaconState()))
    if core.current:
        history.current = _round(core.current, history, read)
    book = replace(book, position=history.position())
    vars(history).update(_read(STATE, core.fields, book, HistoryState(history.rules)))
    _name_head(history, digest)


def _name_head(history: HistoryState, digest: bytes) -> None:
    """Notes what is noted last of an entry that closes a round: the head, which names this very digest."""
    ended = len(history.ends) > 1 and history.size == history.ends[-1]["entries"]
    if history.rules.scaling.heads and ended and history.size not in history.heads.digests:
        history.snapshot = digest, history.size
        history.heads.keep(head_of(history), history.rules.head_quorum)


def _same(name: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise MalformedMessage(name, str(expected), str(actual))


def _bytes(digest: bytes, part: Part) -> bytes:
    data = part(digest)
    if data is None or hashlib.sha256(data).digest() != digest:
        found = "none" if data is None else "others"
        raise MalformedMessage("part", f"bytes with SHA-256 {digest.hex()}", found)
    return data


def _decoded(data: bytes, kind: type[R]) -> R:
    return decode(data, kind, max_bytes=MOST_BYTES)


def _entry(history: HistoryState, entry: Entry, number: int) -> Envelope:
    data = entry(number) if 0 <= number < history.size else None
    leaf, found = history.tree.node(0, number) if data is not None else b"", data
    same = found is not None and leaf_hashes(found) == leaf
    expected, actual = f"entry {number} with leaf {leaf.hex()}", "nothing" if found is None else "another"
    require(same, FOREIGN, OWN_FILES, expected, actual)
    assert found is not None
    return parse_envelope(found)


def _take_chapter(
    history: HistoryState, found: Chapter, read: Callable[[int], Envelope], *, finished: bool = True
) -> None:
    _same("first", history.size, found.first)
    _same("round", finished, found.round != b"")
    leaves, digests, said = (_cut(data, HASH_BYTES) for data in (found.leaves, found.digests, found.said))
    clocks = _cut(found.clocks, CLOCK_BYTES)
    slots = [tuple(line.split("/")) for line in found.slots.decode().split("\n")] if found.slots else []
    for leaf, digest, own, clock, slot in zip(leaves, digests, said, clocks, slots, strict=True):
        history.recorded[digest] = history.size
        history.slots[slot] = digest
        history.said[slot] = own
        history.clocks.append(int.from_bytes(clock, "big"))
        history.tree.add(leaf)
        _note_word(history, slot, own)
    _same("slots", history.size, len(history.slots))
    _same("digests", history.size, len(history.recorded))
    _grow(history, found.grown, Book(history, read))
    for attempt in found.earlier:
        history.earlier.postpone(partial(_later, attempt, history, read))
    if finished:
        history.closed.postpone(partial(_later, found.round, history, read))
        history.ends.append(lengths(history))


def _note_word(history: HistoryState, slot: tuple[str, ...], said: bytes) -> None:
    """See `head_steps.note_word`."""
    sender = slot[1 if KINDS[slot[0]].roundless else 3]
    member = history.rules.find(sender)
    if member is None or member.role == HOSPITAL:
        history.words.setdefault(sender, {})[slot[0]] = slot, said


def _cut(data: bytes, size: int) -> list[bytes]:
    _same("entries", 0, len(data) % size)
    return [data[at : at + size] for at in range(0, len(data), size)]


def _grow(history: HistoryState, fields: Fields, book: Book) -> None:
    for name, value in _values(GROWN, fields, book).items():
        if not value:
            raise MalformedMessage(name, "something that was added", "nothing")
        held = getattr(history, name)
        before = len(held)
        if isinstance(held, dict):
            held.update(value)
        else:
            held.extend(value)
        _same(name, before + len(value), len(held))


def _read(table: Table, fields: Fields, book: Book, usual: Any) -> dict[str, Any]:
    """Values of the fields that are not as usual, which have to be others."""
    found = _values(table, fields, book)
    least = dict(written(table, usual, book, None))
    for name, data in fields:
        if least[name] == data:
            raise MalformedMessage(name, "no word of a field that is as in a new history", "one")
    return found


def _values(table: Table, fields: Fields, book: Book) -> dict[str, Any]:
    names = [name for name, _ in fields]
    if not all(a < b for a, b in pairwise(names)) or not set(names) <= set(table):
        raise MalformedMessage("fields", f"some of {sorted(table)}, in this order", str(names))
    data, values = dict(fields), dict[str, Any]()
    book = replace(book, owner=values)
    for name, codec in table.items():
        if name in data:
            values[name] = codec.from_item(decode_item(data[name], MOST_BYTES), book, name)
    return values


def _round(data: bytes, history: HistoryState, read: Callable[[int], Envelope]) -> RoundState:
    fields = _decoded(data, WrittenRound).fields
    state = RoundState(0, 0, b"", (), b"")
    placed = tuple((name, value) for name, value in fields if name in _PLACE)
    place = _values(_PLACE, placed, Book(history, read))
    position = place.get("number", 0), place.get("attempt", 0)
    vars(state).update(_read(ROUND, fields, Book(history, read, position), NO_ROUND))
    if history.rules.sample:
        for hospital in state.uploads:
            drawn_judges(state, history.rules, hospital)
    return state


def _later(data: bytes, history: HistoryState, read: Callable[[int], Envelope]) -> RoundState:
    try:
        return _round(data, history, read)
    except MalformedMessage as error:
        raise Refusal(DAMAGED, OWN_FILES, error.expected, f"{error.actual} in {error.field}") from error
