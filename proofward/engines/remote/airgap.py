"""An air-gapped member at work: its kit is never started, commands do its duties from one stick to the next.

`export` writes what the member has to say and asks for; `absorb` takes the gateway's answer in. Both hold the
member's lock. Objects are read from the member's own folder only: one that is not there is asked for with the
next bundle, and the member does not halt for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event

from proofward.encoding import decode
from proofward.engines.remote.agreement.certificates import Certificates
from proofward.engines.remote.agreement.home import Home, HomeError
from proofward.engines.remote.agreement.joining import assemble, make_request, require_own
from proofward.engines.remote.agreement.terms import Seat
from proofward.engines.remote.carrying.caller import Unreachable
from proofward.engines.remote.carrying.objects import LocalObjects
from proofward.engines.remote.memory_sticks.bundle import (
    BACK,
    MAX_NAMED,
    OUT,
    Asked,
    Bundle,
    BundleEnvelope,
    BundleJoin,
    BundleWriter,
    Header,
)
from proofward.engines.remote.own_deadline import keep_own_deadline
from proofward.engines.remote.site import Site
from proofward.engines.remote.wishes import Wishes
from proofward.federation.history.progress.stopping import results
from proofward.federation.history.proving.proofs import Proofs
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.messages import events
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import AGGREGATOR, Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import ShareSum, Upload
from proofward.federation.messages.wire import Packet, open_extension, parse
from proofward.federation.parties.following.follower import Follower
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore

PATIENCE = 2.0
_PIECE = 1 << 20


def packet_topic(packet: bytes) -> str:
    """Kind of the record in a packet's envelope."""
    return decode(parse(Packet, packet).envelope, Envelope).topic


@dataclass
class Trip:
    """What a command has done for a member.

    `topics` are those of the messages that wait to be carried. `objects` counts the objects in the bundle,
    `length` the bytes of the file. `missing` are objects that the bundle lacks. `refusals` is what the member
    did not accept.
    """

    member: str
    size: int = 0
    round: int = 0
    phase: str = "before"
    topics: list[str] = field(default_factory=list)
    objects: int = 0
    length: int = 0
    missing: set[bytes] = field(default_factory=set)
    refusals: list[Refusal] = field(default_factory=list)
    halted: Refusal | None = None

    @property
    def finished(self) -> bool:
        """Whether the federation is over for the member."""
        return self.phase == CLOSED

    def of(self, member: Follower, objects: LocalObjects) -> None:
        """Notes where the member stands."""
        history = member.history
        self.size, self.phase, self.round = history.size, history.phase, history.position()[0]
        self.missing, self.halted = set(objects.missing), member.halted


