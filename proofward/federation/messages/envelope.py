"""Signed envelopes: who says it, in which consortium, round and attempt, having seen which ledger.

The signature is Ed25519 over a domain label and the canonical bytes of everything else. `seen_size` and
`seen_root` are the size and Merkle root of the ledger that the sender had verified: each message so vouches
for the whole history before it, and a rewritten ledger contradicts the signatures that follow. `time` is the
sender's clock when it began to do what it says; see `clock` for its bounds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar

from proofward.encoding import Length, MalformedMessage, blanked, decode, encode
from proofward.encoding.remembered import MOST_BYTES, Remembered, memory
from proofward.federation.messages.basics.clock import Time
from proofward.federation.messages.basics.field_types import MAX_BODY_BYTES, Count, Digest, Name
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import HOSPITAL, Member, Rules
from proofward.federation.messages.records.catalogue import KINDS, Message
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

_CONTEXT = b"envelope"
ENVELOPE_BYTES = 2048
"""What an envelope takes besides its bytes and its record."""


@dataclass(frozen=True)
class Envelope:
    """A signed message.

    `round` is 0 before the first round. `signature` is b"" while the message is unsigned. `body` holds a
    record's bytes.
    """

    kind: ClassVar[str] = "envelope"
    version: ClassVar[int] = 2
    consortium: Digest
    sender: Name
    role: Name
    round: Count
    attempt: Count
    seen_size: Count
    seen_root: Digest
    time: Time
    body: Annotated[bytes, Length(1, MAX_BODY_BYTES)]
    signature: Annotated[bytes, Length(0, 64)]

    @cached_property
    def record(self) -> Message:
        """The body's record; raises MalformedMessage."""
        record = decode(self.body, *KINDS.values())
        if "data" in vars(self):
            parsed_envelopes.grown(self.data, self, memory(record))
        return record

    @property
    def topic(self) -> str:
        """Kind of the record in the body."""
        return self.record.kind

    @cached_property
    def data(self) -> bytes:
        """Canonical bytes, signature included."""
        return encode(self)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return hashlib.sha256(self.data).digest()

    @cached_property
    def said(self) -> bytes:
        """SHA-256 of what is said: with another key, time or seen ledger, the sender says the same again."""
        place = f"{self.round}/{self.attempt}/".encode()
        return hashlib.sha256(place + self.body).digest()

    def signed_part(self) -> bytes:
        """What the signature covers."""
        return self._signed_part

    @cached_property
    def _signed_part(self) -> bytes:
        if "data" in vars(self):
            return blanked(self.data, self, "signature")
        return encode(replace(self, signature=b""))


def parse_envelope(data: bytes) -> Envelope:
    """The envelope with these bytes, not authenticated; raises MalformedMessage.

    It is remembered, with its record: see `encoding.remembered`.
    """
    return parsed_envelopes(data) if type(data) is bytes else _parsed(data)


def _parsed(data: bytes) -> Envelope:
    envelope = decode(data, Envelope)
    vars(envelope)["data"] = data  # there is one encoding
    return envelope


COPIES, MOST_PARSED = 3, 4 * MOST_BYTES
"""Of an envelope's bytes: as they came, of the body, of the signed part. Most records take about as much."""
parsed_envelopes = Remembered(_parsed, lambda data, _: COPIES * len(data) + ENVELOPE_BYTES, MOST_PARSED)
"""Envelopes by their bytes; each counts with its record once that is parsed, after the signature."""


def seal_envelope(envelope: Envelope, key: SigningKey) -> Envelope:
    """The envelope with its signature."""
    return replace(envelope, signature=sign(envelope.signed_part(), key, _CONTEXT))


def signed_by(envelope: Envelope, key: PublicKey) -> bool:
    """Whether the envelope's signature is this key's."""
    try:
        verify(envelope.signed_part(), envelope.signature, key, _CONTEXT)
    except SignatureInvalid:
        return False
    return True


def open_envelope(data: bytes, rules: Rules, keys: Mapping[str, bytes] | None = None) -> Envelope:
    """Parses and authenticates an envelope of this consortium; raises Refusal.

    keys: the members' present keys by name (`History.keys`); without, those of the rules, which are the
    present ones only as long as nobody has changed its key. Who has a key and is not named by the rules is a
    hospital that was admitted. The culprit is "transport" as long as the signature does not prove a sender.
    """
    try:
        envelope = parse_envelope(data)
    except MalformedMessage as error:
        raise Refusal("malformed", TRANSPORT, "a canonical envelope", describe(str(error))) from error
    member = rules.find(envelope.sender)
    if member is None and keys is not None and envelope.sender in keys:
        member = Member(envelope.sender, HOSPITAL, keys[envelope.sender])
    if member is None:
        raise Refusal("sender", TRANSPORT, "a member of the consortium", describe(envelope.sender))
    key = member.key if keys is None else keys[member.name]
    try:
        verify(envelope.signed_part(), envelope.signature, PublicKey.known(key), _CONTEXT)
    except SignatureInvalid as error:
        raise Refusal(
            "signature", TRANSPORT, f"a signature by {member.name}", describe(envelope.signature)
        ) from error
    require(envelope.consortium == rules.digest, "consortium", member.name, rules.digest, envelope.consortium)
    require(envelope.role == member.role, "role", member.name, member.role, envelope.role)
    try:
        _ = envelope.record
    except MalformedMessage as error:
        raise Refusal("malformed", member.name, "a canonical record", describe(str(error))) from error
    return envelope
