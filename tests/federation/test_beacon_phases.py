"""The enrolment beacon: nobody can change it by holding something back, and every wrong share is named."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.attacks.aggregators import ChoosesFirstModel
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.federation.history.state.beacon_sharing import NonceShare, deal, nonce, share_is_good
from proofward.federation.history.state.history_state import REVEAL
from proofward.federation.messages.beacon import enrolment_beacon, first_model, round_beacon
from proofward.federation.messages.records.catalogue import BeaconFixed
from proofward.federation.parties.hospital import Hospital
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened

CONTEXT, PLACES = bytes(range(32)), (0, 1, 2, 4)


def made(seed=b"x" * 32):
    return deal(CONTEXT, seed, PLACES, 5, 2)


def test_any_three_good_shares_give_one_nonce():
    dealt = made()
    shares = {place: dealt.shares[place].to_bytes() for place in PLACES}
    found = {nonce({place: shares[place] for place in PLACES if place != left}, 2) for left in PLACES}
    assert len(found) == 1
    assert nonce({place: made(b"y" * 32).shares[place].to_bytes() for place in PLACES}, 2) not in found


@pytest.mark.parametrize("at", [0, 31, 32, 47, 48, 79])
def test_rejects_a_share_with_any_part_altered(at):
    dealt = made()
    good = dealt.shares[1].to_bytes()
    assert share_is_good(CONTEXT, dealt.commitments, dealt.check, 1, good)
    bad = bytes(value ^ (index == at) for index, value in enumerate(good))
    assert not share_is_good(CONTEXT, dealt.commitments, dealt.check, 1, bad)
    assert not share_is_good(CONTEXT, dealt.commitments, dealt.check, 2, good)
    assert not share_is_good(bytes(32), dealt.commitments, dealt.check, 1, good)


def test_rejects_shares_that_lie_on_no_polynomial():
    """A dealer that commits to a wrong value cannot make the check fit it."""
    from proofward.federation.history.state import beacon_sharing

    dealt = made()
    wrong = NonceShare((1, *dealt.shares[1].values[1:]), dealt.shares[1].mask, dealt.shares[1].salt)
    digest = beacon_sharing._digest(CONTEXT, 1, wrong)
    commitments = tuple(digest if place == 1 else old for place, old in enumerate(dealt.commitments))
    assert not share_is_good(CONTEXT, commitments, dealt.check, 1, wrong.to_bytes())


class Withholding(FaithfulNetwork):
    def __init__(self, member, topic):
        self.member, self.topic, self.count = member, topic, 0

    def to_aggregator(self, member, message):
        withheld = member == self.member and opened(message).topic == self.topic
        self.count += withheld
        return () if withheld else (message,)


def run(directory, member="", topic="", **changes):
    agreed = plan(rounds=1)
    network = Withholding(member, topic)
    engine = InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), network=network, **changes
    )
    result = engine.run()
    return engine.aggregator.history, result, network


@pytest.mark.slow
def test_withheld_shares_change_no_beacon_and_every_round_has_one(tmp_path):
    honest, result, _ = run(tmp_path / "a")
    assert result.finished
    beacon = honest.sharing.beacon
    for index, member in enumerate(("hospital-0", "hospital-4")):
        history, result, network = run(tmp_path / str(index), member, "beacon-shares")
        assert result.finished and network.count > 0
        assert history.sharing.beacon == beacon
        assert history.closed[0].beacon == round_beacon(history.rules.digest, 1, beacon)


@pytest.mark.slow
@pytest.mark.parametrize("topic", ["beacon-deal", "beacon-vouch"])
def test_a_deal_or_vouch_that_never_comes_stops_nothing(tmp_path, topic):
    history, result, network = run(tmp_path, "hospital-1", topic)
    assert result.finished and network.count > 0 and history.sharing.beacon != b""


class DealsBadly(Hospital):
    """Deals shares that two holders cannot use."""

    def make_deal(self):
        """Alters two commitments."""
        found = super().make_deal()
        altered = tuple(bytes(32) if place in (0, 1) else old for place, old in enumerate(found.commitments))
        return replace(found, commitments=altered)


@pytest.mark.slow
def test_a_bad_dealer_does_not_count(tmp_path):
    history, result, _ = run(tmp_path, parties=Parties(hospitals={"hospital-4": DealsBadly}))
    assert result.finished
    assert "hospital-4" in history.sharing.dealers and "hospital-4" not in history.sharing.counted
    assert {"hospital-0", "hospital-1"} <= set(history.sharing.counted)


@pytest.mark.slow
def test_members_refuse_an_aggregator_that_chooses_the_first_model(tmp_path):
    _, result, _ = run(tmp_path, parties=Parties(aggregator=ChoosesFirstModel))
    assert not result.finished and result.rounds == 0 and len(result.halted) == 8
    reasons = {(refusal.check, refusal.culprit) for refusal in result.halted.values()}
    assert reasons == {("first-model", "aggregator")}


@pytest.fixture
def revealing(tmp_path):
    stopped = Stopped(tmp_path, REVEAL, 0, "hospital-2", "beacon-shares", plan(rounds=1))
    yield stopped
    stopped.engine.close()


@pytest.mark.slow
def test_rejects_shares_that_were_not_dealt(revealing):
    envelope = opened(revealing.network.kept[0])
    shares = envelope.record.shares
    altered = (bytes([shares[0][0] ^ 1]) + shares[0][1:], *shares[1:])
    assert revealing.check(revealing.said(envelope, shares=altered)) == ("beacon-shares", "hospital-2")
    assert revealing.check(revealing.said(envelope, shares=shares[1:])) == ("beacon-shares", "hospital-2")
    fewer = (b"", *shares[1:])
    assert revealing.check(revealing.said(envelope, shares=fewer)) == ("beacon-shares", "hospital-2")


def test_rejects_another_beacon_and_another_first_model(revealing):
    history = revealing.history
    shares = history.sharing
    places = {name: history.rules.holder(name) for name in shares.shares}
    beacon = enrolment_beacon(history.rules.digest, shares.nonces(places, 2))
    model = hashlib.sha256(first_model(history.rules, beacon)).digest()
    record = BeaconFixed(beacon, model)
    history.judge(revealing.announced(record))
    other = revealing.announced(replace(record, beacon=bytes(32)))
    assert revealing.check(other) == ("beacon", "aggregator")
    other = revealing.announced(replace(record, model=bytes(32)))
    assert revealing.check(other) == ("first-model", "aggregator")
    weights = np.frombuffer(first_model(history.rules, beacon), dtype="<i8")
    assert len(weights) == history.rules.config.model.parameters and weights.any()
