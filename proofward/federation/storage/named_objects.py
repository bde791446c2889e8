"""Which objects a message names: they have to be there before it is recorded."""

from __future__ import annotations

from proofward.federation.messages.catalogue import Aggregate, Enrolment, Message, ShareSum, Upload


def named_objects(record: Message) -> tuple[bytes, ...]:
    """Digests of the objects that a message names."""
    if isinstance(record, Enrolment):
        return (record.proof,)
    if isinstance(record, Upload):
        return (record.ciphertext, record.proof, *(digest for digest in record.sealed_shares if digest))
    if isinstance(record, ShareSum):
        return (record.values,)
    if isinstance(record, Aggregate):
        return (record.ciphertext_sum, record.secret_sum, record.update_sum, record.model)
    return ()
