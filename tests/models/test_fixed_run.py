"""A fixed-point training that is watched: the trainer's own integers, and every value that saturates is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.divisor import Divisor
from proofward.layers.local_training.training import train
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule
from proofward.models.calibration import HOSPITAL, beacons
from proofward.models.fixed_run import fixed_run
from proofward.models.settings import Preset

SEED, LIMIT = b"s" * 32, 64 << 24
LAYERS = [
    {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1},
    {"kind": "relu_avgpool2d"},
    {"kind": "linear", "outputs": 3},
    {"kind": "linear", "outputs": 2},
]
SETUP = Preset("small", "", chain((1, 4, 4), LAYERS), FixedPoint(), Training(rate=4, batch=4, steps=3), 1 << 12)
RANDOM = np.random.default_rng(5)
FEATURES = RANDOM.integers(-64, 65, (16, 16)).astype(np.int64)
LABELS = (FEATURES.sum(axis=1) > 0).astype(np.int64)
FIRST = initial_weights(SETUP.model, SETUP.scales, SEED)


RANGED = replace(
    SETUP,
    model=chain((1, 4, 4), [LAYERS[0], LAYERS[0], *LAYERS[1:]]),
    scales=replace(SETUP.scales, weight_range_bits=26),
)


@pytest.mark.parametrize("setup", [SETUP, RANGED], ids=["weights without a range", "weights with a range"])
def test_weights_are_those_of_the_trainer_round_by_round(setup):
    model, scales, training = setup.model, setup.scales, setup.training
    first = weights = initial_weights(model, scales, SEED)
    for beacon in beacons(SEED, 2):
        batches = schedule(beacon, HOSPITAL, len(LABELS), training)
        update = train(model, scales, training, weights, FEATURES, LABELS, batches).update
        weights = weights + Divisor.of(model.finest).rounded(update)
    found = fixed_run(setup, FEATURES, LABELS, first, beacons(SEED, 2), LIMIT)
    assert np.array_equal(found.weights, weights) and found.clamped == 0
    assert all(own.sums == own.gradients == 0 for own in found.saturation)


def test_beacons_begin_with_the_seed_and_differ():
    assert beacons(SEED, 1) == [SEED] and len(set(beacons(SEED, 3))) == 3


def test_every_value_beyond_a_range_is_counted():
    """With weights of the first layer 0 and its bias at 8, every hidden value is 8 where the range ends at 4."""
    narrow = replace(SETUP, scales=replace(SETUP.scales, activation_range_bits=8, logit_range_bits=1))
    first = np.zeros_like(FIRST)
    (_, bias), *_, (weights, _) = SETUP.model.unflatten(first)
    bias[:] = 8 << 24
    weights[:] = FIRST[: weights.size].reshape(weights.shape)
    one = replace(narrow, training=Training(rate=1, batch=4, steps=1))
    found = fixed_run(one, FEATURES, LABELS, first, [SEED], LIMIT).saturation
    assert [own.sums for own in found] == [1.0, 0.0, 0.0]
    wider = replace(one, scales=SETUP.scales)
    assert fixed_run(wider, FEATURES, LABELS, first, [SEED], LIMIT).saturation[0].sums == 0.0


def test_gradients_that_saturate_or_vanish_and_weights_that_are_clamped_are_counted():
    coarse = replace(SETUP, scales=FixedPoint(6, 2, 18, 12, 9, 9, 12))
    first = initial_weights(SETUP.model, coarse.scales, SEED)
    found = fixed_run(coarse, FEATURES, LABELS, first, [SEED], 1 << 18)
    assert found.saturation[2].vanished > 0 == found.saturation[2].gradients and found.clamped > 0
    assert np.abs(found.weights).max() == 1 << 18
    narrow = replace(SETUP, scales=FixedPoint(6, 8, 24, 12, 1, 9, 12))
    saturated = fixed_run(narrow, FEATURES, LABELS, FIRST, [SEED], LIMIT).saturation
    assert saturated[0].gradients == 0.0 < saturated[2].gradients
