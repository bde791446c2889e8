"""Messages with evidence of machines, one by one: what is refused, and how old evidence may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.attestation.claims import SNP, TDX
from proofward.attestation.errors import EvidenceRefused
from proofward.attestation.policy import RECORDED, REQUIRED
from proofward.federation.history.proving.attestation_judging import judge
from proofward.federation.history.state.history_state import ENROLMENT
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.records import catalogue as m
from proofward.federation.messages.records.attestation import EvidenceObjects
from proofward.federation.storage.objects import Objects
from tests.attestation.machines import policy
from tests.federation.fakes import plan
from tests.federation.harness import Stopped

pytestmark = pytest.mark.slow

CULPRIT, INNOCENT, VERIFIER = "hospital-3", "hospital-0", "verifier-0"


@pytest.fixture(scope="module")
def enrolling(tmp_path_factory):
    """A federation in its enrolment, with rules that record evidence and no evidence shown."""
    agreed = replace(
        plan(hospitals=4, verifiers=1, rounds=1, threshold=1), attestation=policy(RECORDED, (SNP, TDX))
    )
    stopped = Stopped(tmp_path_factory.mktemp("enrolling"), ENROLMENT, 0, agreed=agreed)
    yield stopped
    stopped.engine.close()


def shown(stopped, member=INNOCENT, **changes) -> m.Attestation:
    """Evidence as a member would show it, with changes."""
    history = stopped.history
    part = EvidenceObjects(SNP, bytes(32), bytes(32))
    record = m.Attestation(
        history.keys[member], history.size, history.root, bytes(32), b"", 946_684_800, (part,)
    )
    return replace(record, **changes)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"key": bytes(32)}, "key"),
        ({"size": 0}, "ledger-view"),
        ({"size": 99}, "ledger-view"),
        ({"root": bytes(32)}, "ledger-view"),
        ({"tls": b"short"}, "attestation"),
        ({"parts": (EvidenceObjects("nvidia-gpu", bytes(32), bytes(32)),)}, "attestation"),
        ({"parts": (EvidenceObjects("sgx", bytes(32), bytes(32)),)}, "attestation"),
        ({"parts": (EvidenceObjects(SNP, bytes(32), bytes(32)),) * 2}, "attestation"),
        ({"parts": tuple(EvidenceObjects(kind, bytes(32), bytes(32)) for kind in (SNP, TDX))}, "attestation"),
    ],
    ids=str,
)
def test_messages_with_evidence_are_refused_by_name(enrolling, changes, check):
    said = enrolling.spoken(INNOCENT, shown(enrolling, **changes))
    assert enrolling.check(said) == (check, INNOCENT)


def test_one_piece_of_evidence_for_a_key_and_one_verdict_on_it(enrolling):
    history = enrolling.history
    envelope = history.apply(enrolling.spoken(INNOCENT, shown(enrolling)))
    again = enrolling.spoken(INNOCENT, shown(enrolling, nonce=b"n" * 32))
    assert enrolling.check(again) == ("equivocation", INNOCENT)
    verdict = m.AttestationVerdict(INNOCENT, envelope.digest, True, "", "")
    for changes, check in (({"member": CULPRIT}, "hospital"), ({"attestation": bytes(32)}, "subject"),
                           ({"check": "evidence-age"}, "verdict"), ({"accepted": False}, "verdict")):  # fmt: skip
        assert enrolling.check(enrolling.spoken(VERIFIER, replace(verdict, **changes))) == (check, VERIFIER)
    assert enrolling.check(enrolling.spoken(INNOCENT, verdict)) == ("role", INNOCENT)
    history.apply(enrolling.spoken(VERIFIER, verdict))
    refused = replace(verdict, accepted=False, check="evidence-age")
    assert enrolling.check(enrolling.spoken(VERIFIER, refused)) == ("equivocation", VERIFIER)


def test_evidence_that_names_an_old_ledger_or_another_time_is_refused(enrolling):
    history, objects = enrolling.history, Objects(lambda digest: b"", "nobody")
    said = next(iter(history.attestations.values()))
    late = replace(said.envelope, time=said.envelope.time + 8 * 86400)
    for changed in (replace(said, envelope=late), replace(said, record=replace(said.record, time=0))):
        with pytest.raises(EvidenceRefused) as caught:
            judge(history, objects, changed)
        assert caught.value.check == "evidence-age"


def test_old_evidence_in_a_message_that_was_kept_back_is_refused(enrolling):
    """Its sender dates the message, and names the ledger that it had seen: both may be as old as it likes."""
    history, objects, member = enrolling.history, Objects(lambda digest: b"", "nobody"), "hospital-2"
    old = {"seen_size": 1, "seen_root": history.roots[1], "time": history.clocks[1]}
    record = shown(enrolling, member, size=1, root=history.roots[1])
    history.clocks[-1] += 8 * 86400
    try:
        envelope = history.apply(enrolling.spoken(member, record, **old))
        with pytest.raises(EvidenceRefused) as caught:
            judge(history, objects, history.attestations[member, record.key])
    finally:
        history.clocks[-2] = history.clocks[-1] = history.clocks[1]
    assert envelope.time == history.clocks[1]
    assert (caught.value.check, caught.value.actual) == ("evidence-age", f"{8 * 86400} seconds")


def test_rules_without_it_take_no_evidence_and_have_the_bytes_that_they_had(tmp_path):
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    stopped = Stopped(tmp_path, ENROLMENT, 0, agreed=agreed)
    assert stopped.check(stopped.spoken(INNOCENT, shown(stopped))) == ("attestation", INNOCENT)
    rules = stopped.engine.rules
    assert b"attestation" not in rules.data
    asked = replace(rules, attestation=policy(REQUIRED))
    assert Rules.from_bytes(asked.data) == asked and asked.digest != rules.digest
    stopped.engine.close()
