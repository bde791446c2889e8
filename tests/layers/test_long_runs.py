"""Training never stops for what records say: many rounds of every preset, and records at the extremes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.data.reading.records import Records
from proofward.data.synthetic import make_synthetic
from proofward.layers.networks.bounds import weight_limit
from proofward.layers.networks.network import mlp
from proofward.models import Preset, preset
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.fedadam import FedAdam
from proofward.optimizers.fedavgm import FedAvgM
from proofward.report.comparing.baselines import federated, first_weights

PRESETS = ("tiny", "logistic", "wdbc", "wide")
LONG = [
    pytest.param(name, rounds, marks=[] if rounds == own else [pytest.mark.exhaustive])
    for name, own in zip(PRESETS, (1000, 200, 200, 200), strict=True)
    for rounds in (200, 1000, 3000)
]
"""A thousand rounds of the fastest, some hundred of the others; all others are sweeps."""


def narrow(setup: Preset) -> Preset:
    """`wide` with layers of 8 units; scales and training as they are."""
    return replace(setup, model=mlp((8,) * 9 + (2,))) if setup.name == "wide" else setup


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rounds"), LONG)
def test_long_runs(name: str, rounds: int) -> None:
    setup = narrow(preset(name))
    rows = setup.training.batch
    hospital = make_synthetic(rows, setup.model.features, 1, setup.scales)
    result = federated(setup, [hospital], rounds, 0)
    limit = weight_limit(setup.model, setup.scales, setup.training, rows)
    assert 0 < np.abs(result.weights).max() <= limit
    assert not np.array_equal(result.weights, first_weights(setup, 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", ["ends", "contradictory", "one label", "constant"])
def test_rounds_on_records_at_the_extremes(name: str, kind: str) -> None:
    setup = narrow(preset(name))
    low, high = setup.scales.input_range
    rows, random = setup.training.batch, np.random.default_rng(3)
    features = random.choice([low, high], (rows, setup.model.features))
    labels = random.integers(0, 2, rows)
    if kind == "contradictory":
        features[1::2], labels[::2], labels[1::2] = features[::2], 0, 1
    elif kind == "one label":
        labels[:] = 1
    elif kind == "constant":
        features[:] = low
    result = federated(setup, [Records(features, labels), Records(-1 - features, 1 - labels)], 40, 0)
    assert np.abs(result.weights).max() <= weight_limit(setup.model, setup.scales, setup.training, rows)


@pytest.mark.parametrize("optimizer", [FedAvgM(300_000_000, 950_000), FedAdam(rate=50_000_000)])
def test_large_steps_of_a_servers_optimizer_stay_within_the_limit(optimizer: ServerOptimizer) -> None:
    """Every round starts from weights within the bound for which it is proved, however large the steps are."""
    setup = preset("tiny")
    hospital = make_synthetic(setup.training.batch, setup.model.features, 1, setup.scales)
    limit = weight_limit(setup.model, setup.scales, setup.training, len(hospital))
    result = federated(setup, [hospital], 20, 0, optimizer)
    assert np.abs(result.weights).max() == limit
