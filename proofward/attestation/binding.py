"""What evidence is bound to: 64 bytes that only this member can have asked for, with this key and now.

The report data is the SHA-512 digest of a label and of, each in a fixed length or with its length before it,

    the consortium's digest, the member's name, its Ed25519 key, the SHA-256 digest of its TLS certificate (or
    nothing), size and root of the ledger that it has seen, and 32 fresh random bytes.

So the machine cannot have made the evidence before that ledger existed, and it serves no other member, key or
federation. A graphics card has room for 32 bytes only: its nonce is the SHA-256 digest of the report data of
the processor that it stands beside.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

LABEL = b"proofward/attestation/v1"
NONCE_BYTES = 32


@dataclass(frozen=True)
class Binding:
    """consortium, key, root, nonce: 32 bytes; tls: 32 bytes or none; size: entries of the ledger seen."""

    consortium: bytes
    member: str
    key: bytes
    size: int
    root: bytes
    nonce: bytes
    tls: bytes = b""

    def report_data(self) -> bytes:
        """The 64 bytes that a processor's evidence has to carry."""
        parts = (
            self.consortium,
            self.member.encode(),
            self.key,
            self.tls,
            self.size.to_bytes(8, "little"),
            self.root,
            self.nonce,
        )
        framed = b"".join(len(part).to_bytes(4, "little") + part for part in (LABEL, *parts))
        return hashlib.sha512(framed).digest()


def gpu_nonce(report_data: bytes) -> bytes:
    """The 32 bytes that a graphics card is asked with."""
    return hashlib.sha256(report_data).digest()
