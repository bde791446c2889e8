"""Hospitals and verifiers that vanish: the round goes on while the rules allow it, and stops with a reason
otherwise.
"""

from __future__ import annotations

from proofward.encoding import decode
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets, plan


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


def test_two_of_five_vanish_before_their_upload(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "upload", "hospital-3": "upload"})
    assert result.finished and audit(tmp_path) == []
    accepted = engine.aggregator.history.closed[0].accepted
    assert accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-4")
    assert {(party, refusal.check) for party, refusal in result.refusals} == {
        ("hospital-1", "message-dropped"), ("hospital-3", "message-dropped")
    }  # fmt: skip


def test_two_of_five_vanish_after_their_upload(tmp_path):
    engine, result = run(tmp_path, {"hospital-1": "shares-checked", "hospital-3": "share-sum"})
    assert result.finished and audit(tmp_path) == []
    closed = engine.aggregator.history.closed[0]
    assert len(closed.accepted.record.hospitals) == 5
    assert closed.aggregate.record.holders == ("hospital-0", "hospital-2", "hospital-4")


def test_three_of_five_vanishing_stops_the_run_with_the_reason(tmp_path):
    _, result = run(tmp_path, {f"hospital-{index}": "share-sum" for index in range(3)})
    assert not result.finished
    assert result.stopped.check == "unmasking" and "at least 3" in result.stopped.actual


def test_a_withheld_consent_restarts_the_attempt_without_its_owner(tmp_path):
    engine, result = run(tmp_path, {"hospital-2": "consent"})
    assert result.finished and audit(tmp_path) == []
    closed = engine.aggregator.history.closed[0]
    assert closed.attempt == 1 and "hospital-2" not in closed.present


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
