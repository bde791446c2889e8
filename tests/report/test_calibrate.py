"""Calibration as a function: what a sample says of today's scales, of others, and of what saturates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import proofward
from proofward.layers.basics.errors import ConfigurationError, TrainingError
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint
from proofward.models.presets import PRESETS
from proofward.report.calibrate import Sample, calibrate, usual_rules
from proofward.report.calibration_usual import LEAST_RECORDS, MOST_COST

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(0, 1, (40, 4))
LABELS = (FEATURES[:, 0] + FEATURES[:, 1] > 0).astype(np.int64)
TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def found():
    return proofward.calibrate(TINY, FEATURES, LABELS, rounds=2)


@pytest.mark.slow
def test_figures_of_both_scales_belong_to_the_same_training(found):
    today, suggested = found.today, found.suggested
    assert (found.rows, found.rounds, found.steps) == (40, 2, TINY.training.steps)
    assert today.scales == TINY.scales != suggested.scales and not found.reason
    assert len(found.reached) == len(today.headroom) == len(suggested.saturation) == 2
    assert abs(today.loss - found.float_loss) < 0.05 > abs(suggested.loss - found.float_loss)
    assert min(today.agreement, suggested.agreement) > 0.9
    assert not list(today.problems()) and not list(suggested.problems())


def test_suggested_scales_can_be_proved_at_about_the_same_cost(found):
    own = found.suggested
    assert own.rules.scales == own.scales and own.inspection.refusal is None
    assert own.inspection.round.plan.soundness_bits >= own.rules.security_bits == found.today.rules.security_bits
    assert own.prove_seconds <= MOST_COST * found.today.prove_seconds
    assert own.headroom[0].sums >= 2 and own.headroom[1].input_gradients >= 2


def test_what_saturates_is_a_problem():
    narrow = replace(TINY, scales=replace(FixedPoint(), activation_range_bits=7, gradient_range_bits=1))
    today = calibrate(narrow, FEATURES, LABELS, rounds=1).today
    words = "\n".join(today.problems())
    assert "features: " in words and "pre-activations are beyond" in words and "gradients of its inputs" in words
    assert not list(today.problems(100)) and today.features > 0.1 and today.features_room < 0


def test_where_no_other_scales_can_be_proved_none_are_suggested():
    def rules_of(setup):
        if setup is not TINY:
            raise ConfigurationError("scales", "others", setup.scales)
        return proofward.RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, 3, 1)

    def read(scales):
        return proofward.Records(proofward.to_fixed_point(FEATURES, scales), LABELS)

    made = Sample(TINY, read, rules_of, rounds=1).calibration()
    assert made.suggested is None and "scales: expected others" in made.reason and not made.nearer
    assert Sample(TINY, read, rounds=1).calibration(suggest=False).suggested is None


def test_given_first_weights_keep_their_scale():
    first = np.zeros(TINY.model.parameters, dtype=np.int64)

    def read(scales):
        return proofward.Records(proofward.to_fixed_point(FEATURES, scales), LABELS)

    made = Sample(TINY, read, first=first, rounds=1).calibration()
    assert made.suggested.scales.weight_bits == TINY.scales.weight_bits
    assert made.reached[0].sums == 0.0, "zeros learn nothing in the first layer"


def test_rejects_few_records():
    few = LEAST_RECORDS - 1
    with pytest.raises(TrainingError, match=f"records of the sample: expected at least {LEAST_RECORDS}, got {few}"):
        calibrate(TINY, FEATURES[:few], LABELS[:few])


def test_layers_get_ranges_of_their_own_where_those_of_all_cannot_be_proved_or_cost_more():
    deep = replace(TINY, model=mlp((4, 6, 5, 2)))

    def rules_of(setup):
        if setup is not deep and setup.scales == setup.scales.alike:
            raise ConfigurationError("scales", "others", setup.scales)
        return usual_rules(setup)

    def read(scales):
        return proofward.Records(proofward.to_fixed_point(FEATURES, scales), LABELS)

    random = np.random.default_rng(1)
    first = random.normal(0, 0.4, deep.model.parameters)
    start, _, end = deep.model.offsets[1]
    first[start:end] *= 8
    first = np.rint(first * (1 << deep.scales.weight_bits)).astype(np.int64)
    found = Sample(deep, read, rules_of, first=first, rounds=1).calibration()
    own = found.suggested.scales
    assert own.activation_ranges[0] < own.activation_ranges[1] == own.activation_range_bits
    assert all(2 <= room.sums < 3 for room in found.suggested.headroom[:-1])
    free = Sample(deep, read, first=first, rounds=1).calibration().suggested
    assert free.prove_seconds <= found.suggested.prove_seconds
