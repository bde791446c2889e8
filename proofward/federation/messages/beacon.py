"""Commit-then-reveal beacon of a round.

Every participant commits to a 32-byte nonce before any nonce is revealed; the beacon is a hash of all of
them, so it is unpredictable as long as one participant is honest. Who commits and does not reveal is left
out, and the attempt starts again with fresh nonces: withholding buys a re-draw, on record and at the price of
the round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

NONCE_BYTES = 32
_COMMIT = b"proofward/nonce-commitment/v1"
_BEACON = b"proofward/beacon/v1"


def _hash(domain: bytes, parts: list[bytes]) -> bytes:
    state = hashlib.sha256(len(domain).to_bytes(8, "little") + domain)
    for part in parts:
        state.update(len(part).to_bytes(8, "little") + part)
    return state.digest()


def _context(consortium: bytes, round_number: int, attempt: int) -> list[bytes]:
    return [consortium, round_number.to_bytes(8, "little"), attempt.to_bytes(8, "little")]


def nonce_commitment(consortium: bytes, round_number: int, attempt: int, member: str, nonce: bytes) -> bytes:
    """Commitment (32 bytes) to a 32-byte nonce by `member` for one attempt of one round."""
    return _hash(_COMMIT, [*_context(consortium, round_number, attempt), member.encode(), nonce])


def derive_beacon(consortium: bytes, round_number: int, attempt: int, nonces: Mapping[str, bytes]) -> bytes:
    """Beacon (32 bytes) of an attempt from every participant's nonce, in the order of their names."""
    parts = _context(consortium, round_number, attempt)
    for member in sorted(nonces):
        parts += [member.encode(), nonces[member]]
    return _hash(_BEACON, parts)
