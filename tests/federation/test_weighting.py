"""Whole federations in which an update does not weigh its number of records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.attacks.forger import Cheat
from proofward.engines.attacks.hospitals import ScalesUpdate
from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.sums.aggregation import model_weights
from proofward.layers.averaging.aggregation import mean_update
from proofward.layers.averaging.weighting import BY_RECORDS, CAPPED, ROOT, Weighting
from proofward.report.demonstrations.attack_outcome import judge
from proofward.report.demonstrations.scenario import make_scenario

pytestmark = pytest.mark.slow
SIZES = (64, 30, 17)


class WeighsByRecords(ScalesUpdate):
    """Weighs its update by its number of records, where the rules say otherwise, and forges a proof."""

    def cheat(self, statement, known, rng):
        """The update that rules by records would have, with its multiplier."""
        config = replace(statement.config, weighting=BY_RECORDS)
        rule = config.update_rule(statement.rows, statement.weight_shift)
        assert rule.weight != statement.rule.weight

        def change(trained):
            multiplier, update = rule.submit(trained.delta)
            return replace(trained, multiplier=multiplier, update=update)

        return Cheat(change=change)


@pytest.mark.parametrize("weighting", [Weighting(CAPPED, 24), Weighting(ROOT)], ids=["capped", "root"])
def test_who_weighs_its_update_by_another_rule_is_refused(tmp_path, weighting):
    scenario = make_scenario("tiny", 3, 1, 1)
    plan = replace(scenario.plan, config=replace(scenario.plan.config, weighting=weighting))
    everybody = list(scenario.hospitals.values())
    features = np.concatenate([rows.features for rows in everybody])
    labels = np.concatenate([rows.labels for rows in everybody])
    datasets = {
        name: (features[:rows], labels[:rows]) for name, rows in zip(plan.hospitals, SIZES, strict=True)
    }
    attack = replace(ATTACKS["scaled-update"], hospital=WeighsByRecords)
    engine = InProcessFederation(
        tmp_path / "run", plan, datasets, seed=bytes(32), parties=attack.parties("hospital-0")
    )
    result = engine.run()
    history = engine.aggregator.history
    outcome = judge(attack, "hospital-0", result, history, [])
    assert outcome.culprit == "hospital-0" and {own.culprit for own in result.faults} == {"hospital-0"}
    assert all("hospital-0" not in history.accepted_in(state.number) for state in history.closed)


@pytest.mark.parametrize("weighting", [Weighting(CAPPED, 24), Weighting(ROOT)], ids=["capped", "root"])
def test_the_mean_is_weighted_as_agreed_and_who_weighs_more_is_refused(tmp_path, weighting):
    scenario = make_scenario("tiny", 3, 1, 1)
    plan = replace(scenario.plan, config=replace(scenario.plan.config, weighting=weighting))
    everybody = [rows for rows in scenario.hospitals.values()]
    features = np.concatenate([rows.features for rows in everybody])
    labels = np.concatenate([rows.labels for rows in everybody])
    datasets = {
        name: (features[:size], labels[:size]) for name, size in zip(plan.hospitals, SIZES, strict=True)
    }
    attack = ATTACKS["scaled-update"]
    engine = InProcessFederation(
        tmp_path / "run", plan, datasets, seed=bytes(32), parties=attack.parties("hospital-0")
    )
    result = engine.run()
    history, objects = engine.aggregator.history, engine.aggregator.objects
    assert not result.finished  # two of three hospitals are too few for a sum
    outcome = judge(attack, "hospital-0", result, history, [])
    assert outcome.culprit == "hospital-0" and {own.culprit for own in result.faults} == {"hospital-0"}

    honest = InProcessFederation(tmp_path / "honest", plan, datasets, seed=bytes(32))
    assert honest.run().finished
    history, objects = honest.aggregator.history, honest.aggregator.objects
    (closed,) = history.closed
    before = model_weights(history, objects, closed.model)
    after = model_weights(history, objects, closed.aggregate.record.model)
    total = model_weights(history, objects, closed.aggregate.record.update_sum)
    shift = plan.config.weight_shift(max(SIZES))
    weight = sum(weighting.weight(size, shift) for size in SIZES)
    assert weight != sum(size << 10 >> shift for size in SIZES)
    assert np.array_equal(after - before, mean_update(total, weight, plan.config.scales.weight_bits))
