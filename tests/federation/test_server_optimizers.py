"""Whole federations whose server has an optimizer with a state: everybody recomputes it, and other models are refused."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from proofward.encoding import decode, encode
from proofward.engines.attacks.aggregators import _ForgesResult
from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.remote.memory_sticks.awaited import needed_objects
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CONFIRM, UNMASK
from proofward.federation.history.sums.aggregation import model_weights, server_state
from proofward.federation.history.sums.opened_sums import update_rules
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.records.catalogue import Aggregate, StatefulAggregate
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.auditor import Auditor
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.fedadam import FedAdam
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.fedavgm import FedAvgM
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped


def agreed(optimizer: ServerOptimizer, rounds: int = 2):
    found = plan(hospitals=3, verifiers=1, rounds=rounds, threshold=1)
    config = replace(found.config, clip_bound=1 << 12, optimizer=optimizer)
    return replace(found, config=config)


def federation(folder, optimizer: ServerOptimizer, aggregator=Aggregator, rounds: int = 2):
    told = agreed(optimizer, rounds)
    parties = Parties(aggregator=aggregator)
    return InProcessFederation(folder, told, datasets(told), seed=b"s", proofs=FakeProofs(), parties=parties)


def followed(engine: InProcessFederation) -> list[np.ndarray]:
    """The models of all rounds, by the optimizer alone from the recorded sums of updates."""
    history, objects = engine.aggregator.history, engine.aggregator.objects
    own = history.rules.config.model_rule
    models = [model_weights(history, objects, history.closed[0].model)]
    state = own.first_state(len(models[0]))
    for closed in history.closed:
        history.current = closed
        weight = sum(rule.weight for rule in update_rules(history))
        total = model_weights(history, objects, closed.aggregate.record.update_sum)
        model, state = own.following(models[-1], state, total, weight)
        models.append(model)
    history.current = None
    return models


@pytest.fixture(scope="module", params=[FedAvgM(momentum=500_000), FedAdam()], ids=["fedavgm", "fedadam"])
def finished(request, tmp_path_factory):
    engine = federation(tmp_path_factory.mktemp("run"), request.param)
    return engine, engine.run()


@pytest.mark.slow
def test_everybody_follows_the_optimizer(finished):
    engine, result = finished
    assert result.finished and result.refusals == [] and result.halted == {}
    models = followed(engine)
    closed = [state.aggregate.record for state in engine.aggregator.history.closed]
    assert [encode_model(model) for model in models[1:]] == [
        engine.aggregator.objects.get(record.model) for record in closed
    ]
    optimizer = engine.rules.config.optimizer
    assert all(type(record) is StatefulAggregate for record in closed)
    assert all(len(record.server_state) == len(optimizer.vectors) for record in closed)
    assert engine.aggregator.history.server_state == closed[-1].server_state
    assert not np.array_equal(result.weights, models[0])


def encode_model(weights: np.ndarray) -> bytes:
    return integers_to_bytes(weights)


def test_the_audit_recomputes_models_and_states(finished):
    engine, _ = finished
    verdicts = list(Auditor(engine.folder.ledger, FakeProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []


def test_rules_carry_the_optimizer(finished):
    engine, _ = finished
    rules = engine.rules
    assert Rules.from_bytes(rules.data) == rules
    usual = replace(rules, config=replace(rules.config, optimizer=FedAvg()))
    assert usual.digest != rules.digest and "optimizer" not in usual.config.to_dict()


@pytest.mark.slow
def test_a_restored_federation_goes_on_with_the_state(tmp_path, finished):
    """Stopped behind the first round, and opened again from what is on disk."""
    whole, result = finished
    optimizer = whole.rules.config.optimizer
    first = federation(tmp_path, optimizer)
    first.run(lambda: len(first.aggregator.history.closed) == 1)
    assert first.aggregator.history.server_state
    first.close()
    again = federation(tmp_path, optimizer)
    assert again.aggregator.history.server_state == first.aggregator.history.server_state
    assert np.array_equal(again.run().weights, result.weights)


@pytest.mark.slow
def test_members_that_cannot_ask_are_brought_the_state(tmp_path):
    stopped = Stopped(tmp_path, CONFIRM, 2, agreed=agreed(FedAdam(), 2))
    needed = needed_objects(stopped.history, "hospital-0")
    assert {*stopped.history.server_state} <= needed and len(stopped.history.server_state) == 2


class Averages(_ForgesResult):
    """Announces FedAvg's model, with a state that is right."""

    def changed(self, result):
        history, config = self.history, self.rules.config
        weight = sum(rule.weight for rule in update_rules(history))
        total = model_weights(history, self.objects, result.update_sum)
        weights = model_weights(history, self.objects, history.round.model)
        averaging = replace(config.model_rule, optimizer=FedAvg())
        model, _ = averaging.following(weights, (), total, weight)
        return replace(result, model=self.ledger.put_object(integers_to_bytes(model)))


