"""Canonical bytes of statements: what Fiat-Shamir binds first."""

from __future__ import annotations

import hashlib


def digest_of(kind: str, *parts: bytes | int) -> bytes:
    """SHA-256 over the kind and the parts, each with its length; integers are 8 bytes little endian."""
    digest = hashlib.sha256(b"proofward/statement/v2")
    for part in (kind.encode(), *parts):
        data = part.to_bytes(8, "little") if isinstance(part, int) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()
