"""Evidence of members' machines, and what verifiers say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.basics.clock import Time
from proofward.federation.messages.basics.field_types import Check, Count, Digest, MaybeDigest, Name, Text
from proofward.federation.messages.basics.record import Message


@dataclass(frozen=True)
class EvidenceObjects:
    """Evidence of one kind, and what it is verified with, as objects."""

    kind: Name
    evidence: Digest
    collateral: Digest


@dataclass(frozen=True)
class Attestation(Message):
    """Any member, once for a key: evidence of the machine that has this key, see `attestation.binding`.

    size, root: of the ledger that the evidence names
    nonce: 32 random bytes that it was asked with
    tls: SHA-256 of the member's TLS certificate, or nothing
    time: at which the evidence is verified with its collateral, in seconds of UTC
    parts: kinds in ascending order
    """

    kind: ClassVar[str] = "attestation"
    roundless: ClassVar[bool] = True
    key: Digest
    size: Count
    root: Digest
    nonce: Digest
    tls: MaybeDigest
    time: Time
    parts: Annotated[tuple[EvidenceObjects, ...], Length(1, 2)]

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.key.hex(),)

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return tuple(digest for part in self.parts for digest in (part.evidence, part.collateral))


@dataclass(frozen=True)
class AttestationVerdict(Message):
    """Verifier: on the attestation in the envelope with this digest. `check` is "" when accepted."""

    kind: ClassVar[str] = "attestation-verdict"
    roundless: ClassVar[bool] = True
    member: Name
    attestation: Digest
    accepted: bool
    check: Check
    detail: Text

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.member, self.attestation.hex())
