"""Evidence of machines on the ledger: who is barred, who comes out clean, what is judged and what is not.

With the fakes' proofs: evidence and proofs have nothing to do with one another, which is the point.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.attestation.claims import SNP
from proofward.attestation.collect import Prepared
from proofward.attestation.policy import RECORDED
from proofward.engines.attacks.evidence import WAYS, honest
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.progress.waiting import awaited
from proofward.federation.history.steps import attestation as attestation_steps
from proofward.federation.history.steps.attestation import accepted, awaited_evidence, barred, in_words
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records import catalogue as m
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.checking.evidence_audit import Today
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier
from proofward.report.audits.audit_summary import AuditSummary
from tests.attestation.machines import machine, policy
from tests.federation.fakes import FakeProofs, datasets, plan

pytestmark = pytest.mark.slow

CULPRIT, INNOCENT, VERIFIER = "hospital-3", "hospital-0", "verifier-0"
ALL = ("aggregator", "hospital", "verifier")


def federation(folder, rules, attesters=None, parties=None, hospitals=5, **changes):
    """All machines honest AMD ones, but for those given."""
    agreed = replace(plan(hospitals=hospitals, verifiers=2, rounds=1), attestation=rules)
    members = [*agreed.hospitals, *agreed.verifiers, agreed.aggregator]
    usual = dict.fromkeys(members, honest(machine(SNP))) if rules is not None else {}
    return InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties,
        attesters={name: own for name, own in {**usual, **(attesters or {})}.items() if own is not None}, **changes,
    )  # fmt: skip


def audit(folder, today=None) -> AuditSummary:
    auditor = Auditor(folder / "ledger", FakeProofs(), today=today)
    return AuditSummary(list(auditor.run()), auditor.history)


def test_whose_evidence_fails_is_barred_and_the_others_come_out_clean(tmp_path):
    """The other ways of `WAYS` are in `proofward attest demo`."""
    way = WAYS[1]
    engine = federation(tmp_path, policy(roles=ALL), {CULPRIT: way.make(machine(SNP), INNOCENT)})
    result = engine.run()
    history, summary = engine.aggregator.history, audit(tmp_path)
    assert result.finished and result.refusals == [] and result.halted == {}
    assert sorted(history.enrolled) == [name for name in history.rules.hospitals if name != CULPRIT]
    assert [(fault.culprit, fault.check, fault.by) for fault in result.faults] == [
        (CULPRIT, way.check, ("verifier-0", "verifier-1"))
    ]
    assert barred(history) == {CULPRIT: f"{way.check}: {result.faults[0].detail}"}
    assert summary.consistent and [entry.member for entry in summary.breaches] == [CULPRIT]
    assert "evidence" in summary.breaches[0].what and "this audit" in summary.breaches[0].found_by
    assert f"refused: {way.check}" in in_words(history, CULPRIT) and "accepted" in in_words(history, INNOCENT)
    assert CULPRIT not in history.enrolments, "it has not even tried"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A federation that only records: one hospital shows nothing, another bad evidence."""
    folder = tmp_path_factory.mktemp("recorded")
    shown = {CULPRIT: WAYS[1].make(machine(SNP), INNOCENT), "hospital-4": None}
    engine = federation(folder, policy(RECORDED), shown)
    return folder, engine, engine.run()


def test_where_evidence_is_recorded_it_bars_nobody(recorded):
    folder, engine, result = recorded
    history = engine.aggregator.history
    assert result.finished and sorted(history.enrolled) == list(history.rules.hospitals)
    assert [fault.culprit for fault in result.faults] == [CULPRIT] and barred(history) == {}
    assert not accepted(history, CULPRIT) and accepted(history, INNOCENT)
    assert in_words(history, "hospital-4") == "no evidence of its machine"
    assert audit(folder).consistent


