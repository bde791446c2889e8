"""The end of a round: the accepted set, consents, share sums, the next model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.basics.field_types import Count, Digest, Names
from proofward.federation.messages.basics.record import Message


@dataclass(frozen=True)
class AcceptedSet(Message):
    """Aggregator: exactly the hospitals that are ready, have enough accepting verdicts and are not blamed."""

    kind: ClassVar[str] = "accepted-set"
    hospitals: Names


@dataclass(frozen=True)
class Consent(Message):
    """Hospital in an accepted set: it is the one set that may contain its update from this model."""

    kind: ClassVar[str] = "consent"
    accepted_set: Digest
    model: Digest


@dataclass(frozen=True)
class Lock(Message):
    """Holder: all have consented, and it will never abandon this accepted set."""

    kind: ClassVar[str] = "lock"
    accepted_set: Digest


@dataclass(frozen=True)
class SetWithdrawn(Message):
    """Aggregator: exactly the hospitals whose consents are missing; the set is given up."""

    kind: ClassVar[str] = "set-withdrawn"
    missing: Names


@dataclass(frozen=True)
class Abandonment(Message):
    """Hospital: it has not locked this accepted set, and never will, nor give a share sum of it."""

    kind: ClassVar[str] = "abandonment"
    accepted_set: Digest


@dataclass(frozen=True)
class ShareSum(Message):
    """Holder: object with the sum of its shares over the accepted set in the envelope with this digest."""

    kind: ClassVar[str] = "share-sum"
    accepted_set: Digest
    values: Digest

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.values,)


@dataclass(frozen=True)
class Aggregate(Message):
    """Aggregator: the round's result, which everybody recomputes from the recorded uploads and share sums.

    Objects: ciphertext_sum (F-array), secret_sum (int64), update_sum (int64), model (int64, the next
    weights). wrong_holders are those whose share sum does not lie on the polynomial of the others.
    """

    kind: ClassVar[str] = "aggregate"
    holders: Names
    wrong_holders: Names
    ciphertext_sum: Digest
    secret_sum: Digest
    update_sum: Digest
    total_rows: Count
    model: Digest

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.ciphertext_sum, self.secret_sum, self.update_sum, self.model)

    @property
    def state(self) -> tuple[bytes, ...]:
        """The objects of the server optimizer's next state, one a vector."""
        return ()


@dataclass(frozen=True)
class StatefulAggregate(Aggregate):
    """Aggregator: the same under rules whose server optimizer has a state, which everybody recomputes too.

    Objects besides: server_state (int64), the vectors of the next state in the optimizer's order.
    """

    kind: ClassVar[str] = "stateful-aggregate"
    server_state: Annotated[tuple[Digest, ...], Length(1, 2)]

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (*super().objects(), *self.server_state)

    @property
    def state(self) -> tuple[bytes, ...]:
        """See Aggregate."""
        return self.server_state


@dataclass(frozen=True)
class Confirmation(Message):
    """Hospital or verifier: it recomputed the aggregate in the envelope with this digest and agrees."""

    kind: ClassVar[str] = "confirmation"
    aggregate: Digest
    model: Digest


@dataclass(frozen=True)
class RoundClosed(Message):
    """Aggregator: the round is over; the model is the next round's start."""

    kind: ClassVar[str] = "round-closed"
    model: Digest
