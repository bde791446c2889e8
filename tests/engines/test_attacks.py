"""Every attack of the catalogue is noticed under its own name and blamed on its author.

The federation survives it where that is possible. Forged proofs are in `test_forger.py` and
`test_real_proofs.py`, those of private rounds and of counts in `tests/federation`: there is nothing to forge about
a hash. Dealers of bad key shares meet the real binding in `test_dealers.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.federation.messages.records.catalogue import Abandonment, Lock
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.demonstrations.attack_outcome import EXPECTED, judge
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.test_rounds import Dying

pytestmark = pytest.mark.slow

ATTACKER = "hospital-1"
AGGREGATOR = "aggregator"
LIAR = "verifier-1"
STAY_IN = {"wrong-share-sum", "committee-member-lying", "equivocation", "double-consent", "wrong-beacon-share"}
"""Attacks of a hospital whose update is in the sum all the same."""
HOSPITAL_CHECKS = {
    "wrong-row-count": "transcript",
    "replayed-proof": "replayed-proof",
    "copied-proof": "transcript",
    "swapped-ciphertext": "transcript",
    "wrong-beacon-share": "beacon-shares",
    "wrong-key-share": "key-share",
    "re-blinded-share": "key-share",
    "exchanged-share": "key-share",
    "shifted-share": "key-share",
    "shifted-shares": "key-share",
    "exchanged-shares": "key-share",
    "shares-of-another-key": "key-share",
    "re-sealed-shares": "transcript",
    "re-blinded-after-proof": "transcript",
    "false-complaint": "complaint",
    "double-consent": "equivocation",
    "wrong-share-sum": "share-sum",
    "equivocation": "equivocation",
    "spent-budget": "privacy-budget",
    "quote-of-another-member": "evidence-binding",
    "committee-member-lying": "share-sum",
}
SILENT = {"committee-member-silent"}
FORGERIES = {
    "flipped-labels", "skipped-training", "scaled-update", "chosen-batches", "skipped-noise", "noise-drawn-again",
    "unclipped-records", "scaled-beyond-bound", "forgotten-error", "another-part-counted",
    "another-level", "skipped-count-noise", "count-noise-drawn-again",
}  # fmt: skip
AGGREGATOR_CHECKS = {
    "dropped-update": ("accepted-set", "accepted-set"),
    "altered-update": ("aggregate-ciphertext-sum", "aggregate-ciphertext-sum"),
    "added-update": ("accepted-set", "accepted-set"),
    "another-model": ("aggregate-model", "aggregate-model"),
    "another-first-model": ("first-model", "first-model"),
    "early-end": ("end-votes", "end-votes"),
    "ledger-rewritten": ("ledger-consistency", "ledger-view"),
    "ledger-truncated": ("ledger-truncated", "complete"),
    "shares-deleted-early": ("object-missing", "object-missing"),
}
UNSEEN = {"heads-withheld": "heads-withheld", "head-forged": "head-signatures"}
"""Attacks on hospitals that follow heads, of which the ledger shows nothing."""
VERIFIER_ATTACKS = {"wrong-verdict": "verdict", "wrong-refusal": "verdict", "false-fingerprint": "fingerprint"}


def federation(tmp_path, parties, rounds=1, network=None, agreed=None):
    agreed = agreed or plan(rounds=rounds)
    return InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties, network=network
    )


def run(tmp_path, name):
    """The result, the outcome as it is told, and what an audit comes to."""
    attack = ATTACKS[name]
    rounds, hospitals = attack.rounds, attack.hospitals or 5
    agreed = attack.rules(plan(rounds=rounds, hospitals=hospitals), 8 + hospitals)
    engine = federation(tmp_path, attack.parties(ATTACKER), agreed=agreed)
    result = engine.run()
    auditor = Auditor(tmp_path / "ledger", FakeProofs())
    audited = AuditSummary(list(auditor.run()), auditor.history)
    culprit = attack.culprit(ATTACKER, LIAR, AGGREGATOR)
    outcome = judge(attack, culprit, result, engine.aggregator.history, audited.failed)
    assert outcome.refused and (outcome.check, outcome.culprit) == (EXPECTED[name][0], culprit), outcome
    assert outcome.goes_on == attack.goes_on and outcome.rounds == (rounds if attack.goes_on else outcome.rounds)
    assert audited.passed is (name in SILENT | UNSEEN.keys())
    return result, outcome, audited


def flaws(tmp_path):
    verdicts = Auditor(tmp_path / "ledger", FakeProofs()).run()
    return [str(verdict) for verdict in verdicts if not verdict.passed]


def test_catalogue_is_covered():
    others = FORGERIES | SILENT | UNSEEN.keys()
    assert set(ATTACKS) == others | set(HOSPITAL_CHECKS) | set(AGGREGATOR_CHECKS) | set(VERIFIER_ATTACKS)


@pytest.mark.parametrize("name", sorted(HOSPITAL_CHECKS))
def test_hospital_is_named_and_the_rounds_go_on(tmp_path, name):
    result, outcome, audited = run(tmp_path, name)
    assert result.finished and result.halted == {}
    assert {(fault.culprit, fault.check) for fault in result.faults} == {(ATTACKER, HOSPITAL_CHECKS[name])}
    assert outcome.audit == () and (ATTACKER in outcome.accepted) == (name in STAY_IN)
    assert audited.failed == [] and audited.consistent and audited.rules_kept is False
    assert {breach.member for breach in audited.breaches} == {ATTACKER}


@pytest.mark.parametrize("name", sorted(SILENT))
def test_silence_is_named_and_is_no_fault(tmp_path, name):
    result, outcome, audited = run(tmp_path, name)
    assert result.finished and result.halted == {} and result.faults == []
    assert audited.failed == [] and audited.breaches == () and ATTACKER in outcome.accepted


@pytest.mark.parametrize("name", sorted(AGGREGATOR_CHECKS))
def test_aggregator_is_named_by_members_and_by_the_audit(tmp_path, name):
    result, outcome, audited = run(tmp_path, name)
    noticed, failing = AGGREGATOR_CHECKS[name]
    assert not result.finished
    found = {(refusal.check, refusal.culprit) for _, refusal in result.refusals}
    found |= {(refusal.check, refusal.culprit) for refusal in result.halted.values()}
    assert (noticed, AGGREGATOR) in found
    failed = [verdict.refusal for verdict in audited.failed]
    assert (failing, AGGREGATOR) in {(refusal.check, refusal.culprit) for refusal in failed}
    assert failing == EXPECTED[name][1] and failing in outcome.audit
    assert {breach.member for breach in audited.breaches} <= {AGGREGATOR}


@pytest.mark.parametrize("name", sorted(UNSEEN))
def test_hospitals_that_follow_heads_say_what_is_done_to_them(tmp_path, name):
    result, outcome, audited = run(tmp_path, name)
    assert result.finished and result.faults == [] and audited.failed == [] and audited.breaches == ()
    said = [*result.halted.items(), *result.refusals]
    victims = set(ATTACKS[name].beside) - set(outcome.accepted)
    assert {(party, refusal.check, refusal.culprit) for party, refusal in said} == {
        (victim, UNSEEN[name], AGGREGATOR) for victim in victims
    }
    assert len(victims) == 2 and set(result.halted) == (victims if name == "head-forged" else set())


@pytest.mark.parametrize("name", sorted(VERIFIER_ATTACKS))
def test_a_lying_verifier_is_outvoted_and_named_by_the_audit(tmp_path, name):
    result, outcome, audited = run(tmp_path, name)
    assert result.finished and result.refusals == [] and result.halted == {}
    helper = ATTACKS[name].hospital is not None
    at_once = {LIAR} if name == "false-fingerprint" else set()
    assert {fault.culprit for fault in result.faults} == ({ATTACKER} if helper else at_once)
    failed = [verdict.refusal for verdict in audited.failed]
    assert [(refusal.check, refusal.culprit) for refusal in failed] == [(VERIFIER_ATTACKS[name], LIAR)]
    assert outcome.audit == (VERIFIER_ATTACKS[name],) and (ATTACKER in outcome.accepted) == (not helper)
    assert "hospital-0" in outcome.accepted
    assert audited.consistent and audited.rules_kept is False
    assert {breach.member for breach in audited.breaches} >= {LIAR}


STAY = {"false-complaint": False, "equivocation": True, "double-consent": True, "wrong-beacon-share": True}
"""By attack that leaves the update as it is: whether the culprit's update is still in the sum."""


