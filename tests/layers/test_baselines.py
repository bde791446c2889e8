"""The float twin follows the fixed-point training, and federation pays, on the breast cancer data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.data.reading.records import Records, to_fixed_point
from proofward.data.splits import held_out_split, hospital_split
from proofward.data.synthetic import make_synthetic
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import logit_differences, train
from proofward.layers.references.float_twin import real_features, real_weights, scores, train_float
from proofward.layers.rules.model import FixedPoint
from proofward.layers.rules.schedule import schedule
from proofward.models import PRESETS, preset
from proofward.models.settings import Settings
from proofward.report.comparing.baselines import (
    federated,
    federated_float,
    first_weights,
    fixed_auc,
    fixed_scores,
    float_auc,
)
from proofward.report.comparing.evaluation import auc, evaluate


def test_auc_counts_pairs() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    assert auc(np.array([1, 2, 3, 4, 5]), labels) == 1.0
    assert auc(np.array([3, 2, 3, 1, 5]), labels) == (1.5 + 0 + 2) / 6
    with pytest.raises(ValueError, match="both labels"):
        auc(np.array([1.0]), np.array([1]))


@pytest.mark.parametrize("name", ["wdbc", "logistic", "tiny"])
def test_one_round_stays_near_the_float_twin(name: str) -> None:
    setup = preset(name)
    records = make_synthetic(96, setup.model.features, 5, setup.scales)
    batches = schedule(b"b", "h", 96, setup.training)
    weights = first_weights(setup, 1)
    update = train(
        setup.model, setup.scales, setup.training, weights, records.features, records.labels, batches
    ).update
    start = real_weights(weights, setup.scales)
    features = real_features(records.features, setup.scales)
    twin = train_float(setup.model, setup.scales, setup.training, start, features, records.labels, batches)
    difference = np.linalg.norm(real_weights(update, setup.scales) - twin)
    assert 0 < difference < 0.1 * np.linalg.norm(twin)
    fixed = logit_differences(setup.model, setup.scales, weights + update, records.features) / 64
    assert np.abs(fixed - scores(setup.model, setup.scales, start + twin, features)).max() < 0.3


@pytest.mark.slow
def test_federated_breast_cancer_matches_float_and_beats_lone_hospitals() -> None:
    pytest.importorskip("sklearn")
    from proofward.data.wdbc import load_wdbc

    setup = preset("wdbc")
    training, held_out = held_out_split(load_wdbc(setup.scales), 0)
    hospitals = hospital_split(training, 5, 0)
    result = federated(setup, hospitals, 15, 0)
    assert result.clipped == 0 and result.largest_entry < 1 << 19
    figure = fixed_auc(setup, result.weights, held_out)
    assert abs(figure - float_auc(setup, federated_float(setup, hospitals, 15, 0), held_out)) < 0.002
    alone = [float_auc(setup, federated_float(setup, [own], 15, 0), held_out) for own in hospitals]
    assert figure > sum(alone) / 5


def test_a_low_clip_bound_clips() -> None:
    setup = replace(preset("tiny"), clip_bound=20)
    hospitals = [make_synthetic(32, 4, seed, setup.scales) for seed in range(2)]
    assert federated(setup, hospitals, 2, 0).clipped == 4


def test_presets_are_consistent() -> None:
    for name, setup in PRESETS.items():
        assert setup.name == name and preset(name) == setup and setup.summary
        assert setup.clip_bound > 0 and setup.training.steps_for(512) >= 1
    with pytest.raises(ConfigurationError, match="wdbc"):
        preset("none")


def kinds(rows: int, classes: int, seed: int, scales: FixedPoint) -> Records:
    """Records whose class is that of the largest of their first features, nearly always."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 1, (rows, classes + 1))
    labels = np.argmax(values[:, :classes] + random.normal(0, 0.2, (rows, classes)), axis=1)
    return Records(to_fixed_point(values, scales), labels.astype(np.int64))


@pytest.mark.parametrize("classes", [3, 5])
def test_several_classes_are_learned_and_match_float(classes: int) -> None:
    setup = Settings((12,), 0.5, 16, epochs=3, clip_bound=16.0).preset("kinds", "", classes + 1, classes)
    hospitals = [kinds(96, classes, seed, setup.scales) for seed in range(3)]
    held_out = kinds(400, classes, 9, setup.scales)
    result = federated(setup, hospitals, 6, 1)
    found = evaluate(fixed_scores(setup, result.weights, held_out), held_out.labels)
    assert found.accuracy > 0.8 and found.auc > 0.94 and len(found.confusion) == classes
    assert found.auc == fixed_auc(setup, result.weights, held_out)
    twin = federated_float(setup, hospitals, 6, 1)
    assert abs(found.auc - float_auc(setup, twin, held_out)) < 0.004
