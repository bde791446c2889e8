"""A federation stopped in the middle, and envelopes made to order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from proofward.encoding import decode, encode
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records.catalogue import Message
from proofward.federation.messages.wire import Packet
from proofward.ledger.keys import SigningKey
from tests.federation.fakes import FakeProofs, datasets, plan


class Withholding(FaithfulNetwork):
    """Keeps back the messages of one kind of one member, or of all whose names begin alike."""

    def __init__(self, member: str, topic: str) -> None:
        self.member, self.topic, self.kept = member, topic, []

    def to_aggregator(self, member, message):
        if member.startswith(self.member) and opened(message).topic == self.topic:
            self.kept.append(message)
            return ()
        return (message,)


def opened(packet: bytes) -> Envelope:
    """The envelope in a packet."""
    return decode(decode(packet, Packet, max_bytes=1 << 30).envelope, Envelope)


class Stopped:
    """An engine that has stopped in `phase` of round `number`, with one member's message kept back."""

    def __init__(
        self,
        directory: Path,
        phase: str,
        number: int = 1,
        member: str = "",
        topic: str = "",
        agreed: Plan | None = None,
    ) -> None:
        self.plan = agreed or plan(hospitals=4, verifiers=1, rounds=2, threshold=1)
        self.network = Withholding(member, topic)
        self.engine = InProcessFederation(
            directory, self.plan, datasets(self.plan), seed=b"s", network=self.network, proofs=FakeProofs(),
            counts=dict.fromkeys(self.plan.hospitals, lambda task: np.ones(task.counting.length, dtype=np.int64)),
        )  # fmt: skip
        self.aggregator = self.engine.aggregator
        self.history = self.aggregator.history

        def reached() -> bool:
            kept = not topic or any(opened(packet).round == number for packet in self.network.kept)
            return self.history.phase == phase and self.history.position()[0] == number and kept

        self.engine.run(reached)
        assert self.history.phase == phase

    def signed(self, envelope: Envelope, key: str | None = None, **changes) -> bytes:
        """The envelope with changes, signed again by its sender or by the owner of `key`."""
        changed = replace(envelope, signature=b"", **changes)
        return seal_envelope(changed, self.engine.folder.key(key or envelope.sender)).data

    def said(self, envelope: Envelope, **changes) -> bytes:
        """The envelope with changes to its record, signed again by its sender."""
        return self.signed(envelope, body=encode(replace(envelope.record, **changes)))

    def spoken(self, sender: str, record: Message, key: SigningKey | None = None, **changes) -> bytes:
        """A member's message as it would be sent now, with changes to its envelope."""
        body, role = encode(record), self.engine.rules.find(sender).role
        state = (*self.history.position(), self.history.size, self.history.root, self.history.clocks[-1])
        envelope = Envelope(self.engine.rules.digest, sender, role, *state, body, b"")
        return seal_envelope(replace(envelope, **changes), key or self.engine.folder.key(sender)).data

    def announced(self, record) -> bytes:
        """A message of the aggregator's."""
        return self.aggregator.envelope(record, *self.history.position()).data

    def refusal(self, data: bytes) -> Refusal:
        """Why the ledger would not take this entry."""
        with pytest.raises(Refusal) as caught:
            self.history.judge(data)
        return caught.value

    def check(self, data: bytes) -> tuple[str, str]:
        """(check, culprit) of the refusal."""
        refusal = self.refusal(data)
        return refusal.check, refusal.culprit
