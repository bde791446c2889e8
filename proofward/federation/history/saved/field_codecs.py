"""Codecs of single fields of a state that are like no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any

from proofward.encoding import Length, MalformedMessage, decode, encode
from proofward.encoding.cbor import Item
from proofward.federation.history.saved.codecs import (
    Book,
    Codec,
    joined,
    mapped,
    numbered,
    pairs,
    plain,
    record_of,
)
from proofward.federation.history.state.history_state import ANY_PHASE, BEFORE, CLOSED
from proofward.federation.history.state.round_outcome import RoundOutcome
from proofward.federation.history.state.round_state import Finding
from proofward.federation.history.state.votes import Votes
from proofward.federation.messages.basics.field_types import Count, Digest, Name
from proofward.federation.messages.consortium.roles import HOSPITAL
from proofward.federation.messages.consortium.rules import Member, RulesError
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records import catalogue as m

MOST_BYTES = 1 << 26
Part = Annotated[bytes, Length(0, MOST_BYTES)]
_PHASES = (BEFORE, *ANY_PHASE, CLOSED)


def listed(inner: Codec) -> Codec:
    """A list that is written as a tuple."""
    return Codec(
        lambda value, book: inner.to_item(tuple(value), book),
        lambda item, book, path: list(inner.from_item(item, book, path)),
    )


def phase() -> Codec:
    """Where the protocol is."""
    inner = plain(Annotated[str, Length(1, 40)])

    def read(item: Any, book: Book, path: str) -> str:
        found = str(inner.from_item(item, book, path))
        if found not in _PHASES:
            raise MalformedMessage(path, "a phase", found)
        return found

    return Codec(inner.to_item, read)


def passed_findings() -> Codec:
    """Findings, each by the first verifier whose verdict says it."""
    inner = mapped(Name, Name)

    def write(value: Mapping[str, Finding], book: Book) -> Item:
        verdicts = book.owner.verdicts if value else Votes()
        return inner.to_item({name: _first(verdicts, name, found) for name, found in value.items()}, book)

    def read(item: Any, book: Book, path: str) -> dict[str, Finding]:
        result, verdicts = {}, book.owner.get("verdicts", Votes())
        for hospital, verifier in inner.from_item(item, book, path).items():
            record = verdicts[verifier, hospital]
            result[hospital] = Finding(record.dataset_root, record.share_binding)
            if _first(verdicts, hospital, result[hospital]) != verifier:
                raise MalformedMessage(path, "the first verifier that says so", verifier)
        return result

    return Codec(write, read)


def _first(verdicts: Votes[tuple[str, str], m.Verdict], hospital: str, finding: Finding) -> str:
    for verifier, own in verdicts.about(hospital).items():
        if own.accepted and Finding(own.dataset_root, own.share_binding) == finding:
            return verifier
    raise MalformedMessage("passed", "a verdict that says so", hospital)


def verdicts_on_uploads() -> Codec:
    """Verdicts, each an entry of its own or several in one: all such entries of the attempt."""

    def find(value: Mapping[tuple[str, str], m.Verdict], book: Book) -> Iterable[int]:
        return book.spoken_in_round((m.Verdict.kind, m.Verdicts.kind)) if value else ()

    def build(numbers: list[int], book: Book, path: str) -> Votes[tuple[str, str], m.Verdict]:
        result: Votes[tuple[str, str], m.Verdict] = Votes()
        for number in numbers:
            envelope = book.read(number)
            record = record_of(envelope, (m.Verdict, m.Verdicts), book, path)
            for own in record.verdicts if isinstance(record, m.Verdicts) else (record,):
                result[envelope.sender, own.hospital] = own
        return result

    return numbered(find, build)


def fingerprint_values() -> Codec:
    """Fingerprints, by verifier and hospital, from the entries that say them."""

    def find(value: Mapping[tuple[str, str], bytes], book: Book) -> Iterable[int]:
        found: dict[int, None] = {}
        for verifier, hospital in value:
            try:
                number = book.spoken(m.Fingerprints, verifier, hospital)
            except MalformedMessage:
                number = book.spoken(m.Fingerprints, verifier)
            found[number] = None
        return found

    def build(numbers: list[int], book: Book, path: str) -> Votes[tuple[str, str], bytes]:
        result: Votes[tuple[str, str], bytes] = Votes()
        for number in numbers:
            envelope = book.read(number)
            record = record_of(envelope, m.Fingerprints, book, path)
            for name, value in zip(record.hospitals, record.values, strict=True):
                result[envelope.sender, name] = value
        return result

    return numbered(find, build)


def beacon_shares() -> Codec:
    """Shares of the counted dealers' nonces."""

    def find(value: Mapping[str, Mapping[str, bytes]], book: Book) -> Iterable[int]:
        return (book.spoken(m.BeaconShares, holder) for holder in value)

    def build(numbers: list[int], book: Book, path: str) -> dict[str, dict[str, bytes]]:
        result = {}
        for number in numbers:
            envelope = book.read(number)
            record = record_of(envelope, m.BeaconShares, book, path)
            shares = zip(book.owner["counted"], record.shares, strict=True)
            result[envelope.sender] = {dealer: share for dealer, share in shares if share}
        return result

    return numbered(find, build)