def test_an_audit_of_today_is_shown_and_accuses_nobody(recorded):
    folder, _, _ = recorded
    stale = {(INNOCENT, SNP): machine(SNP).holder.text[:-5]}
    summary = audit(folder, Today(946_684_800 + 86400, stale))
    lines = {entry.subject: entry for entry in summary.verdicts if entry.subject.endswith(", today")}
    assert len(lines) == 7 and summary.consistent
    found = next(entry for subject, entry in lines.items() if f", {INNOCENT}," in subject)
    assert found.passed and found.detail.startswith("would not hold: evidence-collateral")
    assert sum(entry.detail.startswith("would hold") for entry in lines.values()) == 5


def test_tee_adds_no_trust(tmp_path):
    """Evidence that verifies under a root that the rules name changes no verdict on a proof."""

    class Forger(FakeProofs):
        """One hospital's proofs do not hold."""

        def verify_round(self, statement, sealed_shares, ciphertext, proof):
            bad = statement.hospital == CULPRIT
            return super().verify_round(statement, sealed_shares, ciphertext, proof[:-1] if bad else proof)

    found = []
    for name, rules in (("with", policy(roles=ALL)), ("without", None)):
        engine = federation(tmp_path / name, rules)
        for member in engine.verifiers.values():
            member.proofs = Forger()
        result, (state,) = engine.run(), engine.aggregator.history.closed
        assert result.finished
        said = {about: (verdict.accepted, verdict.check) for (_, about), verdict in state.verdicts.items()}
        rows = {hospital: upload.record.rows for hospital, upload in state.uploads.items()}
        found.append((said, state.accepted.record.hospitals, rows))
        if rules is not None:
            assert accepted(engine.aggregator.history, CULPRIT)
    assert found[0] == found[1]
    assert found[0][0][CULPRIT][0] is False and CULPRIT not in found[0][1] and INNOCENT in found[0][1]


def test_the_enrolment_waits_for_verifiers_and_goes_on_without_a_revoked_one(tmp_path):
    agreed = policy(roles=("verifier",))
    engine = federation(tmp_path, agreed, {"verifier-1": None})
    history = engine.aggregator.history
    engine.run(lambda: accepted(history, "verifier-0") and len(history.enrolment_verdicts) == 10)
    assert awaited(history) == "verifier-1 (evidence of its machine)"
    assert awaited_evidence(history) == ("verifier-1",) and engine.aggregator.due(expired=False) is None
    assert attestation_steps.lacking(history, "verifier-1", "verifier") == "none"
    early = m.EnrolmentClosed(tuple(history.acceptable_enrolments()))
    with pytest.raises(Refusal) as caught:
        history.judge(engine.aggregator.envelope(early, *history.position()).data)
    assert (caught.value.check, caught.value.culprit) == ("attestation", "verifier-1")
    engine.verifiers["verifier-1"].request_revocation("verifier-1", "no such machine")
    engine.run(lambda: "verifier-1" in history.revoked)
    assert awaited_evidence(history) == ()
    engine.close()
    late = federation(tmp_path / "late", agreed, {"verifier-1": None}).run()
    assert (late.finished, late.stopped, late.waits_for) == (False, None, ("verifier-1",))


def test_too_few_hospitals_with_good_evidence_are_named_with_the_reason(tmp_path):
    way = WAYS[1]
    shown = dict.fromkeys(("hospital-3", "hospital-4"), way.make(machine(SNP), INNOCENT))
    reason = federation(tmp_path, policy(roles=("hospital",)), shown).run().stopped
    assert (reason.check, reason.culprit) == ("enrolled-set", "hospital-3")
    for name in shown:
        assert f"{name}: its evidence was refused ({way.check}: " in reason.actual
    assert f"{INNOCENT}: " not in reason.actual


