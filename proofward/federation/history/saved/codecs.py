"""How the fields of a state are written: each as one canonical item, read again by the same codec.

A message that the state holds is an entry of the ledger. It is written as that entry's number, in four bytes,
and read from the ledger when it is needed; whatever reads it compares it with the leaf of the tree. Mappings
are written in the order in which they were filled, where that is the ledger's, and otherwise by key: whoever
replays gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from proofward.encoding import MalformedMessage
from proofward.encoding.cbor import Item
from proofward.encoding.records import turning
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.history.state.slots import slot_of
from proofward.federation.history.state.votes import Votes
from proofward.federation.messages.basics.record import Message
from proofward.federation.messages.envelope import Envelope

NUMBER_BYTES = 4
Key = Callable[[Envelope], Any]
Kinds = type[Message] | tuple[type[Message], ...]


@dataclass(frozen=True)
class Book:
    """Where a state's messages are on the ledger.

    position: round and attempt of what is written; entries: of the chapter in which that was said
    owner: the object whose fields these are, or while they are read those fields that are known already
    """

    history: HistoryState
    read: Callable[[int], Envelope]
    position: tuple[int, int] = (0, 0)
    owner: Any = None
    entries: range = range(0)

    def number(self, record: Message, sender: str) -> int:
        """Of the entry with a message."""
        return self.spoken(type(record), sender, *record.subject())

    def spoken(self, kind: type[Message], sender: str, *subject: str) -> int:
        """Of the entry in which a sender has said something on a subject."""
        key = slot_of(kind, *self.position, sender, *subject)
        if key not in self.history.slots:
            raise MalformedMessage(kind.kind, "a message on the ledger", "/".join(key))
        return self.history.recorded[self.history.slots[key]]

    def spoken_in_round(self, kinds: tuple[str, ...]) -> list[int]:
        """Of all entries of these kinds in the attempt that is written."""
        start, place = self.entries.start, tuple(map(str, self.position))
        slots = enumerate(islice(self.history.slots, start, self.entries.stop), start)
        return [number for number, key in slots if key[0] in kinds and key[1:3] == place]


@dataclass(frozen=True)
class Codec:
    """Both directions; raises MalformedMessage for a value or an item that is none of its own."""

    to_item: Callable[[Any, Book], Item]
    from_item: Callable[[Any, Book, str], Any]


Find = Callable[[Any, Book], Iterable[int]]
Build = Callable[[list[int], Book, str], Any]


def _refuse(passed: bool, path: str, expected: str, actual: object) -> None:
    if not passed:
        raise MalformedMessage(path, expected, str(actual))


def plain(annotation: Any) -> Codec:
    """A value of a type that records may have."""
    write, read = turning(annotation)
    return Codec(lambda value, book: write(value, "state"), lambda item, book, path: read(item, path))


def pairs(key: Any, value: Any) -> Codec:
    """A mapping, in its order; of a key that is a tuple the parts come first."""
    inner = plain(tuple[tuple[key, value], ...])

    def read(item: Any, book: Book, path: str) -> dict[Any, Any]:
        found = inner.from_item(item, book, path)
        result = dict(found)
        _refuse(len(result) == len(found), path, "each key once", f"{len(found)} pairs")
        return result

    return Codec(lambda value, book: inner.to_item(tuple(value.items()), book), read)


def mapped(key: Any, value: Any) -> Codec:
    """A mapping whose order means nothing, by key: sets may have filled it."""
    inner = pairs(key, value)

    def read(item: Any, book: Book, path: str) -> dict[Any, Any]:
        found: dict[Any, Any] = inner.from_item(item, book, path)
        _refuse(list(found) == sorted(found), path, "ascending keys", "others")
        return found

    return Codec(lambda value, book: inner.to_item(dict(sorted(value.items())), book), read)


def ascending(annotation: Any, container: Callable[[Iterable[Any]], Any]) -> Codec:
    """A set, which has no order of its own."""
    inner = plain(tuple[annotation, ...])

    def read(item: Any, book: Book, path: str) -> Any:
        found = inner.from_item(item, book, path)
        _refuse(all(a < b for a, b in pairwise(found)), path, "ascending values", "others")
        return container(found)

    return Codec(lambda value, book: inner.to_item(tuple(sorted(value)), book), read)


def joined(annotation: Any, size: int) -> Codec:
    """A tuple of byte strings that are all so long, as one."""
    inner = plain(annotation)

    def write(value: Iterable[bytes], book: Book) -> Item:
        parts = tuple(value)
        _refuse(all(len(part) == size for part in parts), "state", f"parts of {size} bytes", "others")
        return inner.to_item(b"".join(parts), book)

    def read(item: Any, book: Book, path: str) -> tuple[bytes, ...]:
        data = inner.from_item(item, book, path)
        _refuse(len(data) % size == 0, path, f"parts of {size} bytes", f"{len(data)} bytes")
        return tuple(data[at : at + size] for at in range(0, len(data), size))

    return Codec(write, read)


def numbered(find: Find, build: Build) -> Codec:
    """Entries, by their numbers in the ledger's order."""

    def write(value: Any, book: Book) -> Item:
        numbers = list(find(value, book))
        _refuse(all(a < b for a, b in pairwise(numbers)), "state", "entries in their order", "others")
        return b"".join(number.to_bytes(NUMBER_BYTES, "big") for number in numbers)

    def read(item: Any, book: Book, path: str) -> Any:
        return build(numbers_in(item, path), book, path)

    return Codec(write, read)


