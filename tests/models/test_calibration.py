"""Scales by calibration: admissible, as fine as bounds allow, with room, and rounds with them are proved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError, TrainingError
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import chain
from proofward.layers.references.float_twin import real_features, real_weights, train_float
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule
from proofward.models.calibration import CANDIDATES, MARGIN, Reached, candidates, float_run, headroom
from proofward.models.settings import Preset
from proofward.relations.proofs.prove import verify_round
from proofward.relations.rules.config import RoundConfig
from tests.relations.cases import make_case

SEED, ROWS = b"s" * 32, 16
LAYERS = [
    {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "linear", "outputs": 3},
    {"kind": "linear", "outputs": 2},
]
SETUP = Preset(
    "small", "", chain((1, 4, 4), LAYERS), FixedPoint(), Training(rate=4, batch=4, steps=2), 1 << 12
)


def sample(scale: int = 64) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    features = random.integers(-scale, scale + 1, (ROWS, 16)).astype(np.int64)
    features[0, 0] = scale
    return features, (features.sum(axis=1) > 0).astype(np.int64)


def found(largest: float = 1.0) -> list[Reached]:
    return [
        Reached("a", largest, 0.0, 1.0),
        Reached("b", largest / 16, largest / 64, 0.5),
        Reached("c", 2.0, largest / 4, 0.5),
    ]


def reached(setup: Preset, features: np.ndarray, labels: np.ndarray, seed: bytes) -> tuple[tuple[Reached, ...], float]:
    """What each layer reaches in a float32 round on a sample, and the largest feature."""
    first = real_weights(initial_weights(setup.model, setup.scales, seed), setup.scales)
    run = float_run(setup, real_features(features, setup.scales), labels, first, [seed])
    return run.reached, run.feature


def calibrated(setup: Preset, own: Sequence[Reached], feature: float, rows: int) -> FixedPoint:
    """The finest candidate with which all bounds of a round hold for hospitals of so many rows."""
    reason = "no candidate has the limbs that tables bear"
    for scales in candidates(setup.scales, own, feature):
        try:
            RoundConfig(
                setup.model, scales, setup.training, setup.clip_bound, 3, 1, least_rows=rows, most_rows=rows
            )
        except TrainingError as error:
            reason = str(error)
        else:
            return scales
    raise ConfigurationError("scales", f"bounds of {setup.model.words} that hold with {rows} rows", reason)


def test_what_is_reached_is_what_training_computes():
    features, labels = sample()
    one_step = replace(SETUP, training=Training(rate=4, batch=4, steps=1))
    own, feature = reached(one_step, features, labels, SEED)
    assert feature == 1.0 and [layer.input_gradients > 0 for layer in own] == [False, True, True]
    first = real_weights(initial_weights(SETUP.model, SETUP.scales, SEED), SETUP.scales)
    batches = schedule(SEED, "calibration", ROWS, one_step.training)
    inputs = real_features(features, SETUP.scales)
    layer, parts = SETUP.model.layers[0], first[: SETUP.model.offsets[0][1]]
    biases = np.zeros(layer.biases.size, np.float32)
    sums = layer.real_sums(parts.reshape(layer.shape), biases, inputs[batches[0]])
    assert own[0].sums == pytest.approx(np.abs(sums).max(), rel=1e-5)
    update = train_float(SETUP.model, SETUP.scales, one_step.training, first, inputs, labels, batches)
    for (start, _, end), layer_reached in zip(SETUP.model.offsets, own, strict=True):
        assert layer_reached.weights == pytest.approx(np.abs((first + update)[start:end]).max(), rel=1e-5)


def test_ranges_have_the_margin_above_what_was_reached():
    features, labels = sample()
    own, feature = reached(SETUP, features, labels, SEED)
    scales = calibrated(SETUP, own, feature, ROWS)
    config = RoundConfig(SETUP.model, scales, SETUP.training, SETUP.clip_bound, 3, 1)
    room = headroom(scales, own, config.weight_limit)
    assert all(layer.sums >= MARGIN for layer in room[:-1])
    assert room[0].input_gradients is None
    assert all(layer.input_gradients >= MARGIN for layer in room[1:])
    assert feature * (1 << scales.activation_bits) <= scales.input_range[1]


def test_the_learning_rate_stays_and_the_finest_candidate_is_taken():
    scales = calibrated(SETUP, found(), 1.0, ROWS)
    assert scales.rate_shift == SETUP.scales.rate_shift
    fits = [fine for fine in CANDIDATES if sum(fine) + scales.rate_shift <= 30]
    assert (scales.activation_bits, scales.gradient_bits) == fits[0]


@pytest.mark.parametrize("largest", [0.01, 1.0, 100.0, 1000.0])
def test_larger_values_get_wider_ranges(largest: float):
    scales = calibrated(SETUP, found(largest), 1.0, ROWS)
    assert scales.activation_limit >= largest * 4 * (1 << scales.activation_bits)
    assert scales.gradient_limit >= largest * (1 << scales.gradient_bits)


def test_every_layer_has_the_margin_above_what_it_reached():
    own = found(4.0)
    for scales in candidates(SETUP.scales, own, 1.0):
        assert scales.activation_ranges == (scales.activation_bits + 3 + MARGIN, scales.activation_bits - 1 + MARGIN)
        assert scales.gradient_ranges == (scales.gradient_bits - 3 + MARGIN - 1, scales.gradient_bits + 1 + MARGIN - 1)
        assert scales.activation_range_bits == max(scales.activation_ranges)
        assert scales.gradient_range_bits == max(scales.gradient_ranges)
        room = headroom(scales, own, 1 << scales.weight_bits)
        assert [layer.sums for layer in room[:2]] == [MARGIN + 1.0, MARGIN + 1.0]
        assert [layer.input_gradients for layer in room[1:]] == pytest.approx([MARGIN + math.log2(3)] * 2)


def test_layers_of_which_nothing_is_known_have_the_ranges_of_all():
    own = [Reached("a", 4.0, 0.0, 1.0), Reached("b", 0.0, 0.0, 0.5), Reached("c", 2.0, 1.0, 0.5)]
    for scales in candidates(SETUP.scales, own, 1.0):
        assert scales == scales.alike


def test_wide_features_widen_the_range_of_inputs():
    assert calibrated(SETUP, found(), 500.0, ROWS).input_range[1] >= 500


def test_rejects_values_that_no_range_holds():
    with pytest.raises(ConfigurationError, match="scales"):
        calibrated(SETUP, found(1e9), 1.0, ROWS)


def test_rejects_bounds_that_no_candidate_meets():
    long = replace(SETUP, training=Training(rate=1 << 16, batch=1 << 10, steps=1 << 10))
    with pytest.raises(ConfigurationError, match="scales"):
        calibrated(long, found(), 1.0, 1 << 10)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_rejects_a_training_that_diverged(value: float):
    with pytest.raises(ConfigurationError, match="learning_rate"):
        calibrated(SETUP, found(value), 1.0, ROWS)


def test_headroom_is_in_bits():
    scales = FixedPoint(5, 8, 20, 10, 8, 9, 12)  # values up to 32, gradients below 3, logits up to 16
    room = headroom(scales, [Reached("a", 8.0, 0.0, 1.0), Reached("b", 32.0, 0.75, 0.0)], 4 << 20)
    assert (room[0].sums, room[0].weights) == (2.0, 2.0)
    assert (room[1].sums, room[1].input_gradients, room[1].weights) == (-1.0, 2.0, math.inf)


@pytest.mark.slow
def test_a_round_with_calibrated_scales_is_proved_and_verified():
    features, labels = sample()
    scales = calibrated(SETUP, *reached(SETUP, features, labels, SEED), ROWS)
    rules = RoundConfig(SETUP.model, scales, SETUP.training, SETUP.clip_bound, 3, 1, 40, True)
    case = make_case(rules, rows=ROWS, spread=scales.input_range[1])
    result = case.result
    verified = verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)
    assert verified.soundness_bits >= 40


def test_a_range_of_weights_stays_and_ranges_of_layers_end_no_earlier() -> None:
    base = FixedPoint(5, 10, 22, 8, 11, 8, activation_ranges=(11, 12), gradient_ranges=(20, 11), weight_range_bits=22)
    for scales in candidates(base, found(), feature=2.0):
        values, gradients = scales.activation_bits - 5, scales.gradient_bits - 10
        assert scales.weight_range_bits - scales.weight_bits == 0
        assert scales.activation_range_bits == scales.activation_bits + 3  # features reach half of the range
        for at in range(2):
            own = scales.of_layer(at)
            assert own.activation_range_bits >= min(22, base.of_layer(at).activation_range_bits + values)
            assert own.gradient_range_bits >= min(21, base.of_layer(at).gradient_range_bits + gradients)
