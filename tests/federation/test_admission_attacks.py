"""Dishonest verifiers and a dishonest aggregator bring in a hospital: nobody follows, and only they are blamed."""

from __future__ import annotations

import pytest

from proofward.encoding import encode
from proofward.engines.attacks.aggregators import Forger
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records.catalogue import AdmissionVote
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.report.audits.audit_summary import AuditSummary
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import opened
from tests.federation.test_admission import AGGREGATOR, AGREED, NEW, records

pytestmark = pytest.mark.slow


class Impatient(Hospital):
    """Enrols whether or not it was admitted."""

    def duties(self):
        if self.name not in self.history.keys and self.history.size:
            yield from self._enrol()
        yield from super().duties()


class RecordsStranger(Forger):
    """Records what a hospital says that nobody has admitted."""

    def handle(self, message):
        if self.forged is None and opened(message).sender == NEW:
            for data in parse(Packet, message).attachments:
                self.ledger.put_object(data)
            self.record(parse(Packet, message).envelope)
            return []
        return super().handle(message)


class ForgesVote(Forger):
    """Records a vote in the name of a verifier that did not vote."""

    def due(self, expired):
        if self.forged is None and self.history.phase == UPLOAD and self.history.admission_votes:
            at = (*self.history.position(), self.history.size, self.history.root, self.time())
            key = next(key for _, _, key in self.history.admission_votes)
            body = encode(AdmissionVote(NEW, key))
            envelope = Envelope(self.rules.digest, "verifier-1", "verifier", *at, body, b"")
            self.record(seal_envelope(envelope, self.key).data)
            return None
        return super().due(expired)


def audited(directory):
    auditor = Auditor(directory / "ledger", FakeProofs())
    found = list(auditor.run())
    return AuditSummary(found, auditor.history)


@pytest.mark.parametrize(
    ("aggregator", "check"),
    [(RecordsStranger, "sender"), (ForgesVote, "signature")],
    ids=["stranger", "vote"],
)
def test_with_too_few_votes_nobody_follows_and_only_the_aggregator_is_blamed(tmp_path, aggregator, check):
    agreed = plan(**AGREED)
    engine = InProcessFederation(
        tmp_path,
        agreed,
        datasets(agreed),
        seed=b"s",
        proofs=FakeProofs(),
        parties=Parties(aggregator=aggregator),
    )
    kind = Impatient if aggregator is RecordsStranger else Hospital
    stranger = engine.add_hospital(NEW, *records(), kind)
    engine.verifiers["verifier-0"].request_admission(NEW, stranger.key.public.raw)
    result = engine.run()
    honest = set(engine.members) - {NEW}
    assert not result.finished and engine.aggregator.forged is not None
    assert {
        (name, found.check, found.culprit) for name, found in result.halted.items() if name in honest
    } == {(name, check, AGGREGATOR) for name in honest}
    assert all(member.history.admitted == {} for member in engine.members.values())
    summary = audited(tmp_path)
    assert not summary.consistent and {breach.member for breach in summary.breaches} <= {AGGREGATOR}
    assert any(flaw.check == "entry" and flaw.refusal.check == check for flaw in summary.failed)


def test_votes_of_too_few_dishonest_verifiers_are_on_record_and_the_innocent_are_clean(tmp_path):
    agreed = plan(**AGREED)
    engine = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())
    stranger = engine.add_hospital(NEW, *records(), Impatient)
    engine.verifiers["verifier-0"].request_admission(NEW, stranger.key.public.raw)
    result = engine.run()
    assert result.finished and result.halted == {} and result.faults == []
    assert {(refusal.check, refusal.culprit) for _, refusal in result.refusals} == {("sender", "transport")}
    summary = audited(tmp_path)
    assert summary.passed and summary.history is not None and summary.history.admitted == {}
