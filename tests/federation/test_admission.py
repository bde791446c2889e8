"""Hospitals that verifiers admit to a consortium: what they take part in, what is refused, what an audit sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.encoding import encode
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import (
    ENROLMENT,
    KEYS,
    SHARES,
    UPLOAD,
)
from proofward.federation.history.steps.admission import MAX_VOTES, waiting_admissions
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records import catalogue as m
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.ledger.keys import SigningKey
from tests.federation.fakes import FakeProofs, plan
from tests.federation.harness import Stopped

NEW, VERIFIER, HOSPITAL, AGGREGATOR = "hospital-new", "verifier-0", "hospital-1", "aggregator"
KEY = SigningKey(bytes(range(32)))
AGREED = {"hospitals": 4, "verifiers": 3, "rounds": 2, "threshold": 1}


def records(rows: int = 21):
    rng = np.random.default_rng(11)
    return rng.integers(-64, 64, (rows, 4), dtype=np.int64), rng.integers(0, 2, rows, dtype=np.int64)


def stop(directory, phase, member="", topic="", **changes) -> Stopped:
    number = 0 if phase == ENROLMENT else 1
    return Stopped(directory, phase, number, member, topic, plan(**{**AGREED, **changes}))


def add(stopped, voters=("verifier-0", "verifier-2"), kind=Hospital):
    """A new hospital, and these verifiers' wish to admit it."""
    member = stopped.engine.add_hospital(NEW, *records(), kind)
    for name in voters:
        stopped.engine.verifiers[name].request_admission(NEW, member.key.public.raw)
    return member


def flaws(directory):
    found = Auditor(directory / "ledger", FakeProofs()).run()
    return [(flaw.check, flaw.refusal.culprit) for flaw in found if not flaw.passed]


def vote(member=NEW, key=KEY.public.raw):
    return m.AdmissionVote(member, key)


@pytest.fixture(scope="module")
def at_uploads(tmp_path_factory):
    made = stop(tmp_path_factory.mktemp("uploads"), UPLOAD)
    yield made
    made.engine.close()


@pytest.fixture
def stopped(at_uploads):
    """The same federation for every test, with a history of the test's own."""
    history = History(at_uploads.engine.rules)
    for entry in at_uploads.aggregator.ledger.entries(0):
        history.apply(entry)
    at_uploads.history = history
    return at_uploads


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "taken"), [(KEYS, [False, True]), (SHARES, [False, False, True])])
def test_a_hospital_admitted_in_mid_run_takes_part_and_the_audit_passes(tmp_path, phase, taken):
    stopped = stop(tmp_path, phase, rounds=len(taken))
    member = add(stopped)
    result = stopped.engine.run()
    history = stopped.history
    assert result.finished and result.halted == {} and result.faults == [] and flaws(tmp_path) == []
    assert set(history.admitted) == {NEW} and history.keys[NEW] == member.key.public.raw
    assert [NEW in state.accepted.record.hospitals for state in history.closed] == taken
    assert history.enrolled[NEW] == 21 and history.closed[-1].aggregate.record.total_rows == sum(
        history.enrolled.values()
    )
    assert NEW not in history.closed[-1].locks and NEW not in history.closed[-1].share_sums
    assert NEW in history.closed[-1].consents and NEW in history.closed[-1].confirmations


@pytest.mark.slow
def test_who_is_judged_before_the_enrolment_closes_takes_part_from_the_first_round_and_deals_no_nonce(
    tmp_path,
):
    stopped = stop(tmp_path, ENROLMENT, member="hospital-0", topic="enrolment")
    add(stopped)
    stopped.engine.run(lambda: NEW in stopped.history.acceptable_enrolments())
    assert stopped.history.phase == ENROLMENT
    stopped.network.topic = ""
    result = stopped.engine.run()
    assert result.finished and result.halted == {} and flaws(tmp_path) == []
    assert all(NEW in state.accepted.record.hospitals for state in stopped.history.closed)
    sharing = stopped.history.sharing
    assert NEW not in {*sharing.holders, *sharing.deals, *sharing.vouches, *sharing.shares}


