"""Requests of members to the aggregator's host, and its answers, as canonical records.

A member asks, the host answers; nobody calls a member. None of these records is believed because of who
carried it: envelopes and extensions are signed, objects are named by their digest.

    Follow -> Extended | NotYet      the ledger's new entries
    FollowHeads -> Headed | Unsigned | NotYet | Declined   the newest head, for who reads nothing else
    Say    -> Wanted | Recorded | Declined   a signed envelope; the objects that are still missing
    Part   -> Held | Declined        a piece of such an object, at the offset that the host holds
    Fetch  -> Piece | Declined       a piece of an object that the ledger names
    FetchParts -> Parts | Declined   one key of each of some holders, with its path (see `storage.parts`)
    Join   -> Assembled | NotYet     before the first entry: a request to join; the consortium's keys
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.federation.messages.basics.field_types import Check, Count, Digest, Name, Path, Text
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.lattice.sealing import PUBLIC_KEY_BYTES

PIECE_BYTES = 1 << 20
"""Most bytes of an object in one message."""
MAX_REQUEST_BYTES = PIECE_BYTES + (1 << 16)
MAX_ANSWER_BYTES = 1 << 26
MAX_OBJECT_BYTES = 1 << 32
MAX_HEADED_BYTES = 1 << 23
MOST_PARTS, MAX_PART_BYTES = 256, PUBLIC_KEY_BYTES
"""Of objects in parts, in one answer."""
SmallBlob = Annotated[bytes, Length(1, 1 << 22)]
Data = Annotated[bytes, Length(0, PIECE_BYTES)]


@dataclass(frozen=True)
class Follow:
    """Entries from number `since` on; the host may wait up to `patience` milliseconds for there to be any."""

    kind: ClassVar[str] = "follow"
    since: Count
    patience: Count


@dataclass(frozen=True)
class Extended:
    """A signed extension of the ledger; `finished`: nothing more will be recorded."""

    kind: ClassVar[str] = "extended"
    extension: Annotated[bytes, Length(1, MAX_ANSWER_BYTES)]
    finished: bool


@dataclass(frozen=True)
class FollowHeads:
    """The newest head for a hospital that knows the ledger's first `known` entries; patience: see Follow."""

    kind: ClassVar[str] = "follow-heads"
    member: Name
    known: Count
    patience: Count


@dataclass(frozen=True)
class Headed:
    """A signed answer with a newer head, see `federation.messages.light_answers`; finished: see Extended."""

    kind: ClassVar[str] = "headed"
    answer: Annotated[bytes, Length(1, MAX_HEADED_BYTES)]
    finished: bool


@dataclass(frozen=True)
class Unsigned:
    """The head of `size` entries has lacked signatures for long: the hospital may read all entries instead.

    It is believed as far as that goes, since who reads everything needs nobody's word.
    """

    kind: ClassVar[str] = "unsigned"
    size: Count


@dataclass(frozen=True)
class NotYet:
    """Nothing to answer with at the moment."""

    kind: ClassVar[str] = "not-yet"
    reason: Text


@dataclass(frozen=True)
class Say:
    """An envelope; asked again once the objects that the host wants are there."""

    kind: ClassVar[str] = "say"
    envelope: SmallBlob


@dataclass(frozen=True)
class Missing:
    """An object that an envelope names, and how many of its bytes the host holds already."""

    digest: Digest
    held: Count


@dataclass(frozen=True)
class Wanted:
    """The envelope may be recorded when these objects have come."""

    kind: ClassVar[str] = "wanted"
    objects: Annotated[tuple[Missing, ...], Length(1, 4100)]


@dataclass(frozen=True)
class Recorded:
    """The envelope is in the ledger."""

    kind: ClassVar[str] = "recorded"


@dataclass(frozen=True)
class Declined:
    """The request is refused, for this reason."""

    kind: ClassVar[str] = "declined"
    check: Check
    culprit: Annotated[str, Length(0, 64)]
    expected: Text
    actual: Text

    @classmethod
    def of(cls, refusal: Refusal) -> Declined:
        """As a record."""
        limited = [describe(text, 400) for text in (refusal.expected, refusal.actual)]
        return cls(refusal.check[:60], refusal.culprit[:40], *limited)

    @property
    def refusal(self) -> Refusal:
        """As an error."""
        return Refusal(self.check, self.culprit, self.expected, self.actual)


@dataclass(frozen=True)
class Part:
    """Bytes of an object from `offset` on; `last`: the object ends with them."""

    kind: ClassVar[str] = "part"
    digest: Digest
    offset: Count
    data: Data
    last: bool


@dataclass(frozen=True)
class Held:
    """The host holds this many of the object's bytes: send from there.

    `complete`: all of them, and the digest is right.
    """

    kind: ClassVar[str] = "held"
    length: Count
    complete: bool


@dataclass(frozen=True)
class Fetch:
    """At most PIECE_BYTES of an object, from `offset` on."""

    kind: ClassVar[str] = "fetch"
    digest: Digest
    offset: Count


@dataclass(frozen=True)
class Piece:
    """Bytes of an object, and its full size."""

    kind: ClassVar[str] = "piece"
    size: Count
    data: Data


@dataclass(frozen=True)
class FetchParts:
    """The part at a place of each of these objects, which hold keys of the attempt under way."""

    kind: ClassVar[str] = "fetch-parts"
    objects: Annotated[tuple[Digest, ...], Length(1, MOST_PARTS)]
    place: Annotated[int, Range(0, MAX_MEMBERS - 1)]


@dataclass(frozen=True)
class ProvedPart:
    """A part, and the hashes from it to the root."""

    data: Annotated[bytes, Length(1, MAX_PART_BYTES)]
    path: Path


@dataclass(frozen=True)
class Parts:
    """One of each object that was asked for, in the same order."""

    kind: ClassVar[str] = "parts"
    parts: Annotated[tuple[ProvedPart, ...], Length(1, MOST_PARTS)]


@dataclass(frozen=True)
class Join:
    """A member's request to join, see `joining`."""

    kind: ClassVar[str] = "join"
    request: SmallBlob


@dataclass(frozen=True)
class Assembled:
    """Every member's request to join, from which everybody computes the rules."""

    kind: ClassVar[str] = "assembled"
    requests: Annotated[tuple[SmallBlob, ...], Length(1, 4096)]


REQUESTS = (Follow, FollowHeads, Say, Part, Fetch, FetchParts, Join)
ANSWERS = (
    Extended, Headed, Unsigned, NotYet, Wanted, Recorded, Declined, Held, Piece, Parts, Assembled,
)  # fmt: skip
Request = Follow | FollowHeads | Say | Part | Fetch | FetchParts | Join
Answer = (
    Extended | Headed | Unsigned | NotYet | Wanted | Recorded | Declined | Held | Piece | Parts | Assembled
)


def read_request(data: bytes) -> Request:
    """A request from bytes; raises Refusal."""
    try:
        return cast(Request, decode(data, *REQUESTS, max_bytes=MAX_REQUEST_BYTES))
    except MalformedMessage as error:
        raise Refusal("malformed", TRANSPORT, "a canonical request", describe(str(error))) from error


def read_answer(data: bytes) -> Answer:
    """An answer from bytes; raises Refusal."""
    try:
        return cast(Answer, decode(data, *ANSWERS, max_bytes=MAX_ANSWER_BYTES + (1 << 16)))
    except MalformedMessage as error:
        raise Refusal("malformed", TRANSPORT, "a canonical answer", describe(str(error))) from error


def write(record: Request | Answer) -> bytes:
    """Canonical bytes."""
    return encode(record)