class ForgetsState(_ForgesResult):
    """Announces a state of zeros, and the right model."""

    def changed(self, result):
        zeros = self.rules.config.model_rule.first_state(self.rules.config.model.parameters)
        digests = tuple(self.ledger.put_object(integers_to_bytes(vector)) for vector in zeros)
        return replace(result, server_state=digests)


class KeepsState(_ForgesResult):
    """In the second round, announces the right model and once more the state with which the round began."""

    def changed(self, result):
        return replace(result, server_state=self.history.server_state or result.server_state)


class ExchangesMoments(_ForgesResult):
    """Announces the right vectors in another order."""

    def changed(self, result):
        return replace(result, server_state=result.server_state[::-1])


class Weighs(_ForgesResult):
    """Announces what would follow if the hospitals weighed half as much: steps and state twice as large."""

    def changed(self, result):
        history, own = self.history, self.rules.config.model_rule
        weight = sum(rule.weight for rule in update_rules(history))
        total = model_weights(history, self.objects, result.update_sum)
        weights = model_weights(history, self.objects, history.round.model)
        made = own.following(weights, server_state(history, self.objects), total, weight // 2)
        model, *state = (self.ledger.put_object(integers_to_bytes(own)) for own in (made[0], *made[1]))
        return replace(result, model=model, server_state=tuple(state))


class BeginsAnew(_ForgesResult):
    """In the second round, announces the model and the state that would follow from zeros."""

    def changed(self, result):
        history, own = self.history, self.rules.config.model_rule
        if not history.server_state:
            return result
        weight = sum(rule.weight for rule in update_rules(history))
        total = model_weights(history, self.objects, result.update_sum)
        weights = model_weights(history, self.objects, history.round.model)
        made = own.following(weights, own.first_state(len(weights)), total, weight)
        model, *state = (self.ledger.put_object(integers_to_bytes(own)) for own in (made[0], *made[1]))
        return replace(result, model=model, server_state=tuple(state))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dishonest", "check"),
    [
        (Averages, "aggregate-model"),
        (ForgetsState, "aggregate-state"),
        (KeepsState, "aggregate-state"),
        (ExchangesMoments, "aggregate-state"),
        (Weighs, "aggregate-model"),
        (BeginsAnew, "aggregate-model"),
        (ATTACKS["altered-update"].aggregator, "aggregate-ciphertext-sum"),
    ],
)
def test_every_member_and_the_audit_refuse_another_model_by_name(tmp_path, dishonest, check):
    engine = federation(tmp_path, FedAdam(), dishonest, rounds=2)
    result = engine.run()
    assert not result.finished
    members = {*engine.rules.hospitals, *engine.rules.verifiers}
    assert {name: (own.check, own.culprit) for name, own in result.halted.items()} == dict.fromkeys(
        members, (check, "aggregator")
    )
    failed = [own for own in Auditor(engine.folder.ledger, FakeProofs()).run() if not own.passed]
    assert check in {own.refusal.check for own in failed}
    assert {own.refusal.culprit for own in failed} == {"aggregator"}


@pytest.mark.slow
def test_a_result_has_the_vectors_of_the_rules(tmp_path):
    """Neither the message of another optimizer nor one with another number of vectors is recorded."""
    stopped = Stopped(tmp_path, UNMASK, 1, "hospital-0", "share-sum", agreed=agreed(FedAdam(), 1))
    for packet in stopped.network.kept:
        stopped.aggregator.handle(packet)
    honest = stopped.aggregator.aggregate()
    assert isinstance(honest, StatefulAggregate) and decode(encode(honest), StatefulAggregate) == honest
    plain = {name: getattr(honest, name) for name in (field.name for field in fields(Aggregate))}
    for wrong in (Aggregate(**plain), replace(honest, server_state=honest.server_state[:1])):
        assert stopped.check(stopped.announced(wrong)) == ("server-state", "aggregator")
    History.judge(stopped.history, stopped.announced(honest))
