"""Verdicts that a verifier says together: the same decisions, in few messages, and one word on each upload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import MalformedMessage, encode
from proofward.engines.attacks.hospitals import SwapsCiphertext
from proofward.engines.attacks.verifiers import RefusesHonest
from proofward.engines.in_process import FaithfulNetwork
from proofward.engines.remote.memory_sticks.awaited import awaits
from proofward.federation.history.state.history_state import UPLOAD, VERIFY
from proofward.federation.messages.consortium.scaling import Scaling
from proofward.federation.messages.records.catalogue import Upload, Verdict, Verdicts
from proofward.federation.parties.checking import proof_judge
from proofward.federation.parties.checking.proof_judge import in_parts
from tests.federation.committee_plans import Federation, committee_plan
from tests.federation.fakes import plan
from tests.federation.harness import Stopped, opened

TOGETHER = Scaling(verdicts="together")


class Listening(FaithfulNetwork):
    """Notes how many verdicts each message has, by verifier, and loses what `lost` says."""

    history = None

    def __init__(self, lost=lambda history, member, envelope: False):
        self.lost, self.said = lost, []

    def to_aggregator(self, member, message):
        envelope = opened(message)
        assert not isinstance(envelope.record, Verdict)
        if self.lost(self.history, member, envelope):
            return ()
        if isinstance(envelope.record, Verdicts):
            assert self.history.phase == VERIFY
            self.said.append((member, envelope.record.part, len(envelope.record.verdicts)))
        return (message,)


def test_a_verifier_says_one_message_and_who_lies_in_it_is_named(tmp_path):
    network = Listening()
    agreed, liars = replace(plan(4, 3, 1, threshold=1), scaling=TOGETHER), {"verifier-2": RefusesHonest}
    run = Federation(tmp_path, agreed, {"hospital-1": SwapsCiphertext}, liars, network)
    assert run.result.finished and run.result.halted == {} and run.flaws == [("verdict", "verifier-2")]
    assert network.said == [(name, 0, 4) for name in run.engine.rules.verifiers]
    assert run.faults == {("hospital-1", "transcript")}
    assert set(run.history.closed[0].passed) == {"hospital-0", "hospital-2", "hospital-3"}


def test_what_is_asked_later_goes_into_another_part(tmp_path):
    """Of two drawn verifiers one is silent."""
    silent = "verifier-0"
    network = Listening(lambda history, member, envelope: (member, envelope.topic) == (silent, "verdicts"))
    run = Federation(tmp_path, replace(committee_plan(), scaling=TOGETHER), network=network)
    (state,) = run.history.closed
    assert run.result.finished and run.result.halted == {} and run.flaws == [] and run.faults == set()
    assert set(state.passed) == set(run.engine.rules.hospitals) and state.widened
    assert {part for _, part, _ in network.said} == {0, 1}
    said = [member for member, part, _ in network.said if part == 0]
    assert sorted(said) == sorted(set(run.engine.rules.verifiers) - {silent})
    assert sum(count for *_, count in network.said) == len(state.verdicts)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    agreed = replace(plan(4, 2, 1, threshold=1), scaling=TOGETHER)
    return Stopped(tmp_path_factory.mktemp("verdicts"), VERIFY, 1, "verifier-0", Verdicts.kind, agreed)


def test_nobody_waits_for_a_verdict_before_the_uploads_are_closed(tmp_path, stopped):
    early = Stopped(tmp_path, UPLOAD, 1, "hospital-0", Upload.kind, stopped.plan)
    assert len(early.history.round.uploads) == 3 and not early.history.round.verdicts
    assert not awaits(early.history, "verifier-0") and awaits(stopped.history, "verifier-0")


def test_rejects_verdicts_in_another_order_twice_or_of_the_other_kind(stopped):
    envelope = opened(stopped.network.kept[0])
    one, *others = envelope.record.verdicts
    assert len(others) == 3 and stopped.history.judge(envelope.data) == envelope
    wrong = {
        "order": Verdicts(0, (*others, one)),
        "twice": Verdicts(0, (one, one)),
        "single": one,
        "root": Verdicts(0, (replace(one, dataset_root=b""), *others)),
    }
    for record in wrong.values():
        assert stopped.check(stopped.spoken("verifier-0", record)) == ("verdict", "verifier-0")
    subject = Verdicts(0, (replace(one, upload=bytes(32)), *others))
    assert stopped.check(stopped.spoken("verifier-0", subject)) == ("subject", "verifier-0")
    with pytest.raises(MalformedMessage, match="verdicts"):
        encode(Verdicts(0, ()))


def test_rejects_a_second_word_in_another_part(stopped):
    said = opened(stopped.network.kept[0]).record
    other = "verifier-1"
    assert (other, "hospital-0") in stopped.history.round.verdicts
    for part, check in ((0, "replay"), (1, "equivocation")):
        spoken = stopped.spoken(other, Verdicts(part, said.verdicts))
        assert stopped.check(spoken) == (check, other)
    changed = Verdicts(0, said.verdicts[:2])
    assert stopped.check(stopped.spoken(other, changed)) == ("equivocation", other)


def test_rules_with_single_verdicts_take_no_others(tmp_path):
    single = Stopped(tmp_path, VERIFY, 1, "verifier-0", Verdict.kind, plan(3, 1, 1, threshold=1))
    said = opened(single.network.kept[0]).record
    assert single.check(single.spoken("verifier-0", Verdicts(0, (said,)))) == ("verdict", "verifier-0")


def test_parts_are_as_few_as_fit(monkeypatch):
    verdicts = [Verdict(f"h{number}", bytes(32), True, "", "", bytes(32), bytes(16)) for number in range(7)]
    assert list(in_parts(verdicts)) == [tuple(verdicts)] and list(in_parts([])) == []
    monkeypatch.setattr(proof_judge, "MOST_TOGETHER", 3 * len(encode(verdicts[0])))
    assert [len(part) for part in in_parts(verdicts)] == [3, 3, 1]
    monkeypatch.setattr(proof_judge, "MOST_TOGETHER", 1)
    assert [len(part) for part in in_parts(verdicts)] == [1] * 7
