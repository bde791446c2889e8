"""The federation as a whole: its opening and end, members that leave, keys that change, refusals."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.basics.field_types import (
    MAX_BODY_BYTES,
    Check,
    Count,
    Digest,
    Evidence,
    MaybeDigest,
    Name,
    Names,
    Signature,
    Software,
    Text,
)
from proofward.federation.messages.basics.record import Message


@dataclass(frozen=True)
class FederationOpened(Message):
    """Aggregator, entry 0: the consortium's rules, in full, and the software that it runs."""

    kind: ClassVar[str] = "federation-opened"
    rules: Annotated[bytes, Length(1, MAX_BODY_BYTES - 4096)]
    software: Software = ()


@dataclass(frozen=True)
class RevocationVote(Message):
    """Verifier about a hospital or verifier, or one of these about itself: it shall take part no more."""

    kind: ClassVar[str] = "revocation-vote"
    roundless: ClassVar[bool] = True
    member: Name
    reason: Text

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.member,)


@dataclass(frozen=True)
class AdmissionVote(Message):
    """Verifier: a hospital that the rules do not name, with this key, shall take part."""

    kind: ClassVar[str] = "admission-vote"
    roundless: ClassVar[bool] = True
    member: Name
    key: Digest

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.member, self.key.hex())


@dataclass(frozen=True)
class KeyRotation(Message):
    """Hospital or verifier: its key from the next entry on, and that key's signature of the change."""

    kind: ClassVar[str] = "key-rotation"
    roundless: ClassVar[bool] = True
    key: Digest
    proof: Signature

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.key.hex(),)


@dataclass(frozen=True)
class EndVote(Message):
    """Verifier: the federation shall end before all rounds, after the open one or at once."""

    kind: ClassVar[str] = "end-vote"
    roundless: ClassVar[bool] = True
    at_once: bool
    reason: Text

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return ("at once" if self.at_once else "after the round",)


@dataclass(frozen=True)
class MessageRefused(Message):
    """Aggregator: an envelope that a member signed and that breaks the rules here, for anybody to judge."""

    kind: ClassVar[str] = "message-refused"
    evidence: Evidence
    check: Check
    culprit: Name
    expected: Text
    actual: Text

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (hashlib.sha256(self.evidence).hexdigest(),)


@dataclass(frozen=True)
class FederationClosed(Message):
    """Aggregator, last entry: every round is closed; the final model."""

    kind: ClassVar[str] = "federation-closed"
    model: Digest


@dataclass(frozen=True)
class FederationEnded(Message):
    """Aggregator, last entry: who voted for an end before all rounds, the closed rounds, and their model.

    model: of the last closed round; empty when no round was closed.
    """

    kind: ClassVar[str] = "federation-ended"
    verifiers: Names
    rounds: Count
    model: MaybeDigest
