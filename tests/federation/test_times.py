"""Times of messages: what the ledger takes, who is told what, and that nothing else depends on them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.run_folder import RunFolder
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import ENROLMENT, UPLOAD
from proofward.federation.messages.basics.clock import (
    CLOCK_SLACK,
    LAST_TIME,
    REPEATABLE_TIME,
    in_utc,
    system_clock,
)
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import MessageRefused
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.equipment.software import software_in_use
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened

NOON = 1_780_000_000
AGGREGATOR, HOSPITAL, VERIFIER = "aggregator", "hospital-0", "verifier-0"


class Hands:
    """A clock that a test sets; it goes on by `step` whenever somebody looks."""

    def __init__(self, now: int, step: int = 0) -> None:
        self.now, self.step = now, step

    def __call__(self) -> int:
        self.now += self.step
        return self.now


@pytest.fixture
def clocks(monkeypatch):
    """Clocks by party; those of parties that are not named are right."""
    hands: dict[str, Hands] = {}
    monkeypatch.setattr(RunFolder, "clock", lambda folder, name: hands.setdefault(name, Hands(NOON)))
    return hands


def federation(directory, parties=None):
    agreed = plan(hospitals=3, verifiers=1, rounds=1, threshold=1)
    return InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"t", proofs=FakeProofs(), parties=parties
    )


def say(engine, name):
    """What a member says now; the aggregator hears it."""
    member = engine.members[name]
    packets = list(member.handle(engine.aggregator.extension(member.history.size)))
    for packet in packets:
        engine.aggregator.handle(packet)
    return [opened(packet) for packet in packets]


def audit(directory):
    return [verdict for verdict in Auditor(directory / "ledger", FakeProofs()).run() if not verdict.passed]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    made = Stopped(tmp_path_factory.mktemp("run"), UPLOAD, member="hospital-2", topic="upload")
    yield made
    made.engine.close()


def moved(stopped, seconds, **changes):
    """A message that waits to be recorded, with its time moved."""
    waiting = opened(stopped.network.kept[0])
    return stopped.signed(waiting, time=waiting.time + seconds, **changes)


def test_rejects_a_message_before_what_it_has_seen(stopped):
    assert stopped.history.judge(moved(stopped, -CLOCK_SLACK))
    refusal = stopped.refusal(moved(stopped, -CLOCK_SLACK - 1))
    assert (refusal.check, refusal.culprit) == ("clock", "hospital-2")
    assert refusal.expected.startswith("1999-12-31 23:50:00 UTC or later; set the clock of the machine")
    assert refusal.actual == "1999-12-31 23:49:59 UTC"


def test_what_it_has_seen_counts_and_not_when_it_arrives(stopped):
    start = History(stopped.engine.rules)
    assert start.clocks == [0]
    assert stopped.history.judge(moved(stopped, -(10**6), seen_size=0, seen_root=start.root))


def test_rejects_a_message_ahead_of_the_aggregators_clock(stopped):
    assert stopped.aggregator.judge(moved(stopped, CLOCK_SLACK))
    with pytest.raises(Refusal) as caught:
        stopped.aggregator.judge(moved(stopped, CLOCK_SLACK + 1))
    assert (caught.value.check, caught.value.culprit) == ("clock", "hospital-2")
    assert "set the clock" in caught.value.expected


def test_rejects_an_aggregator_whose_times_go_back_or_stay_behind_what_it_recorded(stopped):
    refused = MessageRefused(b"x", "check", "hospital-2", "", "")
    now = decode(stopped.announced(refused), Envelope)
    assert stopped.check(stopped.signed(now, time=now.time - 1)) == ("ledger-time", AGGREGATOR)
    assert stopped.check(stopped.signed(now, time=now.time)) == ("refusal", AGGREGATOR)
    history = History(stopped.engine.rules)
    for entry in stopped.aggregator.ledger.entries(0):
        history.apply(entry)
    history.apply(moved(stopped, 5000))
    later = replace(now, seen_size=history.size, seen_root=history.root)
    for seconds, check in ((5000 - CLOCK_SLACK - 1, "ledger-time"), (5000 - CLOCK_SLACK, "refusal")):
        with pytest.raises(Refusal) as caught:
            history.judge(stopped.signed(later, time=now.time + seconds))
        assert caught.value.check == check


def test_a_wrong_clock_is_no_evidence_against_anybody(stopped):
    late = moved(stopped, -CLOCK_SLACK - 1)
    found = stopped.refusal(late)
    claim = MessageRefused(late, found.check, found.culprit, found.expected, found.actual)
    assert stopped.check(stopped.announced(claim)) == ("refusal", AGGREGATOR)


def test_signed_again_with_another_time_a_message_is_the_same(stopped):
    recorded = next(
        envelope
        for entry in stopped.aggregator.ledger.entries(0)
        if (envelope := decode(entry, Envelope)).topic == "holder-keys"
    )
    again = stopped.signed(recorded, time=recorded.time + 5)
    assert stopped.check(again) == ("replay", recorded.sender)
    assert stopped.check(stopped.signed(recorded, round=recorded.round + 1)) != ("replay", recorded.sender)


def test_who_is_behind_says_nothing_until_the_clock_is_set(tmp_path, clocks):
    clocks[HOSPITAL] = Hands(NOON - CLOCK_SLACK - 1)
    engine = federation(tmp_path)
    engine.aggregator.advance()
    assert say(engine, HOSPITAL) == []
    party, refusal = engine.refusals[-1]
    assert (party, refusal.check, refusal.culprit) == (HOSPITAL, "clock", HOSPITAL)
    assert "set this machine's clock" in refusal.expected and refusal.actual == in_utc(NOON - CLOCK_SLACK - 1)
    assert engine.members[HOSPITAL].halted is None
    clocks[HOSPITAL].now = NOON
    assert [envelope.topic for envelope in say(engine, HOSPITAL)] == ["enrolment"]
    assert engine.run().finished and audit(tmp_path) == []


def test_who_is_ahead_is_refused_and_signs_anew_once_the_clock_is_set(tmp_path, clocks):
    clocks[HOSPITAL] = Hands(NOON + 86_400)
    engine = federation(tmp_path)
    engine.aggregator.advance()
    (early,) = say(engine, HOSPITAL)
    assert engine.aggregator.history.size == 1 and engine.aggregator.history.phase == ENROLMENT
    assert [refusal.check for _, refusal in engine.refusals] == ["clock"]
    assert say(engine, HOSPITAL) == [early]
    clocks[HOSPITAL].now = NOON
    (again,) = say(engine, HOSPITAL)
    assert again == replace(early, time=NOON, signature=again.signature)
    assert engine.run().finished and audit(tmp_path) == []
    assert engine.aggregator.history.refusals == []


def test_a_time_does_not_tell_how_long_a_proof_took(tmp_path, clocks, monkeypatch):
    def prove_enrolment(proofs, *arguments):
        clocks[HOSPITAL].now += 3000
        return original(proofs, *arguments)

    original = FakeProofs.prove_enrolment
    monkeypatch.setattr(FakeProofs, "prove_enrolment", prove_enrolment)
    engine = federation(tmp_path)
    engine.aggregator.advance()
    assert [envelope.time for envelope in say(engine, HOSPITAL)] == [NOON]
    assert clocks[HOSPITAL].now == NOON + 3000
    engine.close()


def test_a_clock_that_is_set_back_does_not_set_the_ledger_back(tmp_path, clocks):
    engine = federation(tmp_path)
    engine.aggregator.advance()
    clocks[AGGREGATOR].now = NOON - 5000
    assert engine.run().finished and audit(tmp_path) == []
    assert engine.aggregator.history.clocks[-1] == NOON


class GoesBack(Aggregator):
    """Says of a round's opening that it was a second before its last message."""

    def time(self):
        return super().time() - (self.history.phase == "between rounds")


