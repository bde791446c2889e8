"""A connected site as the gateway of air-gapped members: their bundles accepted, the answers given out.

HOME/gateway/MEMBER/outbox/NUMBER.bundle   bundles to be delivered, in the order in which they were accepted
HOME/gateway/MEMBER/order                  what the latest of them says: see Order
HOME/gateway/MEMBER/answer, joins, extensions, objects/   what the member is to be brought: see Reply

`accept` and `give` are called by commands; the site's process (`courier`) delivers and fetches. The lock is
held while an order or a reply changes or is copied. A gateway is trusted for nothing: it can keep messages
back, as any network can.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from proofward.encoding import Length, MalformedMessage, decode, encode
from proofward.engines.remote.agreement.certificates import Certificates
from proofward.engines.remote.agreement.home import Home, HomeError
from proofward.engines.remote.agreement.joining import open_request
from proofward.engines.remote.agreement.requests import followed
from proofward.engines.remote.agreement.terms import Seat
from proofward.engines.remote.carrying.messages import MAX_ANSWER_BYTES, Assembled
from proofward.engines.remote.memory_sticks.bundle import (
    BACK,
    OUT,
    Asked,
    Bundle,
    BundleExtension,
    BundleJoin,
    BundleWriter,
    Header,
)
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.messages.basics.field_types import Count, Digest, MaybeDigest, Text
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import AGGREGATOR, Rules
from proofward.federation.messages.envelope import Envelope, open_envelope
from proofward.federation.storage.object_sizes import size_limits
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import make_directory, sync_directory, write_file
from proofward.ledger.objects import ObjectStore

GATEWAY = "gateway"
ORDER, REPLY, JOINS, EXTENSIONS = "order", "answer", "joins", "extensions"
PATIENCE = 30.0
_PIECE = 1 << 20
_MAX_RECORD = 1 << 27
MAX_EXTENSIONS = 12
T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """Of the latest bundle, the how manieth it is; consortium, size: see bundle.Header; what it asks for."""

    kind: ClassVar[str] = "gateway-order"
    number: Count
    consortium: MaybeDigest
    size: Count
    asked: Asked


@dataclass(frozen=True)
class Reply:
    """The answer to the order of that number.

    It brings the ledger up to entry `size`, which is in that phase of that round, and the objects that go
    with it. `awaited` says whether the member has to say something then.
    """

    kind: ClassVar[str] = "gateway-reply"
    number: Count
    size: Count
    round: Count
    phase: Text
    awaited: bool
    objects: Annotated[tuple[Digest, ...], Length(0, 4 * MAX_MEMBERS)]


@dataclass(frozen=True)
class Extensions:
    """Signed extensions of the ledger, one after the other."""

    kind: ClassVar[str] = "gateway-extensions"
    data: Annotated[tuple[Annotated[bytes, Length(1, MAX_ANSWER_BYTES)], ...], Length(0, MAX_EXTENSIONS)]


class Gateway:
    """The folder of one air-gapped member."""

    def __init__(self, home: Home, member: str) -> None:
        self.home = home
        self.member = member
        self.folder = home.root / GATEWAY / member
        self._outbox = self.folder / "outbox"

    @property
    def present(self) -> bool:
        """Whether a bundle of the member has been accepted."""
        return (self.folder / ORDER).exists()

    @property
    def objects(self) -> Path:
        """Folder of the objects to be brought."""
        return self.folder / "objects"

    def lock(self, patience: float = PATIENCE) -> AbstractContextManager[None]:
        """See the module; raises HomeError."""
        return self.home.lock(f"{GATEWAY}.{self.member}", patience)

    def outbox(self) -> list[Path]:
        """Bundles to be delivered, in order."""
        return sorted(self._outbox.glob("*.bundle"))

    def write(self, name: str, data: bytes) -> None:
        """A file of the folder, durably."""
        write_file(self.folder / name, data, self.folder / f".{name}.tmp", mode=0o600)

    def read(self, name: str) -> bytes | None:
        """A file of the folder, None when there is none."""
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def record(self, name: str, kind: type[T]) -> T | None:
        """A record in a file of the folder; raises HomeError for a damaged one."""
        data = self.read(name)
        try:
            return None if data is None else decode(data, kind, max_bytes=_MAX_RECORD)
        except MalformedMessage as error:
            raise HomeError(f"{self.folder / name} is damaged: {error}") from error

    def order(self) -> Order | None:
        """What the latest bundle asks for."""
        return self.record(ORDER, Order)

    def place(self, bundle: Bundle) -> None:
        """Copies a bundle into the outbox if there is something to deliver, and notes what it asks for."""
        assert bundle.asked is not None
        make_directory(self._outbox)
        with self.lock():
            if bundle.joins or bundle.envelopes:
                self._copy(bundle)
            before, header = self.order(), bundle.header
            number = 1 if before is None else before.number + 1
            self.write(ORDER, encode(Order(number, header.consortium, header.size, bundle.asked)))

    def _copy(self, bundle: Bundle) -> None:
        waiting = self.outbox()
        number = 1 + int(waiting[-1].stem) if waiting else 1
        temporary = self._outbox / f".{os.getpid()}.tmp"
        try:
            with bundle.path.open("rb") as source, temporary.open("wb") as target:
                left = os.fstat(source.fileno()).st_size
                while left > 0 and (piece := source.read(min(_PIECE, left))):
                    target.write(piece)
                    left -= len(piece)
                target.flush()
                os.fsync(target.fileno())
            copied = Bundle.read(temporary).digest
            require(copied == bundle.digest, "bundle-file", TRANSPORT, bundle.digest, copied)
            os.replace(temporary, self._outbox / f"{number:010d}.bundle")
            sync_directory(self._outbox)
        finally:
            temporary.unlink(missing_ok=True)


def accept(home: Home, kit: Certificates, bundle: Bundle) -> None:
    """Takes an air-gapped member's bundle at its gateway; raises Refusal, HomeError, OSError."""
    header, terms = bundle.header, home.terms
    require(header.direction == OUT, "bundle-direction", TRANSPORT, "a bundle of a member", header.direction)
    require(header.terms == terms.digest, "terms", TRANSPORT, terms.digest, header.terms)
    seat = terms.find(header.member)
    if seat is None or seat.role == AGGREGATOR:
        raise Refusal("member", TRANSPORT, "a hospital or verifier", describe(header.member))
    require(seat.site != home.site, "bundle-direction", TRANSPORT, "another site's bundle", header.member)
    if all(own.role == AGGREGATOR for own in home.seats):
        raise HomeError("the server is no gateway: import the bundle at the kit of a connected site")
    complete = bundle.asked is not None and not bundle.extensions
    require(complete, "bundle-format", TRANSPORT, "what a member asks for, and no extension", "another")
    keys = _keys(home, kit, seat, bundle)
    bundle.check_signature(keys)
    _check_contents(home.rules, keys, bundle)
    Gateway(home, seat.member).place(bundle)


