"""Dishonest dealers of key shares against whole federations with real proofs.

Each is named or its proof is refused, whatever it seals and whenever: no holder is blamed for it, and the
others end the round with exactly the model of federated averaging over their own updates.
"""

from __future__ import annotations

import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.attacks.dealers import SendsOtherObjects
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.basics.refusal import TRANSPORT
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.beacon import first_model
from proofward.federation.parties.auditor import Auditor
from tests.engines.test_real_proofs import averaged
from tests.federation.fakes import datasets, plan

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("remembered")]

ATTACKER = "hospital-1"
OTHERS = ("hospital-0", "hospital-2", "hospital-3")
FIRST, ALL = OTHERS[:1], OTHERS
COMPLAINTS = {
    "wrong-key-share": FIRST,
    "re-blinded-share": FIRST,
    "exchanged-share": FIRST,
    "shifted-share": FIRST,
    "shifted-shares": ALL,
    "exchanged-shares": ALL,
    "shares-of-another-key": ALL,
}
"""By attack, the holders that have a bad share and complain of it."""
AFTER_PROOF = ("re-sealed-shares", "re-blinded-after-proof")


def federate(tmp_path, parties):
    """A whole run with real proofs, which the others end without the dealer."""
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    data = datasets(agreed)
    engine = InProcessFederation(tmp_path, agreed, data, seed=b"s", parties=parties)
    result = engine.run()
    history = engine.aggregator.history
    assert result.finished and result.halted == {}
    (closed,) = history.closed
    assert closed.accepted.record.hospitals == OTHERS and closed.attempt == 0
    assert closed.aggregate.record.wrong_holders == ()
    first = integers_from_bytes(first_model(engine.rules, history.sharing.beacon), 30)
    assert (result.weights == averaged(agreed, data, first, [closed])).all()
    failed = [
        verdict for verdict in Auditor(tmp_path / "ledger", RelationProofs()).run() if not verdict.passed
    ]
    assert [str(verdict) for verdict in failed] == []
    return result, closed


@pytest.mark.parametrize("name", sorted(COMPLAINTS))
def test_a_dealer_whose_proof_binds_bad_shares_is_named(tmp_path, name):
    result, closed = federate(tmp_path, ATTACKS[name].parties(ATTACKER))
    assert ATTACKER in closed.passed
    assert [(fault.culprit, fault.check, fault.detail) for fault in result.faults] == [
        (ATTACKER, "key-share", f"a bad share for {holder}") for holder in COMPLAINTS[name]
    ]
    assert set(closed.complaints) == {(holder, ATTACKER) for holder in COMPLAINTS[name]}


@pytest.mark.parametrize("name", AFTER_PROOF)
def test_what_is_sealed_after_the_proof_is_refused_with_the_proof(tmp_path, name):
    result, closed = federate(tmp_path, ATTACKS[name].parties(ATTACKER))
    assert ATTACKER in closed.uploads and ATTACKER not in closed.passed and closed.complaints == {}
    (fault,) = result.faults
    verdict = closed.verdicts["verifier-0", ATTACKER]
    assert not verdict.accepted
    assert (fault.culprit, fault.check, fault.detail) == (ATTACKER, verdict.check, verdict.detail)


def test_sealed_shares_that_are_not_those_it_names_are_not_recorded(tmp_path):
    """Whoever carries a packet can change what is attached: nobody is blamed, and who sent it is in the words."""
    result, closed = federate(tmp_path, Parties(hospitals={ATTACKER: SendsOtherObjects}))
    assert ATTACKER in closed.present and ATTACKER not in closed.uploads and result.faults == []
    refused = {(party, refusal.check, refusal.culprit) for party, refusal in result.refusals}
    assert ("aggregator", "object-digest", TRANSPORT) in refused
    assert all(
        refusal.expected.endswith(f"from {ATTACKER}")
        for _, refusal in result.refusals
        if refusal.check == "object-digest"
    )
