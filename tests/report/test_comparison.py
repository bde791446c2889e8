"""Scores of methods: by hand on small inputs, and the baselines against one another."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.data.wdbc import NORMALISATION
from proofward.layers.basics.errors import ConfigurationError
from proofward.report.comparing.baselines import (
    federated_float,
    first_weights,
    fixed_auc,
    float_auc,
    float_rounds,
    round_beacon,
)
from proofward.report.comparing.comparison import MethodScores, compare, lone_mean, score_rounds
from proofward.report.comparing.plot import plot_auc
from proofward.report.demonstrations.scenario import make_scenario


@pytest.fixture(scope="module")
def scenario():
    return make_scenario("tiny", 3, 4, seed=5)


def test_scores_by_hand():
    labels = np.array([1, 0, 1, 0])
    found = score_rounds([np.array([2.0, -1.0, 0.5, 1.0]), np.array([1, 0, 1, 0])], labels)
    assert found == MethodScores((0.75, 1.0), (0.75, 1.0), ((2, 0), (0, 2)))


def test_all_methods_start_alike_and_follow_the_beacons(scenario):
    beacons = [round_beacon(1, number) for number in range(3)]
    first = first_weights(scenario.setup, 5)
    models = [first] * 4
    found = compare(scenario.setup, scenario.hospitals, scenario.held_out, beacons, models)
    assert set(found) == {
        "proofward",
        "federated float",
        "centralised",
        *(f"alone: hospital-{i}" for i in range(3)),
    }
    assert all(len(entry.auc) == 3 for entry in found.values())
    assert set(found["proofward"].auc) == {fixed_auc(scenario.setup, first, scenario.held_out)}
    named = scenario.hospitals
    expected = [
        float_auc(scenario.setup, w, scenario.held_out)
        for w in float_rounds(scenario.setup, named, beacons, first)
    ]
    assert list(found["federated float"].auc) == expected
    other = list(float_rounds(scenario.setup, named, beacons[::-1], first))[-1]
    assert (other != list(float_rounds(scenario.setup, named, beacons, first))[-1]).any()


def test_the_mean_of_the_lone():
    found = {
        "proofward": MethodScores((1.0,), (1.0,)),
        "alone: a": MethodScores((0.5,), (0.25,)),
        "alone: b": MethodScores((1.0,), (0.75,)),
    }
    assert lone_mean(found) == MethodScores((0.75,), (0.5,))


def test_one_hospital_federated_is_that_hospital_alone(scenario):
    name, records = next(iter(scenario.hospitals.items()))
    beacons = [round_beacon(5, number) for number in range(2)]
    rounds = list(float_rounds(scenario.setup, {name: records}, beacons, first_weights(scenario.setup, 5)))
    assert (rounds[-1] == federated_float(scenario.setup, [records], 2, 5)).all()
    assert (rounds[0] == federated_float(scenario.setup, [records], 1, 5)).all()


def test_scenarios_are_fixed_by_the_seed_and_share_no_record():
    one, two = (make_scenario("wdbc", 5, 2, 1) for _ in range(2))
    assert all((one.hospitals[n].features == two.hospitals[n].features).all() for n in one.hospitals)
    assert one.plan.initial_weights is None and two.plan.federation == one.plan.federation
    other = make_scenario("wdbc", 5, 2, 2)
    assert (one.held_out.features != other.held_out.features).any()
    assert sum(map(len, one.hospitals.values())) + len(one.held_out) == 569
    assert one.held_out.features.shape[1] == len(NORMALISATION)
    assert (one.plan.config.threshold, one.plan.minimum_updates) == (2, 4)


@pytest.mark.parametrize("arguments", [("none", 3, 1), ("tiny", 1, 1), ("tiny", 101, 1), ("tiny", 3, 0)])
def test_impossible_scenarios(arguments):
    with pytest.raises(ConfigurationError):
        make_scenario(*arguments, seed=0)


def test_the_plot_is_a_picture(tmp_path):
    entry = MethodScores((0.5, 0.75), (0.5, 0.5))
    names = ("proofward", "federated float", "centralised", "alone: a", "alone: b")
    plot_auc(dict.fromkeys(names, entry), tmp_path / "auc.png")
    assert (tmp_path / "auc.png").read_bytes().startswith(b"\x89PNG")
