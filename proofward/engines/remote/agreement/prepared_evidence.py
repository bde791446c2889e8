"""Evidence of a member's machine as it lies in the kit until the site's process shows it.

HOME/members/NAME/evidence.asked   what evidence is to be bound to, before there is any
HOME/members/NAME/evidence         the evidence, with what it is bound to

Both are for one key: after a change of keys they are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.attestation.binding import Binding
from proofward.attestation.claims import MAX_COLLATERAL_BYTES, MAX_EVIDENCE_BYTES, Item
from proofward.attestation.collect import Attester, Prepared
from proofward.encoding import Length, MalformedMessage, decode, encode
from proofward.engines.remote.agreement.home import Home
from proofward.federation.messages.basics.clock import Time
from proofward.federation.messages.basics.field_types import Count, Digest, MaybeDigest, Name
from proofward.ledger.files import write_file
from proofward.ledger.reading import NotReadable, read_regular

EVIDENCE, ASKED = "evidence", "evidence.asked"
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class KeptItem:
    """See Item."""

    kind: Name
    evidence: Annotated[bytes, Length(1, MAX_EVIDENCE_BYTES)]
    collateral: Annotated[bytes, Length(0, MAX_COLLATERAL_BYTES)]


@dataclass(frozen=True)
class KeptEvidence:
    """See Prepared; without items it says what evidence is to be bound to."""

    kind: ClassVar[str] = "kept-evidence"
    consortium: Digest
    member: Name
    key: Digest
    size: Count
    root: Digest
    nonce: Digest
    tls: MaybeDigest
    time: Time
    items: Annotated[tuple[KeptItem, ...], Length(0, 2)]


def to_bytes(prepared: Prepared) -> bytes:
    """Canonical bytes."""
    own = prepared.binding
    items = tuple(KeptItem(item.kind, item.evidence, item.collateral) for item in prepared.items)
    bound = own.consortium, own.member, own.key, own.size, own.root, own.nonce, own.tls
    return encode(KeptEvidence(*bound, prepared.time, items))


def from_bytes(data: bytes) -> Prepared:
    """Inverse of `to_bytes`; raises MalformedMessage."""
    found = decode(data, KeptEvidence, max_bytes=MOST_BYTES)
    own = Binding(found.consortium, found.member, found.key, found.size, found.root, found.nonce, found.tls)
    return Prepared(own, found.time, tuple(map(_item, found.items)))


def _item(kept: KeptItem) -> Item:
    return Item(kept.kind, kept.evidence, kept.collateral)


def keep(home: Home, prepared: Prepared) -> None:
    """Writes evidence, or without items what it is to be bound to, durably, mode 0600."""
    path = home.member(prepared.binding.member) / (EVIDENCE if prepared.items else ASKED)
    write_file(path, to_bytes(prepared), path.with_name(f".{path.name}.tmp"), mode=0o600)


def kept(home: Home, member: str, name: str = EVIDENCE) -> Prepared | None:
    """What lies there for a member; None where there is nothing that can be read."""
    try:
        return from_bytes(read_regular(home.member(member) / name, MOST_BYTES))
    except (NotReadable, MalformedMessage):
        return None


def fits(prepared: Prepared | None, wanted: Binding) -> bool:
    """Whether what lies there is for this consortium, member and key."""
    if prepared is None:
        return False
    own = prepared.binding
    return (own.consortium, own.member, own.key) == (wanted.consortium, wanted.member, wanted.key)


def attester(home: Home, member: str) -> Attester:
    """Gives the evidence that lies in the kit, if it is for the member's present key."""

    def found(wanted: Binding, time: int) -> Prepared | None:
        prepared = kept(home, member)
        return prepared if fits(prepared, wanted) else None

    return found
