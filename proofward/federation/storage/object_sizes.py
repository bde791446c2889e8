"""How long the objects that a message names may be: compared before a byte of them is read or received."""

from __future__ import annotations

from proofward.federation.messages.catalogue import Enrolment, Message, ShareSum, Upload
from proofward.federation.storage.named_objects import named_objects
from proofward.lattice.parameters import RING_DEGREE
from proofward.ledger.reading import MAX_OBJECT_BYTES

MAX_PROOF_BYTES = 1 << 26
MAX_SEALED_SHARE_BYTES = 1 << 17


def size_limits(record: Message, parameters: int) -> dict[bytes, int]:
    """Most bytes of each object that a message names, by digest, for a model with so many parameters.

    What the aggregator makes is as long as the model or the ciphertexts, in numbers of 8 bytes.
    """
    if isinstance(record, Enrolment):
        return {record.proof: MAX_PROOF_BYTES}
    if isinstance(record, Upload):
        sealed = {digest: MAX_SEALED_SHARE_BYTES for digest in record.sealed_shares if digest}
        return {**sealed, record.proof: MAX_PROOF_BYTES, record.ciphertext: vector_bytes(parameters)}
    if isinstance(record, ShareSum):
        return {record.values: vector_bytes(RING_DEGREE)}
    return {digest: vector_bytes(parameters) for digest in named_objects(record)}


def vector_bytes(count: int) -> int:
    """Most bytes of a vector of so many numbers, filled up to whole blocks of the ring's degree."""
    return min(8 * RING_DEGREE * -(-count // RING_DEGREE), MAX_OBJECT_BYTES)
