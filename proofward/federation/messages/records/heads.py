"""Heads: what the ledger's state is for hospitals, in short, and what a verifier signs of it.

A head names the state after an entry with which a phase ended or an attempt began. It has what concerns every
hospital; what concerns one hospital is in that one's view, and the head has the Merkle root of all views.
Head and views are functions of the ledger alone, see `history.light.heads`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from proofward.encoding import Length, encode
from proofward.federation.messages.basics.clock import Time
from proofward.federation.messages.basics.field_types import (
    Check,
    Count,
    Digest,
    MaybeDigest,
    Name,
    Names,
    Roots,
    Signature,
)
from proofward.federation.messages.basics.record import Message
from proofward.federation.messages.consortium.usual import MOST_COUNTED
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

_CONTEXT = b"proofward/head/v1"
MAX_HEAD_BYTES = MAX_VIEW_BYTES = 1 << 21


@dataclass(frozen=True)
class CountedRound:
    """A closed round that counted: the sum as an object, and the model that the round had."""

    round: Count
    counts: Digest
    model: MaybeDigest


@dataclass(frozen=True)
class Head:
    """The state of a ledger of so many entries with this root.

    clock: the ledger's; closed: how many rounds are
    model, beacon: of the attempt under way, or of the next round
    committee: who holds shares in the round under way; absent: those without keys, once these are closed
    most_rows: of the participants' records, of whoever has most
    accepted, accepted_count: the envelope with the accepted set, and how many it has; b"" and 0 without one
    abandoned: digests of the accepted sets of this round that were given up, ascending
    counted: the closed rounds that counted, in phase UPLOAD of another one
    verifiers: digest of their present keys, see `history.light.heads.keys_digest`; revoked: those that are
    snapshot, snapshot_size: of the state after so many entries; b"" and 0 as long as there is none
    hospitals, views: how many views there are, one for each hospital in ascending order, and their root
    """

    kind: ClassVar[str] = "head"
    consortium: Digest
    size: Count
    root: Digest
    clock: Time
    phase: Name
    round: Count
    attempt: Count
    closed: Count
    model: MaybeDigest
    beacon: MaybeDigest
    committee: Names
    absent: Names
    most_rows: Count
    accepted: MaybeDigest
    accepted_count: Count
    abandoned: Annotated[tuple[Digest, ...], Length(0, MAX_MEMBERS)]
    counted: Annotated[tuple[CountedRound, ...], Length(0, MOST_COUNTED)]
    verifiers: Digest
    revoked: Names
    snapshot: MaybeDigest
    snapshot_size: Count
    hospitals: Count
    views: Digest

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return hashlib.sha256(encode(self)).digest()


@dataclass(frozen=True)
class Word:
    """A recorded message of a hospital: what it speaks on, and the digest of what it says."""

    slot: Annotated[str, Length(1, 400)]
    said: Digest


@dataclass(frozen=True)
class RefusedWord:
    """A message of a hospital that was recorded as refused, by the check's name."""

    evidence: Digest
    check: Check


@dataclass(frozen=True)
class NoiseWords:
    """The roots of a hospital's noise in a round."""

    round: Count
    roots: Roots


@dataclass(frozen=True)
class View:
    """What the state is for one hospital.

    key: its present one; admitted: its first one, where the rules do not name it
    words: of each kind of message the latest recorded one, by kind; refused: those that were refused
    joined: whether it has enrolled or attends, with so many rows; enrolled: whether a round has admitted it
    participant, present, accepted, left_out: of the attempt or the round under way
    noise: of the round under way and the next one; releases: of the privacy budget that it has spent
    own_counts: whether it has published its own counts of the round under way
    dealer: its place among those for whom holders have published keys, in phase UPLOAD
    sealing: digest of what the present holders have published for it then, see `history.state.signed_heads`
    """

    kind: ClassVar[str] = "view"
    hospital: Name
    key: MaybeDigest
    admitted: MaybeDigest
    revoked: bool
    words: Annotated[tuple[Word, ...], Length(0, 64)]
    refused: Annotated[tuple[RefusedWord, ...], Length(0, 16)]
    joined: bool
    rows: Count
    enrolled: bool
    dataset_root: MaybeDigest
    validation_beacon: MaybeDigest
    participant: bool
    present: bool
    accepted: bool
    left_out: bool
    noise: Annotated[tuple[NoiseWords, ...], Length(0, 2)]
    releases: Count
    own_counts: bool
    dealer: Count
    sealing: MaybeDigest


@dataclass(frozen=True)
class HeadSigned(Message):
    """Verifier: the head of the ledger of so many entries has this digest, with a signature of just that."""

    kind: ClassVar[str] = "head-signed"
    roundless: ClassVar[bool] = True
    size: Count
    head: Digest
    signature: Signature

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (str(self.size),)


def sign_head(digest: bytes, key: SigningKey) -> bytes:
    """Signature (64 bytes) of a head's digest, for this purpose alone."""
    return sign(digest, key, _CONTEXT)


def is_head_signed(digest: bytes, signature: bytes, key: bytes) -> bool:
    """Whether this is the signature of a head's digest by the public key; False where that is no key."""
    try:
        verify(digest, signature, PublicKey.known(key), _CONTEXT)
    except (SignatureInvalid, ValueError):
        return False
    return True
