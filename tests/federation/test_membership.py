"""Members leave and are voted out through the ledger: the rounds go on without them, or stop with the reason."""

from __future__ import annotations

import pytest

from proofward.encoding import encode
from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.history import MAX_REFUSALS, History
from proofward.federation.history.state.history_state import (
    BEACON_PHASES,
    CONFIRM,
    CONSENT,
    DEAL,
    ENROLMENT,
    KEYS,
    LOCK,
    REVEAL,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
    VOUCH,
)
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records import catalogue as m
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened
from tests.sampling import sampled

pytestmark = pytest.mark.slow

HOSPITAL, OTHER, VERIFIER, AGGREGATOR = "hospital-4", "hospital-0", "verifier-0", "aggregator"
LAST = {
    ENROLMENT: ("verifier", "enrolment-verdict"),
    DEAL: ("hospital-3", "beacon-deal"),
    VOUCH: ("hospital-3", "beacon-vouch"),
    REVEAL: ("hospital", "beacon-shares"),
    KEYS: ("hospital-3", "holder-keys"),
    UPLOAD: ("hospital", "upload"),
    VERIFY: ("verifier", "verdict"),
    SHARES: ("hospital-3", "shares-checked"),
    CONSENT: ("hospital-3", "consent"),
    LOCK: ("", ""),
    UNMASK: ("hospital-3", "share-sum"),
    CONFIRM: ("hospital", "confirmation"),
}
LATER = [*BEACON_PHASES, KEYS, UPLOAD, VERIFY, SHARES, CONSENT, LOCK, UNMASK, CONFIRM]


def vote(member, reason="its proofs come late"):
    return m.RevocationVote(member, reason)


def stop(directory, phase=UPLOAD, number=1, member="", topic=""):
    """Stops a federation of two rounds when what ends the phase is missing; keeps the times called.

    It has five hospitals, and three verifiers of whom two decide. What is missing comes later unless a member
    and a topic are given.
    """
    number = 0 if phase in (ENROLMENT, *BEACON_PHASES) else number
    stopped = Stopped(directory, phase, number, *((member, topic) if topic else LAST[phase]), plan())
    stopped.network.topic = topic
    stopped.times = []
    advance = stopped.aggregator.advance

    def counted(expired=False):
        stopped.times += [stopped.history.phase] if expired else []
        advance(expired)

    stopped.aggregator.advance = counted
    return stopped


def flaws(directory):
    return [str(found) for found in Auditor(directory / "ledger", FakeProofs()).run() if not found.passed]


@pytest.fixture
def stopped(tmp_path):
    federation = stop(tmp_path, UPLOAD, 1, HOSPITAL, "upload")
    yield federation
    federation.engine.close()


def test_a_quorum_of_verifiers_revokes_and_nobody_waits(tmp_path):
    stopped = stop(tmp_path, UPLOAD, 1, HOSPITAL, "upload")
    verifiers = stopped.engine.verifiers
    verifiers[VERIFIER].request_revocation(HOSPITAL, "its proofs come late")
    stopped.engine.run(lambda: (VERIFIER, HOSPITAL) in stopped.history.revocation_votes)
    assert stopped.history.revoked == {} and stopped.history.phase == UPLOAD
    verifiers["verifier-2"].request_revocation(HOSPITAL, "agreed")
    result = stopped.engine.run()
    assert result.finished and stopped.times == [] and flaws(tmp_path) == []
    assert set(stopped.history.revoked) == {HOSPITAL} and result.halted == {}
    first, second = stopped.history.closed
    assert HOSPITAL in first.participants and HOSPITAL not in first.accepted.record.hospitals
    assert HOSPITAL not in second.participants and len(second.accepted.record.hospitals) == 4
    found = [(fault.round, fault.culprit, fault.check, fault.detail) for fault in result.faults]
    assert found == [(1, HOSPITAL, "revoked", "verifier-0: its proofs come late; verifier-2: agreed")]


def test_a_third_vote_is_no_fault_and_changes_nothing(stopped):
    for index in range(3):
        stopped.history.apply(stopped.spoken(f"verifier-{index}", vote(HOSPITAL)))
    assert stopped.history.revoked == {HOSPITAL: stopped.history.size - 2}


@pytest.mark.parametrize("phase", sampled(LATER, [DEAL, UPLOAD, CONSENT, UNMASK]))
def test_a_hospital_leaves_in_any_phase(tmp_path, phase):
    stopped = stop(tmp_path, phase)
    leaver = "hospital-3"
    stopped.engine.hospitals[leaver].request_revocation(leaver, "merger")
    result = stopped.engine.run()
    assert result.finished and stopped.times == [] and flaws(tmp_path) == []
    first, second = stopped.history.closed
    assert leaver not in second.participants
    consented = phase in LATER[LATER.index(LOCK) :]
    assert (leaver in first.accepted.record.hospitals) == consented
    assert (leaver in first.uploads) == (phase in LATER[LATER.index(VERIFY) :] and phase != CONSENT)
    assert first.attempt == (1 if phase == CONSENT else 0)


