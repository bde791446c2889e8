"""Federations with committees: who acts, and what becomes of members that are silent or lie."""

from __future__ import annotations

import pytest

from proofward.engines.attacks.hospitals import ComplainsFalsely, SealsWrongShare, SumsWrong, SwapsCiphertext
from proofward.engines.attacks.verifiers import AcceptsRefused, RefusesHonest
from proofward.engines.in_process import FaithfulNetwork
from proofward.federation.committees.drawing import HOLDERS, VERIFIERS, committee
from proofward.federation.history.state.history_state import DEAL, KEYS, SHARES, UPLOAD, VERIFY
from proofward.federation.history.state.judges import task_in_words
from proofward.federation.messages.records.catalogue import (
    BeaconDeal,
    DealsClosed,
    HolderKeys,
    SharesChecked,
    ShareSum,
    Verdict,
    VerdictsClosed,
    VerdictsWidened,
)
from tests.federation.committee_plans import Federation, committee_plan
from tests.federation.harness import Stopped, opened

pytestmark = pytest.mark.slow


class Silencing(FaithfulNetwork):
    """Keeps back what `silent(history, member, envelope)` says."""

    history = None

    def __init__(self, silent):
        self.silent = silent

    def to_aggregator(self, member, message):
        return () if self.silent(self.history, member, opened(message)) else (message,)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return Federation(tmp_path_factory.mktemp("honest"))


def test_a_committee_holds_the_shares_and_some_verifiers_judge(honest):
    assert honest.result.finished and honest.flaws == [] and honest.result.refusals == []
    rules = honest.engine.rules
    for state in honest.history.closed:
        holders = committee(state.beacon, HOLDERS, state.number, rules.hospitals, 4, able=rules.hospitals)
        assert state.committee == holders and len(holders) == 4
        assert set(state.share_sums) == set(holders) and set(state.locks) == set(rules.hospitals)
        for name in rules.hospitals:
            member = name in holders
            assert len(state.holder_keys[name].sealing_keys) == (6 if member else 0)
            assert state.checked[name].dealers == (rules.hospitals if member else ())
            sent = [bool(digest) for digest in state.uploads[name].record.sealed_shares]
            assert sent == [holder != name for holder in holders]
            judges = committee(
                state.beacon, VERIFIERS, state.number, rules.verifiers, 2, able=rules.verifiers, subject=name
            )
            assert {by for by, about in state.verdicts if about == name} == set(judges)
    assert len(honest.history.closed[0].verdicts) == 12


def test_verifiers_deal_the_first_beacon_and_hospitals_hold_it(honest):
    rules, sharing = honest.engine.rules, honest.history.sharing
    assert sharing.dealers == sharing.counted == rules.verifiers and sharing.holders == rules.hospitals
    assert sharing.needed(rules.collusion) == 4 and sharing.beacon != b""


def test_the_rules_count_all_hospitals_where_their_word_is_asked(honest):
    rules = honest.engine.rules
    assert (rules.config.holders, rules.config.threshold, rules.collusion) == (4, 1, 1)
    assert (rules.absences, rules.locks, rules.colluding_holders) == (2, 4, 2)
    assert type(rules).from_bytes(rules.data) == rules


@pytest.mark.parametrize("kind", [HolderKeys, ShareSum])
def test_a_silent_member_of_the_committee_holds_nobody_up(tmp_path, kind):
    silenced = set()

    def silent(history, member, envelope):
        if envelope.topic == kind.kind and history.current and member == history.committee[0]:
            silenced.add(member)
        return member in silenced

    run = Federation(tmp_path, network=Silencing(silent))
    assert run.result.finished and run.result.halted == {} and run.flaws == [] and run.faults == set()
    (member,), (state,) = silenced, run.history.closed
    assert set(state.share_sums) == set(state.committee) - {member}
    assert (member in state.accepted.record.hospitals) == (kind is ShareSum)


