"""A hospital that enrols when the rounds have begun: what it takes part in, what is refused, what an audit sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import encode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import (
    ANY_PHASE,
    CONFIRM,
    KEYS,
    LOCK,
    SHARES,
    UPLOAD,
)
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records import catalogue as m
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Withholding, opened

pytestmark = pytest.mark.slow

LATE, OTHER, AGGREGATOR = "hospital-3", "hospital-0", "aggregator"
RECORD = m.Enrolment(10, 4, bytes(32), bytes(1216))


class Delayed:
    """A federation of four hospitals in which one enrolment is on its way until `deliver`."""

    def __init__(self, directory, parties=None, rounds=3):
        self.folder = directory
        self.plan = plan(hospitals=4, verifiers=3, rounds=rounds, threshold=1)
        self.network = Withholding(LATE, "enrolment")
        self.start(parties)

    def start(self, parties=None):
        self.engine = InProcessFederation(
            self.folder, self.plan, datasets(self.plan), seed=b"s", network=self.network, parties=parties,
            proofs=FakeProofs(),
        )  # fmt: skip
        self.aggregator, self.history = self.engine.aggregator, self.engine.aggregator.history

    def until(self, phase, number=1):
        self.engine.run(lambda: self.history.phase == phase and self.history.position()[0] == number)
        assert self.history.phase == phase
        return self

    def deliver(self):
        self.network.topic = ""

    def finish(self):
        self.deliver()
        result = self.engine.run()
        assert result.finished and result.halted == {}
        return result

    def flaws(self):
        found = Auditor(self.folder / "ledger", FakeProofs()).run()
        return [(flaw.check, flaw.refusal.culprit) for flaw in found if not flaw.passed]

    def took_part(self):
        return [LATE in state.participants for state in self.history.closed]

    def envelope(self, sender, record, **changes):
        role = self.engine.rules.find(sender).role
        at = (*self.history.position(), self.history.size, self.history.root, self.history.clocks[-1])
        envelope = Envelope(self.engine.rules.digest, sender, role, *at, encode(record), b"")
        return seal_envelope(replace(envelope, **changes), self.engine.folder.key(sender)).data

    def opening(self, participants):
        record = m.RoundOpened(self.history.model, participants)
        return self.envelope(AGGREGATOR, record, round=2, attempt=0)

    def refusal(self, data):
        with pytest.raises(Refusal) as caught:
            self.history.judge(data)
        return caught.value.check, caught.value.culprit


@pytest.fixture
def delayed(tmp_path):
    made = Delayed(tmp_path)
    yield made
    made.engine.close()


@pytest.mark.parametrize("phase", [KEYS, UPLOAD])
def test_it_takes_part_from_the_next_round_on(tmp_path, phase):
    delayed = Delayed(tmp_path).until(phase)
    assert LATE not in delayed.history.enrolled
    result = delayed.finish()
    assert delayed.took_part() == [False, True, True]
    assert delayed.history.closed[2].accepted.record.hospitals == tuple(delayed.plan.hospitals)
    assert delayed.flaws() == [] and result.faults == []


@pytest.mark.parametrize("phase", [SHARES, LOCK, CONFIRM])
def test_after_the_accepted_set_the_next_beacon_could_be_known_and_it_waits_one_more_round(tmp_path, phase):
    delayed = Delayed(tmp_path).until(phase)
    result = delayed.finish()
    first = delayed.history.closed[0]
    recorded = delayed.history.recorded
    assert recorded[first.accepted.digest] < recorded[delayed.history.enrolments[LATE].digest]
    assert delayed.took_part() == [False, False, True]
    assert delayed.flaws() == [] and result.faults == []


def test_its_rows_count_in_the_average_only_then(delayed):
    delayed.until(UPLOAD)
    delayed.finish()
    rows = {name: len(labels) for name, (_, labels) in datasets(delayed.plan).items()}
    assert delayed.history.enrolled == rows
    first, _, last = delayed.history.closed
    assert first.accepted.record.hospitals == (OTHER, "hospital-1", "hospital-2")
    assert set(last.accepted.record.hospitals) == set(rows)


def test_it_sends_after_a_restart_what_it_had_stored(tmp_path):
    delayed = Delayed(tmp_path).until(UPLOAD)
    stored = delayed.network.kept[-1]
    delayed.engine.close()
    delayed.start()
    delayed.until(UPLOAD, 2)
    assert {*delayed.network.kept} == {stored}
    delayed.finish()
    assert delayed.history.enrolments[LATE].envelope == opened(stored)
    assert delayed.took_part() == [False, False, True] and delayed.flaws() == []


def test_a_verdict_of_an_earlier_round_counts(tmp_path):
    delayed = Delayed(tmp_path)
    delayed.until(UPLOAD)
    delayed.network.member, delayed.network.topic = "verifier", "enrolment-verdict"
    delayed.until(UPLOAD, 2)
    assert LATE in delayed.history.enrolments and LATE not in delayed.history.enrolled
    delayed.finish()
    assert delayed.took_part() == [False, False, True] and delayed.flaws() == []


class Invalid(Hospital):
    """Proves nothing."""

    def prove_enrolment(self):
        rows, proof, root, secret = super().prove_enrolment()
        return rows, proof[:-1] + b"\0", root, secret


class Accepts(Verifier):
    """Accepts every enrolment."""

    def enrolment_verdict(self, hospital, said, outcome):
        return super().enrolment_verdict(hospital, said, b"r" * 32 if hospital == LATE else outcome)


def test_an_invalid_one_is_refused_and_named(tmp_path):
    delayed = Delayed(tmp_path, Parties({LATE: Invalid})).until(UPLOAD)
    result = delayed.finish()
    assert delayed.took_part() == [False, False, False] and delayed.flaws() == []
    assert [(fault.culprit, fault.check) for fault in result.faults] == [(LATE, "transcript")]


def test_one_verifier_that_refuses_an_honest_one_does_not_make_it_a_fault(tmp_path):
    class Refuses(Verifier):
        def enrolment_verdict(self, hospital, said, outcome):
            return m.EnrolmentVerdict(hospital, said.digest, False, "rows", "", b"")

    delayed = Delayed(tmp_path, Parties(verifiers={"verifier-0": Refuses})).until(UPLOAD)
    assert delayed.finish().faults == [] and delayed.took_part()[2]
    assert {(check, who) for check, who in delayed.flaws()} == {("verdict", "verifier-0")}


def test_an_audit_names_who_lets_an_invalid_one_in(tmp_path):
    liars = dict.fromkeys(("verifier-0", "verifier-1"), Accepts)
    delayed = Delayed(tmp_path, Parties({LATE: Invalid}, liars)).until(UPLOAD)
    delayed.deliver()
    delayed.engine.run()
    found = delayed.flaws()
    assert {("verdict", "verifier-0"), ("verdict", "verifier-1"), ("enrolled-set", LATE)} <= set(found)
    assert found.count(("enrolled-set", LATE)) == 1


def test_rejects_rounds_without_it_and_with_it_before_its_time(delayed):
    delayed.until(UPLOAD)
    delayed.deliver()
    delayed.until(UPLOAD, 2)
    delayed.history = history = History(delayed.engine.rules)
    for entry in delayed.engine.hospitals[OTHER].state.entries():
        if history.apply(entry).topic == m.RoundClosed.kind:
            break
    expected = history.opening()[2]
    without = tuple(name for name in expected if name != LATE)
    assert LATE in expected
    assert delayed.refusal(delayed.opening(without)) == ("participants", AGGREGATOR)
    assert history.judge(delayed.opening(expected)).round == 2
    for verifier in ("verifier-0", "verifier-1"):
        del history.enrolment_verdicts[verifier, LATE]
    assert delayed.refusal(delayed.opening(expected)) == ("participants", AGGREGATOR)
    assert history.judge(delayed.opening(without)).round == 2


def test_rejects_messages_of_a_hospital_that_is_not_enrolled_yet(delayed):
    delayed.until(KEYS)
    keys = tuple(bytes([number]) * 1216 for number in range(4))
    said = m.HolderKeys(keys)
    assert delayed.refusal(delayed.envelope(LATE, said)) == ("participant", LATE)


def test_rejects_a_second_enrolment_in_whatever_round(delayed):
    delayed.until(UPLOAD)
    delayed.deliver()
    delayed.until(UPLOAD, 2)
    for changes in ({}, {"round": 0, "attempt": 0}, {"round": 1}):
        assert delayed.refusal(delayed.envelope(LATE, RECORD, **changes)) == ("equivocation", LATE)
    said = delayed.history.enrolments[LATE]
    verdict = m.EnrolmentVerdict(LATE, said.digest, False, "rows", "", b"")
    assert delayed.refusal(delayed.envelope("verifier-0", verdict)) == ("equivocation", "verifier-0")


def test_rejects_an_enrolment_of_a_round_to_come_and_after_the_end(delayed):
    delayed.until(UPLOAD)
    assert delayed.refusal(delayed.envelope(LATE, RECORD, round=2)) == ("round", LATE)
    delayed.history.judge(delayed.envelope(LATE, RECORD, round=0))
    delayed.history.phase = "closed"
    assert delayed.history.phase not in ANY_PHASE
    assert delayed.refusal(delayed.envelope(LATE, RECORD)) == ("phase", LATE)


def test_rejects_late_enrolments_of_wrong_shape_and_of_others(delayed):
    delayed.until(UPLOAD)
    for record, check in (
        (replace(RECORD, rows=0), "rows"),
        (replace(RECORD, features=5), "features"),
    ):
        assert delayed.refusal(delayed.envelope(LATE, record)) == (check, LATE)
    assert delayed.refusal(delayed.envelope("verifier-0", RECORD)) == ("role", "verifier-0")
    assert delayed.refusal(delayed.envelope(OTHER, RECORD)) == ("equivocation", OTHER)


def test_who_is_revoked_before_its_round_does_not_take_part(delayed):
    delayed.until(UPLOAD)
    delayed.deliver()
    delayed.engine.run(lambda: LATE in delayed.history.acceptable_enrolments())
    for verifier in ("verifier-0", "verifier-1"):
        delayed.engine.verifiers[verifier].request_revocation(LATE, "it was late")
    delayed.engine.run(lambda: LATE in delayed.history.revoked)
    assert delayed.engine.run().finished
    assert delayed.took_part() == [False, False, False] and LATE not in delayed.history.enrolled
    assert delayed.flaws() == []