@pytest.mark.parametrize(
    "phase", sampled([ENROLMENT, DEAL, VERIFY, SHARES, CONSENT, LOCK, CONFIRM], [ENROLMENT, VERIFY, LOCK])
)
def test_a_verifier_leaves_in_any_phase_and_its_verdicts_stay(tmp_path, phase):
    stopped = stop(tmp_path, phase)
    stopped.engine.verifiers[VERIFIER].request_revocation(VERIFIER, "no more machines")
    before = dict(stopped.history.round.verdicts) if stopped.history.current else {}
    result = stopped.engine.run()
    assert result.finished and stopped.times == [] and flaws(tmp_path) == []
    first, second = stopped.history.closed
    assert set(before) <= set(first.verdicts)
    assert {name for name, _ in second.verdicts} == {"verifier-1", "verifier-2"}


def test_who_leaves_before_the_enrolment_closes_is_not_enrolled(tmp_path):
    stopped = stop(tmp_path, ENROLMENT)
    stopped.engine.run(lambda: len(stopped.history.enrolments) == 5)
    stopped.engine.hospitals[HOSPITAL].request_revocation(HOSPITAL, "merger")
    result = stopped.engine.run()
    assert result.finished and stopped.times == [] and flaws(tmp_path) == []
    assert HOSPITAL not in stopped.history.enrolled and len(stopped.history.enrolled) == 4


def test_who_is_revoked_before_the_keys_close_is_not_waited_for(tmp_path):
    stopped = stop(tmp_path, KEYS, 1, OTHER, "holder-keys")
    stopped.engine.run(lambda: HOSPITAL in stopped.history.round.holder_keys)
    stopped.history.apply(data := stopped.spoken(HOSPITAL, vote(HOSPITAL)))
    stopped.aggregator.ledger.append(data)
    closing = stopped.aggregator.due(expired=True)
    assert closing.hospitals == tuple(sorted({*stopped.history.round.holder_keys} - {HOSPITAL}))
    stopped.engine.close()


def test_a_set_is_withdrawn_at_once_only_when_somebody_that_is_missing_is_revoked(tmp_path):
    stopped = stop(tmp_path, CONSENT, 1, HOSPITAL, "consent")
    history = stopped.history
    assert stopped.aggregator.due(expired=False) is None
    history.apply(stopped.spoken(HOSPITAL, vote(HOSPITAL)))
    assert stopped.aggregator.due(expired=False) == m.SetWithdrawn((HOSPITAL,))
    stopped.engine.close()


def test_messages_of_the_revoked_are_refused_by_name_and_the_evidence_is_bounded(stopped):
    waiting = opened(stopped.network.kept[0])
    stopped.aggregator.handle(encode(Packet(stopped.spoken(HOSPITAL, vote(HOSPITAL)), ())))
    assert stopped.check(waiting.data) == ("revoked", HOSPITAL)
    assert stopped.check(stopped.spoken(HOSPITAL, vote(HOSPITAL, "again"))) == ("revoked", HOSPITAL)
    stopped.aggregator.handle(stopped.network.kept[0])
    for number in range(2 * MAX_REFUSALS):
        late = stopped.said(waiting, rows=number)
        stopped.aggregator.handle(encode(Packet(late, ())))
    found = {(refusal.check, refusal.culprit) for refusal in stopped.history.refusals}
    assert found == {("revoked", HOSPITAL)}
    assert len(stopped.history.refusals) == MAX_REFUSALS
    member = stopped.engine.hospitals[HOSPITAL]
    assert member.handle(stopped.aggregator.extension(member.history.size)) == []
    assert member.halted.check == "state-restored", "its vote was made here with its key, not by it"


@pytest.mark.parametrize(
    ("check", "sender", "member"),
    [
        ("revocation", OTHER, HOSPITAL),
        ("revocation", OTHER, VERIFIER),
        ("member", VERIFIER, AGGREGATOR),
        ("member", VERIFIER, "nobody"),
        ("member", OTHER, AGGREGATOR),
        ("role", AGGREGATOR, HOSPITAL),
        ("role", AGGREGATOR, AGGREGATOR),
    ],
)
def test_rejects_votes_by_and_about_the_wrong_members(stopped, check, sender, member):
    assert stopped.check(stopped.spoken(sender, vote(member))) == (check, sender)
    if sender != AGGREGATOR:
        with pytest.raises(Refusal) as caught:
            stopped.engine.members[sender].request_revocation(member, "")
        assert caught.value.check == check


def test_rejects_a_second_vote_in_whatever_round(stopped):
    first = stopped.spoken(VERIFIER, vote(HOSPITAL))
    stopped.history.apply(first)
    assert stopped.check(first) == ("replay", VERIFIER)
    assert stopped.check(stopped.spoken(VERIFIER, vote(HOSPITAL, "once more"))) == ("equivocation", VERIFIER)
    earlier = stopped.spoken(VERIFIER, vote(HOSPITAL), round=0)
    assert stopped.check(earlier) == ("equivocation", VERIFIER)
    assert stopped.history.judge(stopped.spoken(VERIFIER, vote(OTHER))).topic == "revocation-vote"


