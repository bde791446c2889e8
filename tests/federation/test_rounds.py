"""Attempts and consents in whole federations: who dies, who lies, and for whom the run waits."""

from __future__ import annotations

import pytest

from proofward.engines.attacks.hospitals import ComplainsFalsely
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.federation.history.state.history_state import ABANDON, CONSENT
from proofward.federation.messages.consortium.rules import RulesError
from proofward.federation.messages.records.catalogue import Abandonment, Consent
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened

pytestmark = pytest.mark.slow


class Dying(FaithfulNetwork):
    """Carries nothing of some members from their first message of a kind on."""

    def __init__(self, members, topic):
        self.members, self.topic, self.dead = members, topic, set()

    def to_aggregator(self, member, message):
        if member in self.members and opened(message).topic == self.topic:
            self.dead.add(member)
        return () if member in self.dead else (message,)


def federation(directory, **changes):
    agreed = plan(rounds=1)
    return InProcessFederation(directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), **changes)


def test_a_hospital_that_dies_before_its_consent_ends_nothing(tmp_path):
    engine = federation(tmp_path, network=Dying(("hospital-1",), "consent"))
    result = engine.run()
    history = engine.aggregator.history
    assert result.finished and result.halted == {}
    (first,), (closed,) = history.earlier, history.closed
    assert first.withdrawn == ("hospital-1",) and len(first.abandonments) == 4
    assert closed.attempt == 1 and "hospital-1" not in closed.accepted.record.hospitals
    assert closed.beacon == first.beacon


def test_with_two_absent_the_run_says_for_whom_it_waits(tmp_path):
    engine = federation(tmp_path, network=Dying(("hospital-1", "hospital-3"), "consent"))
    result = engine.run()
    assert not result.finished and engine.aggregator.history.phase == ABANDON
    assert result.waits_for == ("hospital-1", "hospital-3")


def test_a_false_complaint_costs_its_maker_and_not_its_victim(tmp_path):
    engine = federation(tmp_path, parties=Parties(hospitals={"hospital-4": ComplainsFalsely}))
    result = engine.run()
    history = engine.aggregator.history
    (first,), (closed,) = history.earlier, history.closed
    assert result.finished
    assert [(fault.culprit, fault.check) for fault in result.faults] == [("hospital-4", "complaint")]
    accepted = closed.accepted.record.hospitals
    assert "hospital-0" in accepted and "hospital-4" not in accepted
    shown = first.uploads["hospital-0"].record, closed.uploads["hospital-0"].record
    assert shown[0].ciphertext != shown[1].ciphertext
    assert not set(shown[0].sealed_shares) & set(shown[1].sealed_shares) - {b""}
    assert first.accepted is None and first.share_sums == {}


@pytest.fixture
def consenting(tmp_path):
    stopped = Stopped(tmp_path, CONSENT, 1, "hospital-2", "consent", plan(rounds=1))
    yield stopped
    stopped.engine.close()


def test_rejects_a_consent_to_another_set_or_model(consenting):
    digest, model = consenting.history.round.accepted.digest, consenting.history.round.model
    other = consenting.spoken("hospital-2", Consent(bytes(32), model))
    assert consenting.check(other) == ("subject", "hospital-2")
    other = consenting.spoken("hospital-2", Consent(digest, bytes(32)))
    assert consenting.check(other) == ("model", "hospital-2")


def test_rejects_an_abandonment_before_the_set_is_withdrawn(consenting):
    digest = consenting.history.round.accepted.digest
    early = consenting.spoken("hospital-2", Abandonment(digest))
    assert consenting.check(early) == ("phase", "hospital-2")


def test_a_hospital_consents_to_a_second_set_only_after_the_first_is_abandoned(consenting):
    member, name = consenting.engine.hospitals["hospital-2"], "consent/1"
    accepted = member.history.round.accepted
    with member.state.transaction():
        member.state.put(name, bytes(32))
    with pytest.raises(Exception, match="second-unmasking"):
        member.require_only_set(name, accepted)
    member.history.abandoned.add(bytes(32))
    member.require_only_set(name, accepted)


@pytest.mark.parametrize(("field", "value"), [("minimum_updates", 3), ("abandonments", 2)])
def test_rejects_rules_below_the_least_numbers(tmp_path, field, value):
    from dataclasses import replace

    agreed = replace(plan(), **{field: value})
    with pytest.raises(RulesError, match=field):
        InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())


def test_rejects_rules_under_which_a_hospital_takes_one_exact_step_on_all_its_records(tmp_path):
    from dataclasses import replace

    agreed = plan(bits=100)
    assert agreed.config.least_rows == agreed.config.training.batch + 1
    agreed = replace(agreed, config=replace(agreed.config, least_rows=agreed.config.training.batch))
    with pytest.raises(RulesError, match="steps: expected several steps a round"):
        InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())


def test_usual_rules_need_more_than_t_dishonest_hospitals_and_survive_one_absence(consenting):
    rules = consenting.engine.rules
    assert rules.colluding_holders == rules.config.threshold + 1 == 3
    assert rules.absent_hospitals == 1
