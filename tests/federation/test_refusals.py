"""Messages about the beacon, consents, locks and new attempts are refused by name when they do not follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.federation.history.state.history_state import (
    ABANDON,
    BETWEEN,
    CONSENT,
    DEAL,
    KEYS,
    LOCK,
    REVEAL,
    SHARES,
    UNMASK,
    VOUCH,
)
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.history.steps.beacon import beacon_that_follows
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.beacon import first_model_digest
from proofward.federation.messages.records import catalogue as m
from tests.federation.harness import Stopped, opened

HOSPITAL, OTHER, VERIFIER, AGGREGATOR = "hospital-3", "hospital-0", "verifier-0", "aggregator"
ZERO = bytes(32)
RECORDS = [
    (m.BeaconDeal((), b"", ()), DEAL, {HOSPITAL, VERIFIER}),
    (m.DealsClosed(()), DEAL, {AGGREGATOR}),
    (m.BeaconVouch(()), VOUCH, {HOSPITAL}),
    (m.VouchesClosed(()), VOUCH, {AGGREGATOR}),
    (m.BeaconShares(()), REVEAL, {HOSPITAL}),
    (m.BeaconFixed(ZERO, ZERO), REVEAL, {AGGREGATOR}),
    (m.HolderKeys(()), KEYS, {HOSPITAL}),
    (m.KeysClosed(()), KEYS, {AGGREGATOR}),
    (m.AttemptRestarted(()), SHARES, {AGGREGATOR}),
    (m.Consent(ZERO, ZERO), CONSENT, {HOSPITAL}),
    (m.SetWithdrawn(()), CONSENT, {AGGREGATOR}),
    (m.Lock(ZERO), LOCK, {HOSPITAL}),
    (m.Abandonment(ZERO), ABANDON, {HOSPITAL}),
]


@pytest.fixture
def stop(tmp_path):
    """Makes a federation that is stopped when `topic` of `member` is missing."""
    made = []

    def stopped(phase, topic, member=HOSPITAL):
        number = 0 if phase in (DEAL, VOUCH, REVEAL) else 1
        made.append(Stopped(tmp_path, phase, number, member, topic))
        return made[-1], opened(made[-1].network.kept[0])

    yield stopped
    for each in made:
        each.engine.close()


@pytest.fixture(scope="module")
def dealing(tmp_path_factory):
    stopped = Stopped(tmp_path_factory.mktemp("deal"), DEAL, 0, HOSPITAL, "beacon-deal")
    yield stopped
    stopped.engine.close()


@pytest.mark.parametrize(("record", "phase", "senders"), RECORDS, ids=lambda case: getattr(case, "kind", ""))
def test_rejects_the_wrong_sender_phase_round_and_attempt(dealing, monkeypatch, record, phase, senders):
    monkeypatch.setattr(dealing.history, "slots", {})
    for name in (HOSPITAL, VERIFIER, AGGREGATOR):
        expected = "phase" if name in senders else "role"
        for other in {DEAL, VOUCH, KEYS} - {phase}:
            monkeypatch.setattr(dealing.history, "phase", other)
            assert dealing.check(dealing.spoken(name, record)) == (expected, name)
        if name in senders:
            assert dealing.check(dealing.spoken(name, record, round=1)) == ("round", name)
            assert dealing.check(dealing.spoken(name, record, attempt=1)) == ("attempt", name)


def test_rejects_deals_of_another_shape(stop, monkeypatch):
    stopped, deal = stop(DEAL, "beacon-deal")
    said, history = deal.record, stopped.history
    assert history.judge(deal.data) == deal
    for changes in (
        {"commitments": said.commitments[1:]},
        {"commitments": (b"", *said.commitments[1:])},
        {"commitments": (*said.commitments, ZERO)},
        {"check": said.check[16:]},
        {"check": b"\xff" * len(said.check)},
        {"sealed_shares": said.sealed_shares[1:]},
        {"sealed_shares": (b"", *said.sealed_shares[1:])},
        {"sealed_shares": (*said.sealed_shares[:3], ZERO)},
    ):
        assert stopped.check(stopped.said(deal, **changes)) == ("beacon-deal", HOSPITAL)
    others = tuple(sorted(history.sharing.deals))
    for wrong in (others[1:], (*others, HOSPITAL), others[::-1], ()):
        assert stopped.check(stopped.announced(m.DealsClosed(wrong))) == ("dealers", AGGREGATOR)
    assert history.judge(stopped.announced(m.DealsClosed(others)))
    monkeypatch.setattr(history.sharing, "deals", {name: said for name in (OTHER, VERIFIER)})
    few = stopped.announced(m.DealsClosed((OTHER, VERIFIER)))
    assert stopped.check(few) == ("dealers", AGGREGATOR)
    monkeypatch.setattr(history.sharing, "holders", (OTHER,))
    assert stopped.check(deal.data) == ("participant", HOSPITAL)


def test_rejects_vouches_for_others_than_dealers(stop, monkeypatch):
    stopped, vouch = stop(VOUCH, "beacon-vouch")
    state, dealers = stopped.history.sharing, vouch.record.dealers
    assert stopped.history.judge(vouch.data) == vouch
    for wrong in (dealers[::-1], (dealers[0], dealers[0]), ("nobody",), (*dealers, "verifier-9")):
        assert stopped.check(stopped.said(vouch, dealers=wrong)) == ("dealers", HOSPITAL)
    for wrong in (dealers[1:], (), (*dealers, "verifier-9")):
        assert stopped.check(stopped.announced(m.VouchesClosed(wrong))) == ("counted-dealers", AGGREGATOR)
    assert stopped.history.judge(stopped.announced(m.VouchesClosed(dealers)))
    monkeypatch.delitem(state.vouches, OTHER)
    for too_early in (dealers, ()):
        assert stopped.check(stopped.announced(m.VouchesClosed(too_early))) == ("counted-dealers", AGGREGATOR)
    monkeypatch.setattr(state, "holders", (OTHER,))
    assert stopped.check(vouch.data) == ("participant", HOSPITAL)


def test_rejects_another_beacon_and_another_first_model(stop, monkeypatch):
    stopped, _ = stop(REVEAL, "beacon-shares", "hospital")
    history = stopped.history
    shares = [opened(packet) for packet in stopped.network.kept]
    with monkeypatch.context() as patch:
        patch.delitem(history.sharing.vouches, shares[0].sender)
        assert stopped.check(shares[0].data) == ("participant", shares[0].sender)
    assert stopped.check(stopped.announced(m.BeaconFixed(ZERO, ZERO))) == ("beacon", AGGREGATOR)
    for envelope in shares[:2]:
        assert beacon_that_follows(history) is None
        history.apply(envelope.data)
    beacon = beacon_that_follows(history)
    model = first_model_digest(history.rules, beacon)
    assert stopped.check(stopped.announced(m.BeaconFixed(ZERO, model))) == ("beacon", AGGREGATOR)
    assert stopped.check(stopped.announced(m.BeaconFixed(beacon, ZERO))) == ("first-model", AGGREGATOR)
    history.apply(stopped.announced(m.BeaconFixed(beacon, model)))
    assert history.phase == BETWEEN and history.model == model


@pytest.mark.slow
def test_rejects_consents_to_something_else_and_withdrawals_of_what_nobody_lacks(stop, monkeypatch):
    stopped, consent = stop(CONSENT, "consent")
    history, state = stopped.history, stopped.history.round
    assert history.judge(consent.data) == consent
    assert stopped.check(stopped.said(consent, accepted_set=ZERO)) == ("subject", HOSPITAL)
    assert stopped.check(stopped.said(consent, model=ZERO)) == ("model", HOSPITAL)
    again = stopped.spoken(OTHER, replace(state.consents[OTHER], model=ZERO))
    assert stopped.check(again) == ("equivocation", OTHER)
    without = tuple(name for name in state.accepted.record.hospitals if name != HOSPITAL)
    other = Recorded(state.accepted.envelope, m.AcceptedSet(without))
    with monkeypatch.context() as patch:
        patch.setattr(state, "accepted", other)
        assert stopped.check(consent.data) == ("participant", HOSPITAL)
    for wrong in ((), (OTHER,), (OTHER, HOSPITAL)):
        assert stopped.check(stopped.announced(m.SetWithdrawn(wrong))) == ("missing", AGGREGATOR)
    second = Recorded(stopped.aggregator.envelope(other.record, 1, 0), other.record)
    with pytest.raises(Refusal) as caught:
        stopped.engine.hospitals[HOSPITAL].consent(second)
    assert (caught.value.check, caught.value.culprit) == ("second-unmasking", AGGREGATOR)
    history.apply(consent.data)
    assert history.phase == LOCK
    assert stopped.check(stopped.announced(m.SetWithdrawn(()))) == ("phase", AGGREGATOR)


@pytest.mark.slow
def test_rejects_abandonments_of_something_else_and_attempts_with_who_has_not_abandoned(stop, monkeypatch):
    stopped, consent = stop(CONSENT, "consent")
    history, state = stopped.history, stopped.history.round
    digest = state.accepted.digest
    history.apply(stopped.announced(m.SetWithdrawn((HOSPITAL,))))
    assert history.phase == ABANDON and stopped.check(consent.data) == ("phase", HOSPITAL)
    assert stopped.check(stopped.spoken(OTHER, m.Lock(digest))) == ("phase", OTHER)
    assert stopped.check(stopped.spoken(OTHER, m.Abandonment(ZERO))) == ("subject", OTHER)
    with monkeypatch.context() as patch:
        patch.setattr(state, "present", (HOSPITAL,))
        assert stopped.check(stopped.spoken(OTHER, m.Abandonment(digest))) == ("participant", OTHER)
    opening = m.RoundOpened(history.model, history.opening()[2])
    early = stopped.aggregator.envelope(opening, 1, 1).data
    for index in range(3):
        assert digest not in history.abandoned and stopped.check(early) == ("abandonments", AGGREGATOR)
        history.apply(stopped.spoken(f"hospital-{index}", m.Abandonment(digest)))
    assert history.phase == ABANDON and digest in history.abandoned
    rejects_attempt_with(stopped, state.participants)


def rejects_attempt_with(stopped, everybody):
    """The next attempt is one without HOSPITAL, from the same model."""
    history = stopped.history
    left = tuple(name for name in everybody if name != HOSPITAL)

    def opening(model, participants):
        return stopped.aggregator.envelope(m.RoundOpened(model, participants), 1, 1).data

    assert stopped.check(opening(history.model, everybody)) == ("participants", AGGREGATOR)
    assert stopped.check(opening(history.model, left[1:])) == ("participants", AGGREGATOR)
    assert stopped.check(opening(ZERO, left)) == ("model", AGGREGATOR)
    history.apply(opening(history.model, left))
    assert history.phase == KEYS and history.position() == (1, 1)


@pytest.mark.slow
def test_rejects_locks_of_another_set_and_by_who_lacks_a_share(stop, monkeypatch):
    stopped, _ = stop(LOCK, "lock", "hospital")
    history, state = stopped.history, stopped.history.round
    locks = [opened(packet) for packet in stopped.network.kept]
    first, digest = locks[0], state.accepted.digest
    assert stopped.check(stopped.said(first, accepted_set=ZERO)) == ("subject", first.sender)
    with monkeypatch.context() as patch:
        patch.delitem(state.checked, first.sender)
        assert stopped.check(first.data) == ("holders", first.sender)
    for record in (m.ShareSum(digest, ZERO), m.Abandonment(digest)):
        assert stopped.check(stopped.spoken(OTHER, record)) == ("phase", OTHER)
    for envelope in locks[: history.rules.locks]:
        assert history.phase == LOCK
        history.apply(envelope.data)
    assert history.phase == UNMASK and history.rules.locks == 3
    assert history.judge(locks[3].data).topic == "lock"


@pytest.mark.slow
def test_rejects_restarts_that_no_dismissed_complaint_explains(stop):
    stopped, _ = stop(SHARES, "shares-checked")
    history, state = stopped.history, stopped.history.round
    everybody = state.participants

    def rejected(*names):
        return stopped.check(stopped.announced(m.AttemptRestarted(names))) == ("complainers", AGGREGATOR)

    assert rejected() and rejected(OTHER) and rejected(HOSPITAL)
    history.apply(stopped.spoken(HOSPITAL, m.ShareComplaint(OTHER, state.uploads[OTHER].digest, ZERO)))
    assert rejected() and rejected(HOSPITAL)
    complaint = state.complaints[HOSPITAL, OTHER].digest
    right = m.ComplaintVerdict(HOSPITAL, OTHER, complaint, False, "")
    for changes, check in (
        ({"complaint": ZERO}, "subject"), ({"holder": OTHER}, "complaint"), ({"dealer": HOSPITAL}, "complaint")
    ):  # fmt: skip
        assert stopped.check(stopped.spoken(VERIFIER, replace(right, **changes))) == (check, VERIFIER)
    history.apply(stopped.spoken(VERIFIER, right))
    assert rejected() and rejected(OTHER) and rejected(OTHER, HOSPITAL)
    ready = state.acceptable(1)
    assert stopped.check(stopped.announced(m.AcceptedSet(ready))) == ("accepted-set", AGGREGATOR)
    history.apply(stopped.announced(m.AttemptRestarted((HOSPITAL,))))
    assert history.phase == BETWEEN
    rejects_attempt_with(stopped, everybody)