@pytest.mark.slow
def test_fewer_votes_than_accept_a_proof_change_nothing(tmp_path):
    stopped = stop(tmp_path, UPLOAD)
    member = add(stopped, voters=(VERIFIER,))
    result = stopped.engine.run()
    history = stopped.history
    assert result.finished and result.halted == {} and flaws(tmp_path) == []
    assert history.admitted == {} and NEW not in history.enrolments and NEW not in history.keys
    assert waiting_admissions(history) == {(NEW, member.key.public.raw): (VERIFIER,)}
    assert all(NEW not in state.participants for state in history.closed)


@pytest.mark.slow
def test_votes_for_two_keys_of_one_name_do_not_add_up(stopped):
    other = SigningKey(bytes(32)).public.raw
    stopped.history.apply(stopped.spoken("verifier-0", vote()))
    stopped.history.apply(stopped.spoken("verifier-1", vote(key=other)))
    assert stopped.history.admitted == {}
    stopped.history.apply(stopped.spoken("verifier-2", vote(key=other)))
    assert stopped.history.admitted[NEW].key == other == stopped.history.keys[NEW]
    assert waiting_admissions(stopped.history) == {}


def test_votes_of_revoked_verifiers_do_not_count(stopped):
    history = stopped.history
    history.apply(stopped.spoken("verifier-0", vote()))
    history.apply(stopped.spoken("verifier-0", m.RevocationVote("verifier-0", "leaving")))
    history.apply(stopped.spoken("verifier-1", vote()))
    assert history.admitted == {}
    history.apply(stopped.spoken("verifier-2", vote()))
    assert set(history.admitted) == {NEW}


@pytest.mark.parametrize(
    ("check", "sender", "record"),
    [
        ("role", HOSPITAL, vote()),
        ("role", AGGREGATOR, vote()),
        ("admission", VERIFIER, vote(HOSPITAL)),
        ("admission", VERIFIER, vote("verifier-1")),
        ("admission", VERIFIER, vote(AGGREGATOR)),
        ("admission", VERIFIER, vote("transport")),
        ("admission", VERIFIER, vote("No Name")),
        ("admission", VERIFIER, vote(key=b"\xff" * 32)),
    ],
)
def test_rejects_votes_by_or_about_whom_nobody_may_admit(stopped, check, sender, record):
    assert stopped.check(stopped.spoken(sender, record)) == (check, sender)
    if sender == VERIFIER:
        with pytest.raises(Refusal) as caught:
            stopped.engine.verifiers[sender].request_admission(record.member, record.key)
        assert caught.value.check == check


@pytest.mark.parametrize("owner", [HOSPITAL, "verifier-1", AGGREGATOR])
def test_rejects_a_key_that_somebody_has(stopped, owner):
    used = stopped.engine.rules.find(owner).key
    assert stopped.check(stopped.spoken(VERIFIER, vote(key=used))) == ("key-used", VERIFIER)


def admit(stopped, voters=("verifier-0", "verifier-1"), record=None):
    for name in voters:
        stopped.history.apply(stopped.spoken(name, record or vote()))
    assert set(stopped.history.admitted) == {(record or vote()).member}


def test_rejects_another_key_for_an_admitted_name_and_takes_a_late_vote_for_the_same(stopped):
    admit(stopped)
    other = vote(key=SigningKey(bytes(32)).public.raw)
    assert stopped.check(stopped.spoken("verifier-2", other)) == ("admission", "verifier-2")
    same_key = vote("hospital-other")
    assert stopped.check(stopped.spoken("verifier-2", same_key)) == ("key-used", "verifier-2")
    before = dict(stopped.history.admitted)
    stopped.history.apply(stopped.spoken("verifier-2", vote()))
    assert stopped.history.admitted == before and len(stopped.history.admitted_in) == 1


def test_rejects_a_name_that_was_revoked(stopped):
    admit(stopped)
    for name in ("verifier-0", "verifier-1"):
        stopped.history.apply(stopped.spoken(name, m.RevocationVote(NEW, "a mistake")))
    assert set(stopped.history.revoked) == {NEW}
    other = vote(key=SigningKey(bytes(32)).public.raw)
    assert stopped.check(stopped.spoken("verifier-2", other)) == ("admission", "verifier-2")