def test_a_vote_may_be_recorded_later_than_it_was_signed_but_not_before(stopped):
    assert stopped.history.judge(stopped.spoken(VERIFIER, vote(HOSPITAL), round=0, attempt=3))
    assert stopped.check(stopped.spoken(VERIFIER, vote(HOSPITAL), round=2)) == ("round", VERIFIER)
    unseen = stopped.spoken(VERIFIER, vote(HOSPITAL), seen_size=1 << 30)
    assert stopped.check(unseen) == ("ledger-view", VERIFIER)


def test_rejects_votes_before_the_federation_is_opened_and_after_it_is_closed(tmp_path):
    stopped = stop(tmp_path, UPLOAD)
    fresh = History(stopped.engine.rules)
    start = stopped.spoken(VERIFIER, vote(HOSPITAL), round=0, seen_size=0, seen_root=fresh.root)
    with pytest.raises(Refusal) as caught:
        fresh.judge(start)
    assert caught.value.check == "phase"
    assert stopped.engine.run().finished
    assert stopped.check(stopped.spoken(VERIFIER, vote(HOSPITAL))) == ("phase", VERIFIER)


def test_votes_of_revoked_verifiers_do_not_count(stopped):
    history = stopped.history
    history.apply(stopped.spoken(VERIFIER, vote(HOSPITAL)))
    history.apply(stopped.spoken(VERIFIER, vote(VERIFIER, "leaving")))
    assert stopped.check(stopped.spoken(VERIFIER, vote(OTHER))) == ("revoked", VERIFIER)
    history.apply(stopped.spoken("verifier-1", vote(HOSPITAL)))
    assert set(history.revoked) == {VERIFIER}
    history.apply(stopped.spoken("verifier-2", vote(HOSPITAL)))
    assert set(history.revoked) == {VERIFIER, HOSPITAL}


@pytest.mark.parametrize(
    ("phase", "check"),
    sampled([
        (ENROLMENT, "enrolled-set"),
        (DEAL, "verifiers"), (VOUCH, "verifiers"), (REVEAL, "verifiers"),
        (KEYS, "accepted-set"),
        (UPLOAD, "accepted-set"),
        (VERIFY, "accepted-set"),
        (SHARES, "confirmations"),
        (CONSENT, "confirmations"),
        (LOCK, "confirmations"),
        (UNMASK, "confirmations"),
        (CONFIRM, "verifiers"),
    ], [(ENROLMENT, "enrolled-set"), (VOUCH, "verifiers"), (UPLOAD, "accepted-set"), (UNMASK, "confirmations")]),
)  # fmt: skip
def test_without_a_quorum_of_verifiers_the_run_stops_with_the_reason(tmp_path, phase, check):
    stopped = stop(tmp_path, phase)
    for name in (VERIFIER, "verifier-1"):
        stopped.engine.verifiers[name].request_revocation(name, "leaving")
    result = stopped.engine.run()
    assert not result.finished and stopped.times == [] and result.stopped.check == check


@pytest.mark.parametrize(
    ("phase", "check"),
    [
        (ENROLMENT, "enrolled-set"),
        (KEYS, "participants"),
        (UPLOAD, "uploaded-set"),
        (VERIFY, "accepted-set"),
        (SHARES, "holders"),
        (CONSENT, "abandonments"),
        (LOCK, "locks"),
        (UNMASK, "participants"),
        (CONFIRM, "participants"),
    ],
)
def test_with_too_few_hospitals_the_run_stops_with_the_reason(tmp_path, phase, check):
    stopped = stop(tmp_path, phase)
    for name in stopped.engine.rules.hospitals[:-1]:
        stopped.engine.hospitals[name].request_revocation(name, "leaving")
    result = stopped.engine.run()
    assert not result.finished and stopped.times == [] and result.stopped.check == check


def test_a_vote_that_was_stored_and_not_sent_is_sent_after_a_restart(tmp_path):
    stopped = stop(tmp_path, UPLOAD)
    verifier = stopped.engine.verifiers[VERIFIER]
    verifier.request_revocation(HOSPITAL, "its proofs come late")
    verifier.request_revocation(HOSPITAL, "another reason")
    lost = next(iter(verifier.resume()))
    assert opened(lost).record == vote(HOSPITAL)
    stopped.engine.close()
    engine = InProcessFederation(tmp_path, plan(), datasets(plan()), seed=b"s", proofs=FakeProofs())
    assert next(iter(engine.verifiers[VERIFIER].resume())) == lost
    assert engine.run().finished and flaws(tmp_path) == []
    assert opened(lost).digest in engine.aggregator.history.recorded
