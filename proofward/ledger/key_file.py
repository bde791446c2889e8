"""Files of private keys: for their owner only (0600), plain or encrypted with a passphrase.

Encryption: AES-256-GCM under a key that scrypt (RFC 7914; N = 2^17, r = 8, p = 1: 128 MiB) derives from the
passphrase and a random salt; the file's kind is authenticated with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from proofward.encoding import Length, MalformedMessage, decode, encode
from proofward.ledger.errors import KeyFileInvalid
from proofward.ledger.files import write_file

SEED_BYTES = 32
_COST, _BLOCK, _LANES = 1 << 17, 8, 1
_DOMAIN = b"proofward/key-file/v1"


@dataclass(frozen=True)
class PlainKey:
    """A key's seed."""

    kind: ClassVar[str] = "ed25519-signing-key"
    seed: Annotated[bytes, Length(SEED_BYTES)]


@dataclass(frozen=True)
class EncryptedKey:
    """A key's seed, encrypted; the tag is the last 16 bytes of `sealed`."""

    kind: ClassVar[str] = "encrypted-ed25519-signing-key"
    salt: Annotated[bytes, Length(16)]
    nonce: Annotated[bytes, Length(12)]
    sealed: Annotated[bytes, Length(SEED_BYTES + 16)]


def _cipher(passphrase: bytes, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt, 32, _COST, _BLOCK, _LANES).derive(passphrase))


def write_seed(path: Path, seed: bytes, passphrase: bytes | None = None) -> None:
    """Writes a seed durably, mode 0600. Raises KeyFileInvalid when the file exists."""
    if path.exists():
        raise KeyFileInvalid(path.name, "no such file yet", "a file, which is not overwritten")
    record: PlainKey | EncryptedKey = PlainKey(seed)
    if passphrase is not None:
        salt, nonce = os.urandom(16), os.urandom(12)
        record = EncryptedKey(salt, nonce, _cipher(passphrase, salt).encrypt(nonce, seed, _DOMAIN))
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    write_file(path, encode(record), temporary, mode=0o600)


def read_seed(path: Path, passphrase: bytes | None = None) -> bytes:
    """The seed in a file.

    Raises KeyFileInvalid, also when others may read the file, when it is encrypted and the passphrase is
    missing or wrong.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise KeyFileInvalid(path.name, "permissions 0600", oct(path.stat().st_mode & 0o777))
        record = cast(PlainKey | EncryptedKey, decode(path.read_bytes(), PlainKey, EncryptedKey))
    except OSError as error:
        raise KeyFileInvalid(
            path.name, "a readable key file", error.strerror or type(error).__name__
        ) from error
    except MalformedMessage as error:
        raise KeyFileInvalid(path.name, "a key file", f"a malformed {error.field}") from None
    if isinstance(record, PlainKey):
        return record.seed
    if passphrase is None:
        raise KeyFileInvalid(path.name, "a passphrase, since the key is encrypted", "none")
    try:
        return _cipher(passphrase, record.salt).decrypt(record.nonce, record.sealed, _DOMAIN)
    except InvalidTag:
        raise KeyFileInvalid(path.name, "the passphrase of this key", "another") from None


def is_encrypted(path: Path) -> bool:
    """Whether a key file needs a passphrase; raises KeyFileInvalid."""
    try:
        return isinstance(decode(path.read_bytes(), PlainKey, EncryptedKey), EncryptedKey)
    except (OSError, MalformedMessage):
        raise KeyFileInvalid(path.name, "a key file", "another or none") from None