def test_rejects_the_same_vote_twice(stopped):
    first = stopped.spoken(VERIFIER, vote())
    stopped.history.apply(first)
    assert stopped.check(first) == ("replay", VERIFIER)
    assert stopped.check(stopped.spoken(VERIFIER, vote(), round=0)) == ("equivocation", VERIFIER)


def test_rejects_votes_without_end(stopped):
    for number in range(MAX_VOTES):
        stopped.history.apply(stopped.spoken(VERIFIER, vote(f"hospital-x{number}")))
    assert stopped.check(stopped.spoken(VERIFIER, vote())) == ("admission", VERIFIER)
    assert stopped.history.judge(stopped.spoken("verifier-1", vote())).topic == "admission-vote"


def test_rejects_more_hospitals_than_one_sum_can_have(stopped, monkeypatch):
    monkeypatch.setattr(Rules, "most_hospitals", 5)
    admit(stopped)
    other = vote("hospital-x", SigningKey(bytes(32)).public.raw)
    assert stopped.check(stopped.spoken(VERIFIER, other)) == ("admission", VERIFIER)
    assert "at most 5 hospitals" in stopped.refusal(stopped.spoken(VERIFIER, other)).expected


@pytest.mark.slow
def test_rejects_votes_before_the_federation_is_opened_and_after_it_is_closed(tmp_path):
    stopped = stop(tmp_path, UPLOAD)
    fresh = History(stopped.engine.rules)
    start = stopped.spoken(VERIFIER, vote(), round=0, seen_size=0, seen_root=fresh.root)
    with pytest.raises(Refusal) as caught:
        fresh.judge(start)
    assert caught.value.check == "phase"
    assert stopped.engine.run().finished
    assert stopped.check(stopped.spoken(VERIFIER, vote())) == ("phase", VERIFIER)


def said_by_new(stopped, record, key=KEY, role="hospital"):
    history = stopped.history
    at = (*history.position(), history.size, history.root, history.clocks[-1])
    envelope = Envelope(stopped.engine.rules.digest, NEW, role, *at, encode(record), b"")
    return seal_envelope(envelope, key).data


ENROLLING = m.Enrolment(21, 4, bytes(32), bytes(1216))


def test_rejects_what_it_says_before_it_is_admitted_with_another_key_or_role(stopped):
    assert stopped.check(said_by_new(stopped, ENROLLING)) == ("sender", "transport")
    stopped.history.apply(stopped.spoken(VERIFIER, vote()))
    assert stopped.check(said_by_new(stopped, ENROLLING)) == ("sender", "transport")
    stopped.history.apply(stopped.spoken("verifier-1", vote()))
    assert stopped.history.judge(said_by_new(stopped, ENROLLING)).topic == "enrolment"
    assert stopped.check(said_by_new(stopped, ENROLLING, SigningKey(bytes(32)))) == ("signature", "transport")
    assert stopped.check(said_by_new(stopped, ENROLLING, role="verifier")) == ("role", NEW)
    assert stopped.check(said_by_new(stopped, vote("hospital-x"))) == ("role", NEW)


@pytest.mark.slow
def test_wishes_survive_a_restart_and_an_impossible_one_is_dropped(tmp_path):
    stopped = stop(tmp_path, UPLOAD)
    verifier = stopped.engine.verifiers[VERIFIER]
    verifier.request_admission(NEW, KEY.public.raw)
    verifier.request_admission(NEW, KEY.public.raw)
    stopped.engine.run(lambda: bool(stopped.history.admission_votes))
    assert list(stopped.history.admission_votes) == [(VERIFIER, NEW, KEY.public.raw)]
    admitted = SigningKey(bytes(32)).public.raw
    for name in ("verifier-1", "verifier-2"):
        stopped.engine.verifiers[name].request_admission(NEW, admitted)
    stopped.engine.verifiers[VERIFIER].request_admission("hospital-y", admitted)
    result = stopped.engine.run()
    assert result.finished and result.halted == {} and flaws(tmp_path) == []
    assert stopped.history.keys[NEW] == admitted and result.faults == []


def test_a_vote_is_bound_to_its_consortium(stopped):
    data = stopped.spoken(VERIFIER, vote(), consortium=bytes(32))
    assert stopped.check(data) == ("consortium", VERIFIER)
    assert replace(vote(), key=bytes(32)).subject() != vote().subject()