def numbers_in(item: Any, path: str) -> list[int]:
    """The entries' numbers in an item."""
    proper = type(item) is bytes and len(item) % NUMBER_BYTES == 0
    _refuse(proper, path, "numbers of entries", type(item).__name__)
    found = [int.from_bytes(item[at : at + NUMBER_BYTES], "big") for at in range(0, len(item), NUMBER_BYTES)]
    right = all(a < b for a, b in pairwise(found))
    _refuse(right, path, "numbers in their order, each once", "others")
    return found


def record_of(envelope: Envelope, kinds: Kinds, book: Book, path: str) -> Any:
    """The record of such a kind in an entry, which has to be of the book's round if it belongs to one."""
    record, place = envelope.record, (envelope.round, envelope.attempt)
    _refuse(isinstance(record, kinds), path, "an entry of another kind", record.kind)
    _refuse(record.roundless or place == book.position, path, f"one of {book.position}", place)
    return record


def by_sender(envelope: Envelope) -> str:
    """Key of what a member says once."""
    return envelope.sender


def by_subject(envelope: Envelope) -> tuple[str, ...]:
    """Key of what a member says once of each of several."""
    return (envelope.sender, *envelope.record.subject())


def _sender(key: Any) -> str:
    return key if isinstance(key, str) else str(key[0])


def said(kinds: Kinds, key: Key = by_sender, container: Callable[[], Any] = dict) -> Codec:
    """Messages of one kind, keyed by their sender, or by a tuple of it and more."""

    def find(value: Mapping[Any, Message], book: Book) -> Iterable[int]:
        return (book.number(record, _sender(name)) for name, record in value.items())

    return numbered(find, _filled(kinds, key, container, whole=False))


def recorded(kinds: Kinds, key: Key = by_sender, container: Callable[[], Any] = dict) -> Codec:
    """The same with their envelopes."""

    def find(value: Mapping[Any, Recorded[Any]], book: Book) -> Iterable[int]:
        return (book.history.recorded[own.digest] for own in value.values())

    return numbered(find, _filled(kinds, key, container, whole=True))


def _filled(kinds: Kinds, key: Key, container: Callable[[], Any], *, whole: bool) -> Build:
    def build(numbers: list[int], book: Book, path: str) -> Any:
        result = container()
        for number in numbers:
            envelope = book.read(number)
            record = record_of(envelope, kinds, book, path)
            result[key(envelope)] = Recorded(envelope, record) if whole else record
        _refuse(len(result) == len(numbers), path, "each key once", f"{len(numbers)} entries")
        return result

    return build


def votes(kind: type[Message], whole: bool = False) -> Codec:
    """Messages of one kind, with an index of each."""
    return recorded(kind, by_subject, Votes) if whole else said(kind, by_subject, Votes)


def one(kind: type[Message], whole: bool = True) -> Codec:
    """A message that there may be."""

    def find(value: Any, book: Book) -> Iterable[int]:
        if value is None:
            return []
        if whole:
            return [book.history.recorded[value.digest]]
        return [book.number(value, book.history.rules.aggregator)]

    def build(numbers: list[int], book: Book, path: str) -> Any:
        _refuse(len(numbers) <= 1, path, "at most one entry", f"{len(numbers)} entries")
        if not numbers:
            return None
        envelope = book.read(numbers[0])
        record = record_of(envelope, kind, book, path)
        return Recorded(envelope, record) if whole else record

    return numbered(find, build)
