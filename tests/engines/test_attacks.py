"""Every attack of the catalogue is noticed under its own name and blamed on its author.

The federation survives it where that is possible. Forged proofs are in `test_forger.py` and
`test_real_proofs.py`: there is nothing to forge about a hash.
"""

from __future__ import annotations

import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.in_process import InProcessFederation
from proofward.federation.parties.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets, plan

ATTACKER = "hospital-1"
AGGREGATOR = "aggregator"
HOSPITAL_CHECKS = {
    "wrong-row-count": "transcript",
    "replayed-proof": "replayed-proof",
    "copied-proof": "transcript",
    "swapped-ciphertext": "transcript",
    "wrong-key-share": "key-share",
    "false-complaint": "complaint",
    "wrong-share-sum": "share-sum",
    "equivocation": "equivocation",
}
FORGERIES = {"flipped-labels", "skipped-training", "scaled-update", "chosen-batches"}
AGGREGATOR_CHECKS = {
    "dropped-update": ("accepted-set", "accepted-set"),
    "altered-update": ("aggregate-ciphertext-sum", "aggregate-ciphertext-sum"),
    "added-update": ("accepted-set", "accepted-set"),
    "another-model": ("aggregate-model", "aggregate-model"),
    "another-first-model": ("first-model", "first-model"),
    "ledger-rewritten": ("ledger-consistency", "ledger-view"),
    "ledger-truncated": ("ledger-truncated", "complete"),
}
VERIFIER_ATTACKS = {"wrong-verdict", "wrong-refusal"}


def run(tmp_path, name):
    agreed = plan(rounds=2 if name == "replayed-proof" else 1)
    parties = ATTACKS[name].parties(ATTACKER)
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties
    )
    return engine.run()


def test_catalogue_is_covered():
    assert set(ATTACKS) == FORGERIES | set(HOSPITAL_CHECKS) | set(AGGREGATOR_CHECKS) | VERIFIER_ATTACKS


@pytest.mark.parametrize("name", sorted(HOSPITAL_CHECKS))
def test_hospital_is_named_and_the_rounds_go_on(tmp_path, name):
    result = run(tmp_path, name)
    assert result.finished and result.halted == {}
    assert {(fault.culprit, fault.check) for fault in result.faults} == {(ATTACKER, HOSPITAL_CHECKS[name])}
    failed = [
        str(verdict) for verdict in Auditor(tmp_path / "ledger", FakeProofs()).run() if not verdict.passed
    ]
    assert failed == []


@pytest.mark.parametrize("name", sorted(AGGREGATOR_CHECKS))
def test_aggregator_is_named_by_members_and_by_the_audit(tmp_path, name):
    result = run(tmp_path, name)
    noticed, audited = AGGREGATOR_CHECKS[name]
    assert not result.finished
    found = {(refusal.check, refusal.culprit) for _, refusal in result.refusals}
    found |= {(refusal.check, refusal.culprit) for refusal in result.halted.values()}
    assert (noticed, AGGREGATOR) in found
    failed = [
        verdict.refusal for verdict in Auditor(tmp_path / "ledger", FakeProofs()).run() if not verdict.passed
    ]
    assert (audited, AGGREGATOR) in {(refusal.check, refusal.culprit) for refusal in failed}


@pytest.mark.parametrize("name", sorted(VERIFIER_ATTACKS))
def test_a_lying_verifier_is_outvoted_and_named_by_the_audit_alone(tmp_path, name):
    result = run(tmp_path, name)
    assert result.finished and result.refusals == [] and result.halted == {}
    helper = ATTACKS[name].hospital is not None
    assert {fault.culprit for fault in result.faults} == ({ATTACKER} if helper else set())
    failed = [verdict for verdict in Auditor(tmp_path / "ledger", FakeProofs()).run() if not verdict.passed]
    assert [(verdict.refusal.check, verdict.refusal.culprit) for verdict in failed] == [
        ("verdict", "verifier-1")
    ]
