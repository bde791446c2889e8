"""Hospitals and verifiers that vanish.

The round goes on while the rules allow it, and stops with a reason otherwise.
"""

from __future__ import annotations

import pytest

from proofward.encoding import decode
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets, plan

pytestmark = pytest.mark.slow


class Losing(FaithfulNetwork):
    """From its first packet of a kind on, nothing that a member sends arrives."""

    def __init__(self, lost: dict[str, str]) -> None:
        self.lost = lost
        self.silent: set[str] = set()

    def to_aggregator(self, member, message):
        topic = decode(decode(message, Packet, max_bytes=1 << 30).envelope, Envelope).topic
        if self.lost.get(member) == topic:
            self.silent.add(member)
        return () if member in self.silent else (message,)


def run(tmp_path, lost, rounds=1):
    agreed = plan(rounds=rounds)
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", network=Losing(lost), proofs=FakeProofs()
    )
    return engine, engine.run()


def audit(tmp_path):
    return [
        str(verdict) for verdict in Auditor(tmp_path / "ledger", FakeProofs()).run() if not verdict.passed
    ]


def test_one_of_five_vanishes_before_its_upload(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "upload"})
    assert result.finished and audit(tmp_path) == []
    accepted = engine.aggregator.history.closed[0].accepted
    assert accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-3", "hospital-4")
    assert [(party, refusal.check) for party, refusal in result.refusals] == [("hospital-1", "message-dropped")]


def test_too_few_uploads_stop_the_run_with_the_reason(tmp_path):
    _, result = run(tmp_path, {"hospital-1": "upload", "hospital-3": "upload"})
    assert not result.finished and result.stopped.check == "uploaded-set"


def test_who_is_not_ready_is_not_in_the_set_and_a_lost_share_sum_is_not_needed(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "shares-checked", "hospital-3": "share-sum"})
    assert result.finished and audit(tmp_path) == [] and result.faults == []
    closed = engine.aggregator.history.closed[0]
    assert closed.accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-3", "hospital-4")
    assert closed.aggregate.record.holders == ("hospital-0", "hospital-2", "hospital-4")


def test_a_hospital_that_dies_before_its_consent_does_not_end_the_federation(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "consent"}, rounds=2)
    assert result.finished and audit(tmp_path) == [] and result.faults == []
    history = engine.aggregator.history
    given_up, first = history.earlier[0], history.closed[0]
    assert given_up.withdrawn == ("hospital-1",) and given_up.share_sums == {}
    assert history.abandoned == {given_up.accepted.digest} and len(given_up.abandonments) == 4
    assert first.attempt == 1 and "hospital-1" not in first.accepted.record.hospitals
    assert first.model == given_up.model and first.beacon == given_up.beacon


def test_two_that_die_before_their_consent_stop_the_run_and_it_says_for_whom_it_waits(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "consent", "hospital-2": "consent"})
    assert not result.finished
    state = engine.aggregator.history.round
    assert state.withdrawn == ("hospital-1", "hospital-2") and len(state.abandonments) == 3


def test_after_the_last_consent_there_is_no_way_back(tmp_path):
    engine, result = run(tmp_path, {f"hospital-{index}": "share-sum" for index in range(3)})
    assert not result.finished
    state = engine.aggregator.history.round
    assert set(state.share_sums) == {"hospital-3", "hospital-4"} and state.withdrawn == ()


def test_share_sums_wait_for_the_locks(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "lock", "hospital-2": "lock"})
    assert not result.finished
    state = engine.aggregator.history.round
    assert len(state.locks) == 3 and engine.rules.locks == 4 and state.share_sums == {}
    assert engine.aggregator.history.phase == "lock"


def test_one_of_three_verifiers_may_vanish_and_two_may_not(tmp_path):
    _, result = run(tmp_path / "one", {"verifier-0": "verdict"})
    assert result.finished and audit(tmp_path / "one") == []
    _, result = run(tmp_path / "two", {"verifier-0": "verdict", "verifier-1": "verdict"})
    assert not result.finished
    assert result.stopped.check == "accepted-set"


def test_who_misses_one_round_is_back_in_the_next(tmp_path):
    class Once(Losing):
        def to_aggregator(self, member, message):
            envelope = decode(decode(message, Packet, max_bytes=1 << 30).envelope, Envelope)
            return () if member == "hospital-4" and envelope.round == 1 else (message,)

    agreed = plan(rounds=2)
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", network=Once({}), proofs=FakeProofs()
    )
    assert engine.run().finished and audit(tmp_path) == []
    first, second = engine.aggregator.history.closed
    assert "hospital-4" not in first.accepted.record.hospitals
    assert "hospital-4" in second.accepted.record.hospitals
