"""What an audit finds of evidence about members' machines, and of what verifiers said of it.

Evidence is verified again at the recorded time with the recorded collateral, so an audit years later comes
to what the verifiers came to. Whoever wants to know what it would come to today asks for that besides, with
the collateral of today if there is any: it is shown, and speaks against nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from proofward.attestation.claims import Claims, Item
from proofward.attestation.errors import CannotVerify, EvidenceRefused
from proofward.federation.history.proving.attestation_judging import binding_of, items_of, judge
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.attestation import Attestation, AttestationVerdict
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.storage.objects import Objects

CHECK = "attestation"


@dataclass(frozen=True)
class Today:
    """A time in seconds of UTC, and collateral of that time by member and kind."""

    time: int
    collateral: Mapping[tuple[str, str], bytes] = field(default_factory=dict)


class EvidenceAudit:
    """Looks at entries just applied to `history`, in their order."""

    def __init__(self, history: HistoryState, objects: Objects, today: Today | None = None) -> None:
        self.history, self.objects, self.today = history, objects, today
        self._found: dict[bytes, tuple[Claims, ...] | EvidenceRefused] = {}

    def examine(self, envelope: Envelope, place: str) -> Iterator[AuditVerdict]:
        """The verdicts about an entry."""
        record, subject = envelope.record, f"{place}, {envelope.sender}"
        if isinstance(record, Attestation):
            yield from self._evidence(Recorded(envelope, record), subject)
        elif isinstance(record, AttestationVerdict):
            yield self._verdict(envelope.sender, record, subject)

    def _evidence(self, said: Recorded[Attestation], subject: str) -> Iterator[AuditVerdict]:
        sender = said.envelope.sender
        try:
            found = judge(self.history, self.objects, said)
        except EvidenceRefused as error:
            self._found[said.digest] = error
            refused = said.envelope.round, sender
            yield AuditVerdict("attestation", subject, detail=f"refused: {error}", refused_proof=refused)
        except (CannotVerify, Refusal) as reason:  # a missing object is a failure of its own
            yield AuditVerdict("attestation", subject, detail=f"not judged: {describe(str(reason), 400)}")
        else:
            self._found[said.digest] = found
            yield AuditVerdict("attestation", subject, detail=f"holds: {in_words(found)}")
        if self.today is not None:
            yield AuditVerdict("attestation", f"{subject}, today", detail=self._today(said, self.today))

    def _today(self, said: Recorded[Attestation], today: Today) -> str:
        policy = self.history.rules.attestation
        assert policy is not None
        try:
            items = [
                self._fresh(said.envelope.sender, item, today) for item in items_of(self.objects, said.record)
            ]
            bound = binding_of(self.history, said).report_data()
            return f"would hold: {in_words(policy.verify(items, bound, today.time))}"
        except EvidenceRefused as error:
            return f"would not hold: {error}"
        except (CannotVerify, Refusal) as reason:
            return f"not judged: {describe(str(reason), 400)}"

    def _fresh(self, member: str, item: Item, today: Today) -> Item:
        return replace(item, collateral=today.collateral.get((member, item.kind), item.collateral))

    def _verdict(self, verifier: str, record: AttestationVerdict, subject: str) -> AuditVerdict:
        own = self._found.get(record.attestation)
        if own is None:
            return AuditVerdict("attestation-verdict", subject, detail="not judged")
        holds = not isinstance(own, EvidenceRefused)
        if record.accepted == holds:
            return AuditVerdict("attestation-verdict", subject)
        words = {True: "accepted", False: "refused"}
        expected = f"{words[holds]}, {own}" if isinstance(own, EvidenceRefused) else words[holds]
        refusal = Refusal("attestation-verdict", verifier, describe(expected, 400), words[record.accepted])
        return AuditVerdict("attestation-verdict", subject, refusal)


def in_words(found: tuple[Claims, ...]) -> str:
    """Kinds and measurements, on one line."""
    return "; ".join(
        " ".join(filter(None, (
            own.kind,
            own.status,
            *(f"{label} {value.hex()}" for label, value in own.measurements.items()),
        )))
        for own in found
    )  # fmt: skip
