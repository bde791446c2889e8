"""Identities: Ed25519 keys (RFC 8032), their files, and signatures with domain separation.

A signature covers the context and its length before the payload, so that no payload signed for one purpose is
valid for another. The prefix contains zero bytes, which the text of a signed note cannot: one key may sign
both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from proofward.encoding import Length, decode, encode
from proofward.encoding.remembered import Remembered
from proofward.ledger.errors import KeyFileInvalid, SignatureInvalid
from proofward.ledger.key_file import read_seed, write_seed

PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
_SIGNATURE_DOMAIN = b"proofward/signature/v1"
_PRIME = 2**255 - 19
_SMALL_ORDER = (
    0,
    1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    _PRIME - 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    _PRIME - 1,
)
"""Of the eight points under which anybody can sign, the coordinates that their encodings are."""


class PublicKey:
    """Ed25519 public key: 32 bytes in `raw`. Raises SignatureInvalid when they are no key."""

    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        if type(raw) is not bytes or len(raw) != PUBLIC_BYTES:
            raise SignatureInvalid("public key", f"{PUBLIC_BYTES} bytes", repr(raw)[:80])
        coordinate = int.from_bytes(raw, "little") & (2**255 - 1)
        if coordinate >= _PRIME or coordinate in _SMALL_ORDER:
            raise SignatureInvalid("public key", "a point of large order, in its one encoding", raw.hex())
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @staticmethod
    def known(raw: bytes) -> PublicKey:
        """The key of these bytes, made once for those that are asked for again and again."""
        return _made(raw)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, in hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()

    def verify_raw(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) is this key's over exactly `message`, without any domain."""
        if type(signature) is not bytes or len(signature) != SIGNATURE_BYTES:
            return False
        return verifications((self, message, signature))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"PublicKey({self.raw.hex()})"


def _is_signed(claim: tuple[PublicKey, bytes, bytes]) -> bool:
    key, message, signature = claim
    try:
        key._key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


verifications = Remembered(_is_signed, lambda claim, _: len(claim[1]))
"""Whether a signature is a key's over a message, remembered: see `encoding.remembered`."""


@lru_cache(maxsize=1 << 14)
def _made(raw: bytes) -> PublicKey:
    return PublicKey(raw)


class SigningKey:
    """Ed25519 private key. Its representation shows the fingerprint only."""

    __slots__ = ("_key", "_seed", "public")

    def __init__(self, seed: bytes) -> None:
        if type(seed) is not bytes or len(seed) != 32:
            raise KeyFileInvalid(
                "signing key", "a seed of 32 bytes", f"{type(seed).__name__} of another length"
            )
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, rng: Callable[[int], bytes]) -> SigningKey:
        """A fresh key from 32 bytes of `rng`, a cryptographic generator."""
        return cls(rng(32))

    @classmethod
    def load(cls, path: Path, passphrase: bytes | None = None) -> SigningKey:
        """The key in a file written by `save`. Raises KeyFileInvalid, also when others may read the file."""
        return cls(read_seed(path, passphrase))

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Writes the key for its owner only (0600), durably, encrypted if there is a passphrase.

        Raises KeyFileInvalid when the file exists.
        """
        write_seed(path, self._seed, passphrase)

    def sign_raw(self, message: bytes) -> bytes:
        """Signature (64 bytes) over exactly `message`, without any domain: for signed notes."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.fingerprint})"


@dataclass(frozen=True)
class SignedRecord:
    """A payload, its signer and the signature.

    Records travel in this envelope when no other is defined.
    """

    kind: ClassVar[str] = "signed-record"
    payload: bytes
    signer: Annotated[bytes, Length(PUBLIC_BYTES)]
    signature: Annotated[bytes, Length(SIGNATURE_BYTES)]


def _message(payload: bytes, context: bytes) -> bytes:
    return (
        b"".join(
            part
            for field in (_SIGNATURE_DOMAIN, context)
            for part in (len(field).to_bytes(8, "little"), field)
        )
        + payload
    )


def sign(payload: bytes, key: SigningKey, context: bytes) -> bytes:
    """Signature (64 bytes) of `payload` for one purpose, which `context` names."""
    return key.sign_raw(_message(payload, context))


def verify(payload: bytes, signature: bytes, key: PublicKey, context: bytes) -> None:
    """Raises SignatureInvalid unless `signature` is `key`'s over `payload` in this context."""
    if not key.verify_raw(_message(payload, context), signature):
        raise SignatureInvalid(f"signature in {context!r}", f"one of key {key.fingerprint}", "another")


def sign_record(payload: bytes, key: SigningKey, context: bytes) -> bytes:
    """Canonical bytes of a SignedRecord."""
    return encode(SignedRecord(payload, key.public.raw, sign(payload, key, context)))


def open_record(data: bytes, context: bytes) -> tuple[bytes, PublicKey]:
    """Payload and signer of a SignedRecord. Raises MalformedMessage or SignatureInvalid."""
    record = decode(data, SignedRecord)
    signer = PublicKey(record.signer)
    verify(record.payload, record.signature, signer, context)
    return record.payload, signer
