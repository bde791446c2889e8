"""For a consortium whose ledger is anchored on a chain: whose key there is whose, and seals of rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.basics.field_types import Count, Digest, Name, Signature
from proofward.federation.messages.basics.record import Message

SEAL_BYTES = 160
"""A seal's signature: v, r, s and, for P-256, the point's x and y, 32 bytes each."""
POINT_BYTES = 64

MAX_RECEIPT = 1 << 17
"""Bytes of a receipt."""

Point = Annotated[bytes, Length(POINT_BYTES)]
SealSignature = Annotated[bytes, Length(SEAL_BYTES)]
MaybeSeal = Annotated[bytes, Length(0, SEAL_BYTES)]


@dataclass(frozen=True)
class ChainKeySaid(Message):
    """Member with a seat: its key on the chain, and that key's signature of whose it is.

    key: the point's coordinates x and y, 32 bytes each, the higher bytes first. proof: r and s likewise.
    """

    kind: ClassVar[str] = "chain-key"
    roundless: ClassVar[bool] = True
    curve: Annotated[str, Length(1, 16)]
    key: Point
    proof: Signature


@dataclass(frozen=True)
class VerdictReceipt(Message):
    """Verifier with a seat: its chain key's signature over its verdict on an upload, with the receipt.

    receipt: what the opened columns of the proof came to, b"" where there is none
    """

    kind: ClassVar[str] = "verdict-receipt"
    hospital: Name
    upload: Digest
    receipt: Annotated[bytes, Length(0, MAX_RECEIPT)]
    seal: SealSignature

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.hospital,)


@dataclass(frozen=True)
class RoundSeal(Message):
    """Member with a seat: its chain key's signatures over what the aggregate in this envelope comes to.

    weights: over the hospitals' weights, b"" where the anchor has them from an earlier round
    outcome: over the round's outcome
    """

    kind: ClassVar[str] = "round-seal"
    roundless: ClassVar[bool] = True
    round: Count
    aggregate: Digest
    weights: MaybeSeal
    outcome: SealSignature

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (str(self.round),)
