"""Types of the fields of messages, with their bounds."""

from __future__ import annotations

from typing import Annotated

from proofward.encoding import Length, Range
from proofward.field.extension import ELEMENT_BYTES
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.lattice.sealing import PAIR_SECRET_BYTES, PUBLIC_KEY_BYTES
from proofward.ledger.keys import SIGNATURE_BYTES

BEACON_SHARE_BYTES = 80
"""A share of a nonce: 4 + 2 field elements and a salt of 32 bytes, see `history.state.beacon_sharing`."""

MAX_BODY_BYTES = 1 << 21
"""Of any record: the longest lists of `MAX_MEMBERS` names, digests or shares of nonces fit, see the tests."""
MOST_KEYS = (MAX_BODY_BYTES - 256) // (PUBLIC_KEY_BYTES + 3)
"""Sealing keys in one record: a holder's for its dealers, unless the rules keep keys out of entries."""
_NAME_BYTES = 40

Count = Annotated[int, Range(0, (1 << 63) - 1)]
Name = Annotated[str, Length(1, _NAME_BYTES)]
Names = Annotated[tuple[Name, ...], Length(0, MAX_MEMBERS)]
Check = Annotated[str, Length(0, 256)]
Text = Annotated[str, Length(0, 2048)]
TextLine = Annotated[str, Length(0, 500)]
Lines = Annotated[tuple[TextLine, ...], Length(0, 400)]
"""A text of people's, a string a line."""
Software = Annotated[tuple[Annotated[str, Length(1, 200)], ...], Length(0, 16)]
"""What a member runs, a line of "name value" each."""
Digest = Annotated[bytes, Length(32)]
MaybeDigest = Annotated[bytes, Length(0, 32)]
Binding = Annotated[bytes, Length(0, 16 * MAX_MEMBERS)]
SealingKey = Annotated[bytes, Length(PUBLIC_KEY_BYTES)]
SealingKeys = Annotated[tuple[SealingKey, ...], Length(0, MOST_KEYS)]
MOST_STEPS = 16
Path = Annotated[tuple[Digest, ...], Length(0, MOST_STEPS)]
"""Of a leaf in a Merkle tree; one of `MAX_MEMBERS` leaves has 14 steps at most."""
NumberOfKeys = Annotated[int, Range(0, MAX_MEMBERS)]
BeaconShareList = Annotated[
    tuple[Annotated[bytes, Length(0, BEACON_SHARE_BYTES)], ...], Length(0, MAX_MEMBERS)
]
Elements = Annotated[tuple[Annotated[bytes, Length(ELEMENT_BYTES)], ...], Length(0, MAX_MEMBERS)]
"""Of the extension field."""
Roots = Annotated[tuple[Digest, ...], Length(1, 16)]
SealedShares = Annotated[tuple[MaybeDigest, ...], Length(0, MAX_MEMBERS)]
MAX_EVIDENCE_BYTES = 1 << 18
"""Larger envelopes that break the rules are refused and not recorded."""
Evidence = Annotated[bytes, Length(1, MAX_EVIDENCE_BYTES)]
Signature = Annotated[bytes, Length(SIGNATURE_BYTES)]
PairSecret = Annotated[bytes, Length(PAIR_SECRET_BYTES)]
