"""What a message speaks on: its slot, which its sender fills once."""

from __future__ import annotations

from proofward.federation.messages.basics.record import Message
from proofward.federation.messages.envelope import Envelope


def slot_of(kind: type[Message], number: int, attempt: int, sender: str, *subject: str) -> tuple[str, ...]:
    """What a message of a kind speaks on, by its position, sender and subject."""
    if kind.roundless:
        return kind.kind, sender, *subject
    return kind.kind, str(number), str(attempt), sender, *subject


def slot(envelope: Envelope) -> tuple[str, ...]:
    """What an envelope speaks on: a sender that says two different things on it equivocates."""
    record = envelope.record
    return slot_of(type(record), envelope.round, envelope.attempt, envelope.sender, *record.subject())
