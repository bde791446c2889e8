"""What travels: packets from a member to the aggregator, extensions of the ledger from the aggregator to
members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from proofward.encoding import Length, MalformedMessage, decode
from proofward.federation.field_types import Count, Digest
from proofward.federation.refusal import TRANSPORT, Refusal, describe

T = TypeVar("T")
MAX_WIRE_BYTES = 1 << 30
Entry = Annotated[bytes, Length(1, 1 << 22)]


@dataclass(frozen=True)
class Packet:
    """A signed envelope with the objects whose digests it names."""

    kind: ClassVar[str] = "packet"
    envelope: Entry
    attachments: Annotated[tuple[Annotated[bytes, Length(0, MAX_WIRE_BYTES)], ...], Length(0, 4096)]


@dataclass(frozen=True)
class Extension:
    """Entries number `first` and following, the signed checkpoint after them, and the consistency proof from
    `first`.

    consistency is empty when `first` is 0 or nothing is added.
    """

    kind: ClassVar[str] = "extension"
    first: Count
    entries: tuple[Entry, ...]
    checkpoint: Annotated[bytes, Length(0, 1 << 16)]
    consistency: Annotated[tuple[Digest, ...], Length(0, 64)]


def parse(kind: type[T], data: bytes) -> T:
    """A packet or extension from bytes; raises Refusal."""
    try:
        return decode(data, kind, max_bytes=MAX_WIRE_BYTES)
    except MalformedMessage as error:
        raise Refusal(
            "malformed", TRANSPORT, f"a canonical {kind.__name__.lower()}", describe(str(error))
        ) from error