@pytest.mark.parametrize("name", sorted(STAY))
def test_all_others_stay_in_the_sum(tmp_path, name):
    engine = federation(tmp_path, ATTACKS[name].parties(ATTACKER))
    result = engine.run()
    (closed,) = engine.aggregator.history.closed
    out = set() if STAY[name] else {ATTACKER}
    assert result.finished
    assert set(closed.accepted.record.hospitals) == set(engine.rules.hospitals) - out
    assert closed.attempt == len(engine.aggregator.history.earlier) == (0 if STAY[name] else 1)


class _DealsAltered(Hospital):
    """Gives some holders shares of its nonce for the beacon that do not open."""

    victims: ClassVar[tuple[int, ...]]

    def make_deal(self):
        """Everything else as it was."""
        made = super().make_deal()
        shares = {
            place: replace(share, salt=bytes(32)) if place in self.victims else share
            for place, share in made.shares.items()
        }
        return replace(made, shares=shares)


class _DealsOneAltered(_DealsAltered):
    victims = (0,)


class _DealsTwoAltered(_DealsAltered):
    victims = (0, 2)


@pytest.mark.parametrize(("dealer", "counts"), [(_DealsOneAltered, True), (_DealsTwoAltered, False)])
def test_a_dealer_of_bad_beacon_shares_stops_and_steers_nothing(tmp_path, dealer, counts):
    """With one bad share its nonce counts as it was dealt; with two it does not count, and nobody waits."""
    honest = federation(tmp_path / "honest", Parties())
    engine = federation(tmp_path / "run", Parties(hospitals={ATTACKER: dealer}))
    assert honest.run().finished
    result = engine.run()
    assert result.finished and result.faults == [] and result.refusals == []
    sharing, usual = engine.aggregator.history.sharing, honest.aggregator.history.sharing
    assert set(usual.counted) - set(sharing.counted) == (set() if counts else {ATTACKER})
    assert (sharing.beacon == usual.beacon) == counts
    assert engine.aggregator.history.closed[0].accepted.record.hospitals == engine.rules.hospitals
    assert flaws(tmp_path / "run") == []