def test_a_false_complaint_of_a_holder_costs_its_place_and_nobody_takes_it(tmp_path, honest):
    """A dealer outside the committee that seals a bad share is left out in the same round."""
    committee_of, hospitals = honest.history.closed[0].committee, set(honest.engine.rules.hospitals)
    liar, dealer = committee_of[-1], min(hospitals - set(committee_of))
    run = Federation(tmp_path, hospitals={liar: ComplainsFalsely, dealer: SealsWrongShare})
    first, second = [*run.history.earlier, *run.history.closed]
    assert run.result.finished and run.flaws == [] and run.result.halted == {}
    assert first.committee == second.committee == committee_of and liar not in second.participants
    assert set(second.share_sums) == set(committee_of) - {liar}
    assert set(second.accepted.record.hospitals) == hospitals - {liar, dealer}
    assert run.faults == {(liar, "complaint"), (dealer, "key-share")}


def test_without_enough_of_the_committee_the_round_stops_by_name(tmp_path):
    def silent(history, member, envelope):
        return envelope.topic == HolderKeys.kind and member in history.committee[1:]

    run = Federation(tmp_path, committee_plan(hospitals=8), network=Silencing(silent))
    assert not run.result.finished and run.history.phase == KEYS
    assert (run.result.stopped.check, run.result.stopped.expected) == ("holders", "at least 2 of the round's holders")
    assert set(run.history.committee[1:]) <= set(run.result.waits_for)


def test_a_revoked_committee_stops_the_round_by_name(tmp_path):
    run = Stopped(tmp_path, UPLOAD, agreed=committee_plan(hospitals=8))
    assert len(run.history.committee) == 4, "as many as of six hospitals"
    for name in run.history.committee[:3]:
        run.engine.hospitals[name].request_revocation(name, "it leaves")
    result = run.engine.run()
    assert not result.finished and result.stopped.check == "holders"
    assert result.stopped.culprit in run.history.committee[:3]


def test_a_silent_verifier_sends_its_proofs_to_all(tmp_path):
    member = "verifier-0"
    run = Federation(
        tmp_path, network=Silencing(lambda history, name, envelope: (name, envelope.topic) == (member, Verdict.kind))
    )
    assert run.result.finished and run.flaws == [] and run.faults == set()
    (state,) = run.history.closed
    asked = {name for name, judges in state.samples.items() if member in judges}
    assert state.widened == asked != set()
    others = set(run.engine.rules.verifiers) - {member}
    for name in state.uploads:
        said = {by for by, about in state.verdicts if about == name}
        assert said == (others if name in asked else set(state.samples[name]))
    assert set(state.passed) == set(run.engine.rules.hospitals)


def test_a_member_of_the_committee_and_a_verifier_that_lie_are_overruled_and_named(tmp_path, honest):
    """The one gives a wrong sum of shares, the other refuses an honest proof."""
    holder, verifier = honest.history.closed[0].committee[0], honest.history.closed[0].samples["hospital-0"][0]
    run = Federation(tmp_path, hospitals={holder: SumsWrong}, verifiers={verifier: RefusesHonest})
    (state,) = run.history.closed
    assert run.result.finished and run.result.halted == {} and state.committee[0] == holder
    assert set(state.passed) == set(run.engine.rules.hospitals) and state.widened == set()
    assert {by for by, about in state.verdicts if about == "hospital-0"} == set(run.engine.rules.verifiers)
    assert run.faults == {(holder, "share-sum"), (verifier, "verdict")}
    assert set(run.flaws) == {("verdict", verifier)}


def test_a_verifier_that_accepts_a_false_proof_is_overruled_and_named(tmp_path, honest):
    liar = honest.history.closed[0].samples["hospital-1"][0]
    run = Federation(tmp_path, hospitals={"hospital-1": SwapsCiphertext}, verifiers={liar: AcceptsRefused})
    (state,) = run.history.closed
    assert run.result.finished and set(state.passed) == set(run.engine.rules.hospitals) - {"hospital-1"}
    assert {("hospital-1", "transcript"), (liar, "verdict")} <= run.faults
    assert {culprit for culprit, _ in run.faults} == {"hospital-1", liar}
    assert {by for by, about in state.verdicts if about == "hospital-1"} == set(run.engine.rules.verifiers)


def test_a_revoked_verifier_that_was_drawn_is_not_waited_for(tmp_path, honest):
    gone = honest.history.closed[0].samples["hospital-1"][0]
    run = Stopped(tmp_path, VERIFY, member=gone, topic=Verdict.kind, agreed=committee_plan())
    run.engine.verifiers[gone].request_revocation(gone, "it leaves")
    result = run.engine.run()
    assert result.finished and run.history.closed[0].widened == set()
    said = {by for by, about in run.history.closed[0].verdicts if about == "hospital-1"}
    assert said == set(run.engine.rules.verifiers) - {gone}


