"""What travels: packets to the aggregator, and extensions of the ledger to members."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, TypeVar

from proofward.encoding import Length, MalformedMessage, blanked, decode, encode
from proofward.encoding.remembered import MOST_BYTES, Remembered, memory
from proofward.federation.messages.basics.field_types import Count, Digest
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe
from proofward.federation.messages.consortium.rules import Rules
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

_CONTEXT = b"proofward/extension/v1"
T = TypeVar("T")
MAX_WIRE_BYTES = 1 << 30
Entry = Annotated[bytes, Length(1, 1 << 22)]
MOST_ATTACHED = MAX_MEMBERS + 2
"""An upload has ciphertext, proof and a sealed share for each holder."""


@dataclass(frozen=True)
class Packet:
    """A signed envelope with the objects whose digests it names."""

    kind: ClassVar[str] = "packet"
    envelope: Entry
    attachments: Annotated[tuple[Annotated[bytes, Length(0, MAX_WIRE_BYTES)], ...], Length(0, MOST_ATTACHED)]


@dataclass(frozen=True)
class Extension:
    """Consecutive entries of the ledger, and the signed checkpoint after them.

    The entries are number `first` and those that follow. `consistency` is the consistency proof from `first`;
    it is empty when `first` is 0 or nothing is added. The aggregator signs the whole, so that what the
    network garbles is never taken for its lie.
    """

    kind: ClassVar[str] = "extension"
    first: Count
    entries: tuple[Entry, ...]
    checkpoint: Annotated[bytes, Length(0, 1 << 16)]
    consistency: Annotated[tuple[Digest, ...], Length(0, 64)]
    signature: Annotated[bytes, Length(0, 64)] = b""

    def signed_part(self, rules: Rules) -> bytes:
        """What the signature covers: the consortium and all other fields."""
        return rules.digest + encode(replace(self, signature=b""))


def sign_extension(extension: Extension, key: SigningKey, rules: Rules) -> bytes:
    """The bytes of an extension with the aggregator's signature."""
    return encode(replace(extension, signature=sign(extension.signed_part(rules), key, _CONTEXT)))


def open_extension(data: bytes, rules: Rules) -> Extension:
    """Parses and authenticates an extension; raises Refusal, for which nobody but the network is to blame."""
    aggregator = rules.find(rules.aggregator)
    assert aggregator is not None
    shown = data, rules.digest, aggregator.name, aggregator.key
    return opened_extensions(shown) if type(data) is bytes else _opened(shown)


def _opened(shown: tuple[bytes, bytes, str, bytes]) -> Extension:
    data, consortium, aggregator, key = shown
    extension = parse(Extension, data)
    signed = consortium + blanked(data, extension, "signature")
    try:
        verify(signed, extension.signature, PublicKey.known(key), _CONTEXT)
    except SignatureInvalid as error:
        expected, found = f"a signature by {aggregator}", describe(extension.signature)
        raise Refusal("extension-signature", TRANSPORT, expected, found) from error
    return extension


opened_extensions = Remembered(_opened, lambda shown, found: len(shown[0]) + memory(found), 2 * MOST_BYTES)
"""Extensions that were opened, by bytes, consortium and the aggregator's name and key."""


def parse(kind: type[T], data: bytes) -> T:
    """A packet or extension from bytes; raises Refusal."""
    try:
        return decode(data, kind, max_bytes=MAX_WIRE_BYTES)
    except MalformedMessage as error:
        raise Refusal(
            "malformed", TRANSPORT, f"a canonical {kind.__name__.lower()}", describe(str(error))
        ) from error