def _keys(home: Home, kit: Certificates, seat: Seat, bundle: Bundle) -> tuple[bytes, ...]:
    """Keys that are or were the member's, as far as this site knows."""
    member, rules = seat.member, home.rules
    joined = [open_request(data, home.terms, kit.authority) for data in bundle.joins]
    for request in joined:
        require(request.member == member, "member", TRANSPORT, member, request.member)
    if rules is None:
        require(bundle.header.consortium == b"", "consortium", TRANSPORT, "not known yet", "one")
        return tuple(request.key for request in joined)
    known = bundle.header.consortium in (b"", rules.digest)
    require(known, "consortium", TRANSPORT, rules.digest, bundle.header.consortium)
    found = rules.find(member)
    require(found is not None, "member", TRANSPORT, "a member of the consortium", member)
    assert found is not None
    return (found.key, *_later_keys(home, member))


def _later_keys(home: Home, member: str) -> list[bytes]:
    """Keys that a member has changed to, in the ledgers that this site's members have followed."""
    rules = home.rules
    assert rules is not None
    ledgers = [followed(home.root / "members" / own.member, rules) for own in home.seats]
    return [key for ledger in ledgers for key, owner in ledger.used_keys.items() if owner == member]


def _check_contents(rules: Rules | None, keys: tuple[bytes, ...], bundle: Bundle) -> None:
    """Only the member's own envelopes, and the objects that they name, of sizes that they may have."""
    limits: dict[bytes, int] = {}
    nothing = not bundle.envelopes and not bundle.objects
    require(nothing or rules is not None, "bundle-format", TRANSPORT, "a request to join only", "more")
    for data in bundle.envelopes:
        assert rules is not None
        record = _opened(data, rules, keys, bundle.header.member).record
        limits |= size_limits(record, rules.most_entries)
    for digest, (_, size) in bundle.objects.items():
        most = limits.get(digest, -1)
        require(size <= most, "bundle-objects", TRANSPORT, f"at most {most} bytes, or none", f"{size} bytes")


def _opened(data: bytes, rules: Rules, keys: tuple[bytes, ...], member: str) -> Envelope:
    refusals = []
    for key in keys:
        known = {found.name: found.key for found in rules.members} | {member: key}
        try:
            envelope = open_envelope(data, rules, known)
            require(envelope.sender == member, "sender", TRANSPORT, member, envelope.sender)
            return envelope
        except Refusal as refusal:
            refusals.append(refusal)
    raise refusals[0]


@dataclass(frozen=True)
class Given:
    """What was written: the reply, the file's length, and how many bundles of the member still wait."""

    reply: Reply
    length: int
    waiting: int


def give(home: Home, member: str, path: Path) -> Given:
    """Writes the answer to a member's latest bundle; raises HomeError as long as there is none."""
    gateway = Gateway(home, member)
    if home.terms.find(member) is None or not gateway.present:
        raise HomeError(f"no bundle of {member} has been imported here")
    with gateway.lock():
        order, reply = gateway.order(), gateway.record(REPLY, Reply)
        final = reply is not None and reply.phase == CLOSED  # good for every later bundle, too
        if order is None or reply is None or (reply.number != order.number and not final):
            raise HomeError(
                f"the answer to {member} has not been fetched yet: is this site's process running?"
            )
        rules = home.rules
        header = Header(BACK, home.terms.digest, rules.digest if rules else b"", member, reply.size)
        joins, extensions = gateway.record(JOINS, Assembled), gateway.record(EXTENSIONS, Extensions)
        store = ObjectStore(gateway.objects)
        with BundleWriter(path, header) as writer:
            if joins is not None and order.consortium == b"":
                for request in joins.requests:
                    writer.add(BundleJoin(request))
            for extension in extensions.data if extensions is not None else ():
                writer.add(BundleExtension(extension))
            for digest in reply.objects:
                try:
                    with store.open(digest) as file:
                        writer.object(digest, file)
                except LedgerError as error:
                    raise HomeError(f"{error}: import the bundle of {member} again") from error
            return Given(reply, writer.finish(None), len(gateway.outbox()))
