"""The noise of differential privacy: what is said of it before the beacon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from proofward.federation.messages.basics.field_types import Count, Roots
from proofward.federation.messages.basics.record import Message


@dataclass(frozen=True)
class NoiseCommitment(Message):
    """Hospital: roots of the commitments to the secret words of its noise, one for each attempt of a round.

    round: the round, whose beacon nobody knows yet
    """

    kind: ClassVar[str] = "noise-commitment"
    roundless: ClassVar[bool] = True
    round: Count
    roots: Roots

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (str(self.round),)