def evidence_verdicts() -> Codec:
    """Verdicts on evidence, by what they are about."""

    def find(value: Mapping[bytes, Mapping[str, m.AttestationVerdict]], book: Book) -> Iterable[int]:
        return sorted(book.number(verdict, by) for found in value.values() for by, verdict in found.items())

    def build(numbers: list[int], book: Book, path: str) -> dict[bytes, dict[str, m.AttestationVerdict]]:
        result: dict[bytes, dict[str, m.AttestationVerdict]] = {}
        for number in numbers:
            envelope = book.read(number)
            record = record_of(envelope, m.AttestationVerdict, book, path)
            result.setdefault(record.attestation, {})[envelope.sender] = record
        return result

    return numbered(find, build)


def admitted_members() -> Codec:
    """Hospitals that the rules do not name."""
    inner = pairs(Name, Digest)

    def read(item: Any, book: Book, path: str) -> dict[str, Member]:
        found = inner.from_item(item, book, path)
        try:
            return {name: Member(name, HOSPITAL, key) for name, key in found.items()}
        except RulesError as error:
            raise MalformedMessage(path, "members", str(error)) from error

    return Codec(lambda value, book: inner.to_item({own.name: own.key for own in value.values()}, book), read)


def round_outcomes() -> Codec:
    """What is sealed of rounds."""
    inner = plain(tuple[Part, ...])

    def write(value: Mapping[int, RoundOutcome], book: Book) -> Any:
        return inner.to_item(tuple(encode(own) for own in value.values()), book)

    def read(item: Any, book: Book, path: str) -> dict[int, RoundOutcome]:
        found = [decode(data, RoundOutcome) for data in inner.from_item(item, book, path)]
        return {own.number: own for own in found}

    return Codec(write, read)


def round_seals() -> Codec:
    """Seals of rounds, by round and member."""

    def find(value: Mapping[tuple[int, str], m.RoundSeal], book: Book) -> Iterable[int]:
        return (book.number(record, sender) for (_, sender), record in value.items())

    def build(numbers: list[int], book: Book, path: str) -> dict[tuple[int, str], m.RoundSeal]:
        found = [book.read(number) for number in numbers]
        records = [record_of(own, m.RoundSeal, book, path) for own in found]
        return {(record.round, own.sender): record for own, record in zip(found, records, strict=True)}

    return numbered(find, build)


def refusals() -> Codec:
    """Recorded refusals, with the round of each: all of their kind among a chapter's entries."""

    def find(value: list[tuple[int, m.MessageRefused]], book: Book) -> Iterable[int]:
        span = book.entries
        slots = enumerate(islice(book.history.slots, span.start, span.stop), span.start)
        found = [number for number, key in slots if key[0] == m.MessageRefused.kind]
        if len(found) != len(value):
            raise MalformedMessage("refused_in", f"{len(found)} refusals", str(len(value)))
        return found

    def build(numbers: list[int], book: Book, path: str) -> list[tuple[int, m.MessageRefused]]:
        found = [book.read(number) for number in numbers]
        there = [replace(book, position=(own.round, own.attempt)) for own in found]
        pairs_of = zip(found, there, strict=True)
        return [(own.round, record_of(own, m.MessageRefused, at, path)) for own, at in pairs_of]

    return numbered(find, build)


def key_changes() -> Codec:
    """Changes of verifiers' keys, with their entries' numbers."""

    def find(value: list[tuple[int, bytes]], book: Book) -> Iterable[int]:
        return (number for number, _ in value)

    def build(numbers: list[int], book: Book, path: str) -> list[tuple[int, bytes]]:
        found = [book.read(number) for number in numbers]
        for own in found:
            record_of(own, m.KeyRotation, book, path)
        return [(number, own.data) for number, own in zip(numbers, found, strict=True)]

    return numbered(find, build)


def keyed(*values: Any) -> Codec:
    """A mapping with keys (round, member)."""
    inner = plain(tuple[tuple[Count, Name, *values], ...])  # type: ignore[valid-type]

    def write(value: Mapping[tuple[int, str], Any], book: Book) -> Any:
        return inner.to_item(tuple((*key, own) for key, own in value.items()), book)

    def read(item: Any, book: Book, path: str) -> dict[tuple[int, str], Any]:
        return {(number, name): own for number, name, own in inner.from_item(item, book, path)}

    return Codec(write, read)


def proofs() -> Codec:
    """Whose proof each is, and of which round."""
    inner = plain(tuple[tuple[Digest, Name, Count], ...])
    return Codec(
        lambda value, book: inner.to_item(tuple((key, *own) for key, own in value.items()), book),
        lambda item, book, path: {key: (name, at) for key, name, at in inner.from_item(item, book, path)},
    )


def digests_of_objects() -> Codec:
    """Digests of objects."""
    inner = joined(Part, 32)
    return Codec(inner.to_item, lambda item, book, path: dict.fromkeys(inner.from_item(item, book, path)))


def with_key(envelope: Envelope) -> tuple[Any, ...]:
    """Key of what is said of a member's key."""
    record: Any = envelope.record
    return (envelope.sender, record.key)


def vote_to_admit(envelope: Envelope) -> tuple[Any, ...]:
    """Key of such a vote."""
    record: Any = envelope.record
    return (envelope.sender, record.member, record.key)


def vote_to_end(envelope: Envelope) -> tuple[Any, ...]:
    """Key of such a vote."""
    record: Any = envelope.record
    return (envelope.sender, record.at_once)
