"""The enrolment beacon and those of the rounds: nobody chooses them, and nobody can withhold them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.federation.history.state.beacon_sharing import (
    NonceShare,
    deal,
    is_check,
    nonce,
    share_is_good,
)
from proofward.federation.messages.beacon import first_model, first_model_digest, round_beacon
from proofward.federation.messages.records.catalogue import BeaconFixed, BeaconShares
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.field.extension import Ext
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened

CONTEXT = bytes(32)
PLACES = [0, 2, 3, 4]


def a_deal(seed=b"s" * 32, threshold=2):
    return deal(CONTEXT, seed, PLACES, 5, threshold)


def good(made, place, data):
    return share_is_good(CONTEXT, made.commitments, made.check, place, data)


def test_any_t_plus_1_shares_give_the_nonce():
    made = a_deal()
    shares = {place: share.to_bytes() for place, share in made.shares.items()}
    assert all(good(made, place, share) for place, share in shares.items())
    found = {nonce({place: shares[place] for place in some}, 2) for some in ([0, 2, 3], [2, 3, 4], [4, 0, 3], PLACES)}
    assert len(found) == 1 and len(found.pop()) == 32
    with pytest.raises(ValueError, match="expected 3 shares, found 2"):
        nonce({0: shares[0], 2: shares[2]}, 2)
    assert made.commitments[1] == b"" and is_check(made.check, 2)


def test_seeds_and_contexts_give_other_nonces():
    def nonce_of(made):
        return nonce({place: share.to_bytes() for place, share in made.shares.items()}, 2)

    assert nonce_of(a_deal()) != nonce_of(a_deal(b"t" * 32))
    made = a_deal()
    assert not share_is_good(bytes([1]) * 32, made.commitments, made.check, 0, made.shares[0].to_bytes())


@pytest.mark.parametrize("at", [0, 8, 31, 32, 47, 48, 79])
def test_rejects_a_share_with_another_byte(at):
    made = a_deal()
    data = bytearray(made.shares[2].to_bytes())
    data[at] ^= 1
    assert not good(made, 2, bytes(data)) and not good(made, 3, made.shares[2].to_bytes())
    assert not good(made, 2, bytes(data[:-1])) and not good(made, 2, b"\xff" * 80)


def test_rejects_shares_that_lie_on_no_polynomial_of_degree_t():
    """Digests of shares that are fixed but inconsistent: u can be made to fit t + 1 of them, not the others."""
    made, other = a_deal(), a_deal(b"t" * 32)
    mixed = {place: (made if place < 3 else other).shares[place] for place in PLACES}
    from proofward.federation.history.state import beacon_sharing

    commitments = tuple(
        beacon_sharing._digest(CONTEXT, place, mixed[place]) if place in mixed else b"" for place in range(5)
    )
    c = beacon_sharing._challenge(CONTEXT, commitments)
    points = [0, 2, 3]
    values = [mixed[p].mask + beacon_sharing._combined(mixed[p].values, c) for p in points]
    check = b"".join(element.to_bytes() for element in interpolated([p + 1 for p in points], values))
    passed = [share_is_good(CONTEXT, commitments, check, p, mixed[p].to_bytes()) for p in PLACES]
    assert passed == [True, True, True, False]


def interpolated(points, values):
    """Coefficients of the polynomial over E through three points, by Lagrange."""
    total = [Ext(0)] * 3
    for i, x in enumerate(points):
        a, b = (y for j, y in enumerate(points) if j != i)
        scale = values[i] * Ext((x - a) * (x - b)).inverse()
        for d, part in enumerate((a * b, -(a + b), 1)):
            total[d] = total[d] + scale * part
    return total


def test_rejects_shares_that_are_not_canonical():
    share = a_deal().shares[0]
    data = (2**64 - 1).to_bytes(8, "little") + share.to_bytes()[8:]
    with pytest.raises(ValueError, match="below P"):
        NonceShare.from_bytes(data)


class Losing(FaithfulNetwork):
    """Loses what a member says on some topics."""

    def __init__(self, lost):
        self.lost = set(lost)

    def to_aggregator(self, member, message):
        return () if (member, opened(message).topic) in self.lost else (message,)


def federation(tmp_path, lost=(), parties=None, **options):
    agreed = plan(rounds=2)
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), network=Losing(lost),
        parties=parties, **options,
    )  # fmt: skip
    return engine, engine.run()


@pytest.mark.slow
def test_shares_that_are_withheld_or_not_recorded_change_no_beacon(tmp_path):
    beacons = set()
    for number, lost in enumerate(([], ["hospital-0"], ["hospital-3", "hospital-4"])):
        engine, result = federation(tmp_path / str(number), [(name, "beacon-shares") for name in lost])
        assert result.finished and result.faults == []
        beacons.add(engine.aggregator.history.sharing.beacon)
    assert len(beacons) == 1


@pytest.mark.slow
def test_too_few_shares_leave_the_federation_waiting_without_another_beacon(tmp_path):
    lost = [(f"hospital-{index}", "beacon-shares") for index in range(3)]
    engine, result = federation(tmp_path, lost)
    history = engine.aggregator.history
    assert not result.finished and history.phase == "reveal" and history.sharing.beacon == b""


@pytest.mark.slow
def test_a_missing_deal_or_vouch_does_not_stop_it(tmp_path):
    engine, result = federation(tmp_path, [("hospital-1", "beacon-deal"), ("hospital-2", "beacon-vouch")])
    assert result.finished and result.faults == []
    assert engine.aggregator.history.sharing.counted == (
        "hospital-0", "hospital-2", "hospital-3", "hospital-4", "verifier-0", "verifier-1", "verifier-2"
    )  # fmt: skip


class DealsBadly(Hospital):
    """Deals shares to two holders that are not those of its digests."""

    def make_deal(self):
        made = super().make_deal()
        altered = {place: replace(made.shares[place], mask=made.shares[place].mask + 1) for place in (0, 2)}
        return replace(made, shares={**made.shares, **altered})


@pytest.mark.slow
def test_a_bad_deal_does_not_count(tmp_path):
    engine, result = federation(tmp_path, parties=Parties(hospitals={"hospital-1": DealsBadly}))
    assert result.finished and "hospital-1" not in engine.aggregator.history.sharing.counted


def test_rejects_another_share_than_the_one_that_was_dealt(tmp_path):
    stopped = Stopped(tmp_path, "reveal", number=0, member="hospital-0", topic="beacon-shares")
    envelope = opened(stopped.network.kept[0])
    shares = envelope.record.shares
    altered = bytes([shares[0][0] ^ 1]) + shares[0][1:]
    for changed in ((altered, *shares[1:]), shares[:-1], (*shares, shares[0]), (b"", *shares[1:]), shares[::-1]):
        check, culprit = stopped.check(stopped.said(envelope, shares=changed))
        assert (check, culprit) == ("beacon-shares", "hospital-0")
    assert isinstance(envelope.record, BeaconShares)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_a_round_has_one_beacon_that_follows_from_the_round_before(tmp_path, number):
    engine, result = federation(tmp_path, [("hospital-1", "consent")])
    assert result.finished
    history = engine.aggregator.history
    states = [state for state in (*history.earlier, *history.closed) if state.number == number]
    source = history.sharing.beacon if number == 1 else history.closed[0].aggregate.record.secret_sum
    assert {state.beacon for state in states} == {round_beacon(engine.rules.digest, number, source)}
    assert [state.attempt for state in states] == [0, 1]


@pytest.mark.slow
def test_the_first_model_is_an_expansion_of_the_beacon(tmp_path):
    engine, result = federation(tmp_path)
    history = engine.aggregator.history
    expected = hashlib.sha256(first_model(engine.rules, history.sharing.beacon)).digest()
    assert result.finished and history.closed[0].model == expected
    assert expected == first_model_digest(engine.rules, history.sharing.beacon)


class NamesAnotherModel(Aggregator):
    """Says that the first model is another one."""

    def due(self, expired):
        record = super().due(expired)
        return replace(record, model=bytes(32)) if isinstance(record, BeaconFixed) else record


@pytest.mark.slow
def test_an_aggregator_that_names_another_first_model_is_refused(tmp_path):
    _, result = federation(tmp_path, parties=Parties(aggregator=NamesAnotherModel))
    assert not result.finished and result.stopped.check == "first-model"


@pytest.mark.slow
def test_a_trusted_first_model_is_what_the_rules_say(tmp_path):
    import numpy as np

    agreed = replace(plan(rounds=1), initial_weights=np.arange(30, dtype=np.int64))
    engine = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())
    assert engine.run().finished and engine.rules.trusts_first_model
    assert engine.aggregator.history.closed[0].model == engine.rules.initial_model
    details = [v.detail for v in Auditor(tmp_path / "ledger", FakeProofs()).run() if v.check == "beacon"]
    assert details and "trusted first model" in details[0]