def test_an_aggregator_whose_evidence_is_refused_can_never_begin(tmp_path):
    """It cannot change its key, and evidence is shown once for a key: nobody waits for what cannot come."""
    shown = {"aggregator": WAYS[1].make(machine(SNP), INNOCENT), CULPRIT: WAYS[1].make(machine(SNP), INNOCENT)}
    engine = federation(tmp_path, policy(roles=("aggregator", "hospital")), shown)
    reason, history = engine.run().stopped, engine.aggregator.history
    assert (reason.check, reason.culprit) == ("attestation", "aggregator")
    assert reason.actual == attestation_steps.hindrance(history, "aggregator")
    assert attestation_steps.hindrance(history, CULPRIT).startswith(WAYS[1].check)
    assert attestation_steps.hindrance(history, INNOCENT) == ""


class Pressing(Hospital):
    """Enrols whatever is said of its evidence."""

    def duties(self):
        yield from self._enrol()
        yield from super().duties()


def test_who_enrols_without_accepted_evidence_is_refused_and_named(tmp_path):
    parties = Parties(hospitals={CULPRIT: Pressing})
    engine = federation(tmp_path, policy(kinds=(SNP,)), {CULPRIT: WAYS[2].make(machine(SNP), INNOCENT)}, parties)
    history = engine.aggregator.history
    engine.run(lambda: bool(history.refusals) and INNOCENT in history.enrolments)
    assert {(refusal.check, refusal.culprit) for refusal in history.refusals} == {("attestation", CULPRIT)}
    assert CULPRIT not in history.enrolments and history.refusals[0].expected.startswith("evidence that enough")
    engine.close()


def test_what_an_aggregators_operator_prepared_wrongly_stops_no_federation(tmp_path):
    def strange(binding, time):
        return Prepared(replace(binding, size=10**6), time, (machine(SNP).item(bytes(64)),))

    engine = federation(tmp_path, policy(RECORDED, (SNP,)), {"aggregator": strange}, hospitals=4)
    history = engine.aggregator.history
    engine.run(lambda: INNOCENT in history.enrolments)
    assert "aggregator" not in {name for name, _ in history.attestations}
    assert ("aggregator", "ledger-view") in {(party, refusal.check) for party, refusal in engine.refusals}
    engine.close()


class Accepting(Verifier):
    """Signs that evidence holds which it has refused."""

    def evidence_verdict(self, member, said):
        return replace(super().evidence_verdict(member, said), accepted=True, check="", detail="")


def test_a_verifier_that_lies_about_evidence_is_found_by_the_audit(tmp_path):
    shown = {CULPRIT: WAYS[2].make(machine(SNP), INNOCENT)}
    engine = federation(tmp_path, policy(), shown, Parties(verifiers={"verifier-1": Accepting}))
    assert engine.run().finished
    summary = audit(tmp_path)
    failed = [(entry.check, entry.refusal.culprit) for entry in summary.failed]
    assert failed == [("attestation-verdict", "verifier-1")] and summary.consistent
    assert {entry.member for entry in summary.breaches} == {"verifier-1", CULPRIT}


def test_evidence_for_another_key_of_the_member_does_not_count(tmp_path):
    engine = federation(tmp_path, policy(kinds=(SNP,)), hospitals=4)
    history = engine.aggregator.history
    engine.run(lambda: accepted(history, INNOCENT))
    history.keys[INNOCENT] = b"k" * 32
    assert attestation_steps.lacking(history, INNOCENT, "hospital") == "none"
    engine.close()


def test_a_member_shows_what_it_was_given_before(tmp_path):
    """Evidence that was prepared for an earlier ledger is shown with what it is bound to."""
    kept = []

    def prepared(binding, time):
        if not kept:
            kept.append(Prepared(binding, time, (machine(SNP).item(binding.report_data()),)))
            return None
        return kept[0]

    engine = federation(tmp_path, policy(kinds=(SNP,)), {INNOCENT: prepared}, hospitals=4)
    history = engine.aggregator.history
    engine.run(lambda: INNOCENT in history.enrolments)
    said = history.attestations[INNOCENT, history.keys[INNOCENT]]
    assert said.record.nonce == kept[0].binding.nonce and said.record.size < said.envelope.seen_size
    engine.close()
