"""A server that keeps honest members away: before the draw, after it, and until nothing can be drawn any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.in_process import FaithfulNetwork
from proofward.federation.committees.drawing import HOLDERS, VERIFIERS, committee
from proofward.federation.history.progress.absences import absent_hospitals
from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.state.history_state import CONFIRM, CONSENT, VERIFY
from proofward.federation.history.state.judges import task_in_words
from proofward.federation.messages.beacon import round_beacon
from proofward.federation.messages.consortium.committees import Committees
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.records.catalogue import (
    Confirmation,
    Enrolment,
    EnrolmentVerdict,
    RoundOpened,
    Upload,
    Verdict,
)
from tests.federation.committee_plans import Federation
from tests.federation.fakes import plan
from tests.federation.harness import Stopped, opened

pytestmark = pytest.mark.slow
HOSPITALS, CORRUPT = 8, 2


def few(holders, rounds=2):
    """Two of eight hospitals are corrupt. So few can keep no policy, so bounds are those of all eight."""
    agreed = plan(HOSPITALS, 3, rounds, threshold=1)
    return replace(
        agreed,
        config=replace(agreed.config, holders=holders, threshold=1),
        committees=Committees(100 * CORRUPT // HOSPITALS, 0, holders, 2, unsafe=True),
        minimum_updates=usual_updates(HOSPITALS, CORRUPT),
        abandonments=HOSPITALS - CORRUPT,
    )


class Keeping(FaithfulNetwork):
    """Keeps enrolments of some hospitals for good, and verdicts on others' until a set is accepted."""

    history = None

    def __init__(self, away=(), late=()):
        self.away, self.late, self.kept, self.told = away, late, [], {}

    def to_aggregator(self, member, message):
        envelope = opened(message)
        if envelope.topic == Enrolment.kind and member in self.away:
            return ()
        if envelope.topic == EnrolmentVerdict.kind and envelope.record.hospital in self.late:
            self.kept.append(message)
            return ()
        if envelope.topic == Upload.kind:
            self.told[envelope.round, member] = task_in_words(self.history, member)
        if self.history is not None and self.history.phase == CONSENT:
            given, self.kept = self.kept, []
            return (*given, message)
        return (message,)


@pytest.fixture(scope="module")
def network():
    return Keeping(away=("hospital-6",), late=("hospital-7",))


@pytest.fixture(scope="module")
def kept(tmp_path_factory, network):
    return Federation(tmp_path_factory.mktemp("kept"), few(4), network=network)


def test_of_fewer_hospitals_a_smaller_committee_is_drawn_and_the_round_goes_on(kept):
    rules, there = kept.engine.rules, tuple(f"hospital-{index}" for index in range(6))
    assert [rules.draw.holders(count) for count in range(3, 9)] == [0, 2, 2, 3, 3, 4]
    assert kept.result.finished and kept.result.halted == {} and kept.faults == set() and kept.flaws == []
    for state in kept.history.closed:
        assert rules.holders_among(state.drawable) == there
        assert state.committee == committee(state.beacon, HOLDERS, state.number, rules.hospitals, 3, able=there)
        assert set(state.share_sums) == set(state.committee)


def test_who_is_accepted_once_a_beacon_can_be_known_takes_part_and_is_not_drawn(kept):
    first, second = kept.history.closed
    assert "hospital-7" not in first.participants
    assert "hospital-7" in second.accepted.record.hospitals and "hospital-7" not in second.drawable
    assert kept.history.drawable >= {"hospital-7"}, "the next round could draw it"


def test_members_are_told_that_the_committee_is_smaller(kept, network):
    words = "shares of this round's keys; 6 of 8 hospitals could be drawn, 3 of them hold shares"
    for state in kept.history.closed:
        for name in state.uploads:
            task = "holds" if name in state.committee else "holds no"
            assert network.told[state.number, name] == f"{task} {words}"


def test_with_too_few_to_draw_no_round_opens_and_it_is_told_who_is_missing(tmp_path):
    run = Federation(tmp_path, few(2), network=Keeping(away=("hospital-3",)))
    assert run.engine.rules.draw.fewest == HOSPITALS and run.engine.rules.hospitals_to_spare == 0
    assert not run.result.finished and not run.history.closed and run.result.waits_for == ("hospital-3",)
    stopped = run.result.stopped
    assert (stopped.check, stopped.expected) == ("enrolled-set", "at least 8 hospitals")
    assert run.faults == set() and run.result.halted == {}


def test_nobody_takes_the_place_of_who_is_revoked_once_the_beacon_can_be_known(tmp_path):
    run = Stopped(tmp_path, CONFIRM, member="hospital-0", topic=Confirmation.kind, agreed=few(4))
    rules, history, secrets = run.engine.rules, run.history, run.history.round.aggregate.record.secret_sum
    beacon = round_beacon(rules.digest, 2, secrets)
    holders = committee(beacon, HOLDERS, 2, rules.hospitals, 4, able=rules.hospitals)
    sample = committee(beacon, VERIFIERS, 2, rules.verifiers, 2, able=rules.verifiers, subject=holders[1])
    hospital, verifier = holders[0], sample[0]
    run.engine.hospitals[hospital].request_revocation(hospital, "it leaves")
    run.engine.verifiers[verifier].request_revocation(verifier, "it leaves")
    result, state = run.engine.run(), history.closed[1]
    assert result.finished and result.halted == {} and not {hospital, verifier} & set(state.participants)
    assert state.beacon == beacon and state.committee == holders
    assert set(state.share_sums) == set(holders[1:])
    assert state.samples[holders[1]] == sample, "so its proof goes to everybody"
    others = set(rules.verifiers) - {verifier}
    assert {by for by, about in state.verdicts if about == holders[1]} == others


def test_where_too_few_are_left_to_draw_the_next_round_does_not_open(tmp_path):
    run = Stopped(tmp_path, VERIFY, member="verifier-0", topic=Verdict.kind, agreed=few(2))
    gone = next(name for name in run.engine.rules.hospitals if name not in run.history.committee)
    run.engine.hospitals[gone].request_revocation(gone, "it leaves")
    result = run.engine.run()
    stopped = result.stopped
    assert len(run.history.closed) == 1 and not result.finished and result.halted == {}
    assert (stopped.check, stopped.culprit) == ("draw", gone)
    assert stopped.expected == "at least 8 hospitals to draw holders of" and f"revoked: {gone}" in stopped.actual
    told = [no_way_on(member.history) for member in run.engine.hospitals.values()]
    assert told.count(stopped) >= HOSPITALS - 1, "every member finds it by itself"
    history, lost = run.history, [name for name in run.engine.rules.hospitals if name != gone][:2]
    opening = RoundOpened(run.history.model, run.history.opening()[2])
    assert run.check(run.aggregator.envelope(opening, 2, 0).data) == ("draw", "aggregator")
    history.drawable -= set(lost)
    del history.enrolments[lost[0]]
    late = "its enrolment was not accepted before the round's beacon was fixed"
    assert absent_hospitals(history) == {lost[0]: "it has not enrolled", lost[1]: late}
