"""What statements have in common: canonical bytes, which Fiat-Shamir binds first, and ranges of fields."""

from __future__ import annotations

import hashlib

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import integer

DIGEST_BYTES = 32


def digest_of(kind: str, *parts: bytes | int) -> bytes:
    """SHA-256 over the kind and the parts, each with its length; integers are 8 bytes little endian."""
    digest = hashlib.sha256(b"proofward/statement/v2")
    for part in (kind.encode(), *parts):
        data = part.to_bytes(8, "little") if isinstance(part, int) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


def check_place(statement: object, *digests: str) -> None:
    """Raises ConfigurationError unless the fields named have 32 bytes, and round and attempt 32 bits."""
    for name in digests:
        if (length := len(getattr(statement, name))) != DIGEST_BYTES:
            raise ConfigurationError(name, f"{DIGEST_BYTES} bytes", f"{length} bytes")
    for name in ("round", "attempt"):
        integer(name, getattr(statement, name), 0, (1 << 32) - 1)
