"""How a member shows the evidence of its machine, if its operator has any."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from proofward.attestation.binding import NONCE_BYTES, Binding
from proofward.attestation.collect import Attester
from proofward.federation.history.state.history_state import ANY_PHASE, HistoryState
from proofward.federation.history.steps.attestation import shown
from proofward.federation.messages.records.attestation import Attestation, EvidenceObjects
from proofward.federation.parties.following.follower import Follower

Attested = tuple[Attestation, tuple[bytes, ...]]
"""What is said, and the objects that it names."""


def owes_evidence(history: HistoryState, member: str) -> bool:
    """Whether a member may show evidence now, and has not for its present key."""
    open_now = history.rules.attestation is not None and history.phase in ANY_PHASE
    return open_now and member in history.keys and shown(history, member) is None


def evidence_of(
    history: HistoryState, member: str, attest: Attester, nonce: bytes, time: int
) -> Attested | None:
    """The message with a member's evidence, where there is any."""
    own = Binding(history.rules.digest, member, history.keys[member], history.size, history.root, nonce)
    found = attest(own, time)
    if found is None:
        return None
    bound, items = found.binding, sorted(found.items, key=lambda item: item.kind)
    parts = tuple(
        EvidenceObjects(item.kind, _digest(item.evidence), _digest(item.collateral)) for item in items
    )
    record = Attestation(bound.key, bound.size, bound.root, bound.nonce, bound.tls, found.time, parts)
    return record, tuple(data for item in items for data in (item.evidence, item.collateral))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Attests(Follower):
    """A member that shows evidence where the rules ask for it."""

    def attest(self) -> Iterator[bytes]:
        """The evidence for its present key, once."""
        if not owes_evidence(self.history, self.name) or self._attest is None:
            return
        if (earlier := self.sent(Attestation, self.history.keys[self.name].hex())) is not None:
            yield earlier
            return
        nonce = self.source("attestation", self.history.keys[self.name])(NONCE_BYTES)
        found = evidence_of(self.history, self.name, self._attest, nonce, self._began)
        if found is not None:
            yield self.say(*found)