class AirGap:
    """The kit of an air-gapped site."""

    def __init__(
        self,
        home: Home,
        kit: Certificates,
        passphrase: bytes | None = None,
        observe: events.Observer = events.ignore,
        proofs: Proofs | None = None,
    ) -> None:
        self.home = home
        self.kit = kit
        self._passphrase = passphrase
        self._observe = observe
        self._proofs = proofs

    def seat(self, member: str | None) -> Seat:
        """The site's member of that name, or its only one; raises HomeError."""
        seats = [seat for seat in self.home.seats if seat.role != AGGREGATOR]
        named = [seat for seat in seats if member in (None, seat.member)]
        if len(named) != 1:
            found = ", ".join(seat.member for seat in seats) or "none"
            raise HomeError(f"name one member of this site with --member: {found}")
        return named[0]

    def export(self, seat: Seat, path: Path) -> Trip:
        """Writes the member's bundle; raises Refusal, HomeError, OSError."""
        trip = Trip(seat.member)
        terms, rules = self.home.terms, self.home.rules
        with self.home.lock(seat.member, PATIENCE):
            if rules is None:
                with BundleWriter(path, Header(OUT, terms.digest, b"", seat.member, 0)) as writer:
                    self._write_join(seat, writer)
                    writer.add(Asked((), ()))
                    trip.length = writer.finish(self.home.key(seat.member, self._passphrase))
                trip.topics.append("join")
                return trip
            with self._opened(seat, rules, trip) as (member, objects, store):
                size = member.history.size
                with BundleWriter(path, Header(OUT, terms.digest, rules.digest, seat.member, size)) as writer:
                    if size == 0:
                        self._write_join(seat, writer)
                    for packet in member.resume():
                        if packet:
                            self._write_packet(packet, writer, store, trip)
                    lacks = sorted(objects.missing)[:MAX_NAMED]
                    holds = [digest for digest in store.digests() if digest not in objects.missing]
                    writer.add(Asked(tuple(holds[:MAX_NAMED]), tuple(lacks)))
                    trip.length = writer.finish(member.key)
                trip.of(member, objects)
        return trip

    def _write_join(self, seat: Seat, writer: BundleWriter) -> None:
        key = self.home.key(seat.member, self._passphrase)
        certificate, private = self.kit.certificate, self.kit.private_key
        writer.add(BundleJoin(make_request(self.home.terms, seat.member, key, certificate, private)))

    @staticmethod
    def _write_packet(packet: bytes, writer: BundleWriter, store: ObjectStore, trip: Trip) -> None:
        """An envelope with its objects.

        What the member needs later of what it made itself, it keeps: the gateway does not bring it back.
        """
        parsed = parse(Packet, packet)
        record = decode(parsed.envelope, Envelope).record
        writer.add(BundleEnvelope(parsed.envelope))
        trip.topics.append(record.kind)
        kept = {record.ciphertext} if isinstance(record, Upload) else set()
        kept |= {record.values} if isinstance(record, ShareSum) else set()
        for data in parsed.attachments:
            digest = hashlib.sha256(data).digest()
            if digest in kept:
                store.put(data)
            writer.object(digest, BytesIO(data))
            trip.objects += 1

    def absorb(self, bundle: Bundle) -> Trip:
        """Takes a gateway's answer in, and does what the member then owes.

        Raises Refusal, HomeError, OSError.
        """
        header, terms = bundle.header, self.home.terms
        require(header.direction == BACK, "bundle-direction", TRANSPORT, "an answer", header.direction)
        require(header.terms == terms.digest, "terms", TRANSPORT, terms.digest, header.terms)
        seat = terms.find(header.member)
        if seat is None or seat.site != self.home.site or seat.role == AGGREGATOR:
            raise Refusal("member", TRANSPORT, f"a member of {self.home.site}", describe(header.member))
        own = not bundle.envelopes and bundle.asked is None and bundle.signature == b""
        require(own, "bundle-format", TRANSPORT, "requests to join, extensions, objects", "more")
        trip = Trip(seat.member)
        with self.home.lock(seat.member, PATIENCE):
            rules = self._rules(bundle)
            if rules is None:
                return trip
            with self._opened(seat, rules, trip) as (member, objects, store):
                closed = len(member.history.closed)
                trip.objects = self._adopt(bundle, member, store)
                for number, extension in enumerate(bundle.extensions, 1):
                    said = member.work(extension, more=number < len(bundle.extensions))
                    trip.topics = [packet_topic(packet) for packet in said if packet]
                if not trip.topics:  # the bundle may be an old one
                    trip.topics = [packet_topic(packet) for packet in member.resume() if packet]
                if len(member.history.closed) != closed:
                    self._forget(store, results(member.history, member.objects))
                trip.of(member, objects)
        return trip

    def _rules(self, bundle: Bundle) -> Rules | None:
        """The rules, assembled from everybody's request to join if they are not known yet."""
        rules = self.home.rules
        known = bundle.header.consortium
        if rules is None and bundle.joins:
            assembled = assemble(bundle.joins, self.home.terms, self.kit.authority)
            require(known in (b"", assembled.digest), "consortium", TRANSPORT, assembled.digest, known)
            for seat in self.home.seats:
                key = self.home.key(seat.member, self._passphrase)
                require_own(assembled, seat.member, key.public.raw)
            self.home.pin(assembled)
            return assembled
        require(rules is None or known in (b"", rules.digest), "consortium", TRANSPORT,
                rules.digest if rules else b"", known)  # fmt: skip
        return rules

    @staticmethod
    def _adopt(bundle: Bundle, member: Follower, store: ObjectStore) -> int:
        """Stores the objects that the ledger names, once the aggregator's signature has vouched for it."""
        extensions = [open_extension(data, member.rules) for data in bundle.extensions]
        entries = [*member.state.entries(), *(entry for found in extensions for entry in found.entries)]
        named = {member.rules.initial_model} - {b""}
        for entry in entries:
            try:
                named |= set(decode(entry, Envelope).record.objects())
            except ValueError:  # the member itself says what is wrong with it
                continue
        count = 0
        with bundle.streams() as streams:
            for digest, stream in streams.items():
                require(digest in named, "bundle-objects", TRANSPORT, "an object of the ledger", digest)
                if digest in store:
                    continue
                path = store.create()
                try:
                    with path.open("wb") as target:
                        for offset in range(0, stream.size, _PIECE):
                            target.write(stream.read(offset, _PIECE))
                    store.adopt(path, digest)
                    count += 1
                except LedgerError as error:
                    raise Refusal("object-digest", TRANSPORT, digest.hex(), describe(str(error))) from error
                finally:
                    path.unlink(missing_ok=True)
        return count

    @staticmethod
    def _forget(store: ObjectStore, kept: set[bytes]) -> None:
        for digest in store.digests():
            if digest not in kept:
                store.path(digest).unlink(missing_ok=True)

    @contextmanager
    def _opened(
        self, seat: Seat, rules: Rules, trip: Trip
    ) -> Iterator[tuple[Follower, LocalObjects, ObjectStore]]:
        """The member on its stored state, with what it has of the ledger's objects; raises HomeError."""
        self.home.require_confirmed(rules)

        def carry(data: bytes) -> bytes:
            raise Unreachable

        def observe(event: events.Event) -> None:
            if event.refusal is not None:
                trip.refusals.append(event.refusal)
            self._observe(event)

        home, folder, proofs = self.home, self.home.member(seat.member), self._proofs
        site = Site(home, self.kit, carry, Event(), self._passphrase, observe=observe, proofs=proofs)
        store = ObjectStore(folder / "objects")
        store.remove_unfinished()
        objects = LocalObjects(store)
        member = site.open(seat, rules, objects, everything=True)
        try:
            Wishes(member, folder).take()
            yield member, objects, store
            keep_own_deadline(member, home.terms.deadline, folder)
        finally:
            member.state.close()
