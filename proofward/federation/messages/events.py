"""What parties report while they work, for progress displays, timings and reports; nothing depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proofward.federation.messages.basics.refusal import Refusal


@dataclass(frozen=True)
class Event:
    """Something that a party has done or noticed.

    `kind` is "recorded", "proving", "proved", "verified", "share checked", "aggregated", "confirmed",
    "refused", "unable", "overdue", "ended" or "halted". `subject` is the message's kind, the phase of a proof
    or of the ledger, or the hospital it is about. `refusal` is set for "refused", "ended" and "halted".
    """

    party: str
    kind: str
    round: int
    attempt: int
    subject: str = ""
    seconds: float = 0.0
    detail: str = ""
    refusal: Refusal | None = None


Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The observer that nobody listens to."""