def test_members_halt_and_the_audit_fails_where_the_ledgers_times_go_back(tmp_path):
    class Records(GoesBack):
        def record(self, data):
            try:
                super().record(data)
            except Refusal as refusal:
                assert refusal.check == "ledger-time"
                self.ledger.append(data)
                raise

    engine = federation(tmp_path, Parties(aggregator=Records))
    assert engine.run().stopped.check == "ledger-time"
    flaws = [(flaw.refusal.check, flaw.refusal.culprit) for flaw in audit(tmp_path) if flaw.check == "entry"]
    assert flaws == [("ledger-time", AGGREGATOR)]


def test_no_proof_beacon_or_model_depends_on_times(tmp_path, clocks):
    found = []
    for folder, hands in (
        ("a", dict.fromkeys([AGGREGATOR, HOSPITAL, VERIFIER], Hands(NOON))),
        ("b", {AGGREGATOR: Hands(NOON, 7), HOSPITAL: Hands(NOON - 400, 7), VERIFIER: Hands(NOON + 500, 7)}),
    ):
        clocks.clear()
        clocks.update(hands)
        engine = federation(tmp_path / folder)
        assert engine.run().finished and audit(tmp_path / folder) == []
        history = engine.aggregator.history
        proofs = [history.enrolments[name].record.proof for name in engine.hospitals]
        (closed,) = history.closed
        sums = closed.aggregate.record.secret_sum, closed.aggregate.record.update_sum
        found.append((history.beacon, history.model, *sums, *proofs))
        assert history.clocks == sorted(history.clocks)
    assert found[0] == found[1]
    assert history.clocks[-1] > NOON


def test_everybody_says_once_what_it_runs(tmp_path):
    engine = federation(tmp_path)
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD)
    entries = [decode(entry, Envelope) for entry in engine.aggregator.ledger.entries(0)]
    said = [
        (envelope.sender, envelope.record.software)
        for envelope in entries
        if getattr(envelope.record, "software", ())
    ]
    assert sorted(said) == [(name, software_in_use()) for name in sorted((AGGREGATOR, *engine.members))]
    engine.close()


def test_times_in_words_and_clocks():
    assert in_utc(REPEATABLE_TIME) == "2000-01-01 00:00:00 UTC"
    assert in_utc(10**30) == in_utc(LAST_TIME) == "9999-12-31 23:59:59 UTC"
    assert system_clock() > NOON - 10**8