class _LocksAndAbandons(Hospital):
    """Answers an accepted set with a lock and with an abandonment, whatever the phase."""

    def _both(self):
        accepted = self.history.round.accepted
        assert accepted is not None
        if self.name not in self.history.round.locks:
            yield self.say(Lock(accepted.digest))
        if self.name not in self.history.round.abandonments:
            yield self.say(Abandonment(accepted.digest))

    def lock(self):
        """Both."""
        yield from self._both()

    def abandon(self):
        """Both."""
        yield from self._both()


@pytest.mark.parametrize("withdrawn", [False, True])
def test_one_ledger_takes_a_lock_or_an_abandonment_of_a_set_and_never_both(tmp_path, withdrawn):
    """What comes in the wrong phase may only be late, so it is refused and nobody is blamed for it."""
    network = Dying(("hospital-2",), "consent") if withdrawn else FaithfulNetwork()
    engine = federation(tmp_path, Parties(hospitals={ATTACKER: _LocksAndAbandons}), network=network)
    result = engine.run()
    history = engine.aggregator.history
    assert result.finished and result.faults == [] and flaws(tmp_path) == []
    assert ("phase", ATTACKER) in {(refusal.check, refusal.culprit) for _, refusal in engine.refusals}
    first = (*history.earlier, *history.closed)[0]
    assert (ATTACKER in first.locks, ATTACKER in first.abandonments) == (not withdrawn, withdrawn)
    assert (first.share_sums == {}) == withdrawn and len(history.earlier) == withdrawn
    gone = {"hospital-2"} if withdrawn else set()
    assert set(history.closed[0].accepted.record.hospitals) == set(engine.rules.hospitals) - gone