@pytest.fixture(scope="module")
def verifying(tmp_path_factory):
    """Stopped while the verdicts of one drawn verifier are missing."""
    return Stopped(
        tmp_path_factory.mktemp("verifying"), VERIFY, member="verifier-0", topic=Verdict.kind, agreed=committee_plan()
    )


def test_rejects_a_verdict_of_a_verifier_that_was_not_drawn(verifying):
    state = verifying.history.round
    (packet, *_) = verifying.network.kept
    about = opened(packet).record.hospital
    other = next(name for name in verifying.engine.rules.verifiers if name not in state.samples[about])
    assert verifying.check(verifying.spoken(other, opened(packet).record)) == ("judges", other)


def test_members_are_told_for_what_they_are_drawn(verifying):
    history, rules = verifying.history, verifying.engine.rules
    told = {name: task_in_words(history, name) for name in (*rules.hospitals, *rules.verifiers)}
    holders = {name for name in rules.hospitals if told[name] == "holds shares of this round's keys"}
    assert holders == set(history.committee)
    asked = sum("verifier-0" in judges for judges in history.round.samples.values())
    assert told["verifier-0"] == f"judges {asked} of the round's 6 proofs"


def test_rejects_an_end_of_the_verdicts_without_the_drawn_ones(verifying):
    others = tuple(name for name, judges in sorted(verifying.history.round.samples.items()) if "verifier-0" not in judges)
    assert verifying.check(verifying.announced(VerdictsClosed(others))) == ("judges", "aggregator")


@pytest.mark.parametrize("change", ["nobody", "one more", "one fewer"])
def test_rejects_another_widening_than_the_silence_asks_for(verifying, change):
    samples = verifying.history.round.samples
    asked = tuple(name for name, judges in sorted(samples.items()) if "verifier-0" in judges)
    names = {"nobody": (), "one fewer": asked[1:], "one more": tuple(sorted(samples))}[change]
    assert names != asked
    assert verifying.check(verifying.announced(VerdictsWidened(names))) == ("judges", "aggregator")
    verifying.history.judge(verifying.announced(VerdictsWidened(asked)))


def test_rejects_a_widening_where_all_verifiers_judge(tmp_path):
    run = Stopped(tmp_path, VERIFY, member="verifier", topic=Verdict.kind)
    name = run.engine.rules.hospitals[0]
    assert run.check(run.announced(VerdictsWidened((name,)))) == ("judges", "aggregator")


def test_rejects_a_deal_of_a_hospital_where_verifiers_deal(tmp_path):
    run = Stopped(tmp_path, DEAL, member="verifier", topic=BeaconDeal.kind, agreed=committee_plan())
    record = opened(run.network.kept[0]).record
    assert run.check(run.spoken("hospital-0", record)) == ("participant", "hospital-0")
    assert run.check(run.announced(DealsClosed(()))) == ("dealers", "aggregator")


@pytest.mark.parametrize("kind", [HolderKeys, SharesChecked])
def test_rejects_shares_of_who_is_in_no_committee(tmp_path, kind):
    run = Stopped(tmp_path, KEYS if kind is HolderKeys else SHARES, topic=kind.kind, agreed=committee_plan())
    packets = {opened(packet).sender: opened(packet) for packet in run.network.kept}
    member = run.history.committee[0]
    outside = next(name for name in run.engine.rules.hospitals if name not in run.history.committee)
    check = "sealing-keys" if kind is HolderKeys else "shares-checked"
    assert run.check(run.spoken(outside, packets[member].record)) == (check, outside)
    assert run.check(run.spoken(member, packets[outside].record)) == (check, member)


def test_rejects_a_share_sum_of_who_is_in_no_committee(tmp_path):
    run = Stopped(tmp_path, "unmask", topic=ShareSum.kind, agreed=committee_plan())
    record = opened(run.network.kept[0]).record
    outside = next(name for name in run.engine.rules.hospitals if name not in run.history.committee)
    assert outside in run.history.round.locks
    assert run.check(run.spoken(outside, record)) == ("holders", outside)
