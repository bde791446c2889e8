"""How long the objects that a message names may be: compared before a byte of them is read or received."""

from __future__ import annotations

from proofward.attestation.claims import MAX_COLLATERAL_BYTES, MAX_EVIDENCE_BYTES
from proofward.federation.messages.records.catalogue import (
    Attestation,
    BeaconDeal,
    Enrolment,
    HolderKeyRoot,
    Message,
    ShareSum,
    Upload,
)
from proofward.lattice.parameters import RING_DEGREE, ciphertext_length
from proofward.lattice.sealing import PUBLIC_KEY_BYTES
from proofward.ledger.reading import MAX_OBJECT_BYTES

MAX_PROOF_BYTES = 1 << 26
MAX_SEALED_SHARE_BYTES = 1 << 17
MAX_SEALED_NONCE_BYTES = 1 << 11


def size_limits(record: Message, entries: int) -> dict[bytes, int]:
    """Most bytes of each object that a message names, by digest; uploads encrypt so many numbers, or fewer.

    What the aggregator makes is at most as long as a ciphertext, or as a sum of secrets.
    """
    if isinstance(record, Enrolment):
        return {record.proof: MAX_PROOF_BYTES}
    if isinstance(record, Attestation):
        evidence = {part.evidence: MAX_EVIDENCE_BYTES for part in record.parts}
        return {**evidence, **{part.collateral: MAX_COLLATERAL_BYTES for part in record.parts}}
    if isinstance(record, Upload):
        sealed = {digest: MAX_SEALED_SHARE_BYTES for digest in record.sealed_shares if digest}
        return {**sealed, record.proof: MAX_PROOF_BYTES, record.ciphertext: vector_bytes(entries)}
    if isinstance(record, HolderKeyRoot):
        return {digest: record.number * PUBLIC_KEY_BYTES for digest in record.objects()}
    if isinstance(record, BeaconDeal):
        return {digest: MAX_SEALED_NONCE_BYTES for digest in record.objects()}
    if isinstance(record, ShareSum):
        return {record.values: 8 * RING_DEGREE}
    longest = max(vector_bytes(entries), 8 * RING_DEGREE)
    return {digest: longest for digest in record.objects()}


def vector_bytes(entries: int) -> int:
    """Most bytes of a vector of numbers: one for each entry of a ciphertext."""
    return min(8 * ciphertext_length(entries), MAX_OBJECT_BYTES)
