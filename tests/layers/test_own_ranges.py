"""Ranges of single layers: named where they differ alone, and every layer saturates at its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import forward_pass, logit_differences, train
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import chain, mlp
from proofward.layers.references import step as reference
from proofward.layers.references.float_twin import real_features, real_weights, scores, train_float
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule
from tests.layers.own_ranges import with_own_ranges
from tests.layers.test_training import extreme_records, some_weights

SCALES = FixedPoint()
OWN = FixedPoint(activation_ranges=(10, 12), gradient_ranges=(9, 7))
DEEP = mlp((5, 7, 6, 3, 2))
NARROW = FixedPoint(2, 3, 9, 5, 4, 2, 6, activation_ranges=(3, 5, 2), gradient_ranges=(4, 2, 1))


def test_plain_forms_name_ranges_where_they_differ_alone() -> None:
    assert FixedPoint(activation_ranges=(12, 12), gradient_ranges=(9,)) == SCALES
    assert not {"activation_ranges", "gradient_ranges"} & set(SCALES.to_dict())
    plain = OWN.to_dict()
    assert plain == {**SCALES.to_dict(), "activation_ranges": [10, 12], "gradient_ranges": [9, 7]}
    assert FixedPoint.from_dict(plain) == OWN and OWN.alike == SCALES
    gradients = FixedPoint(gradient_ranges=(9, 7))
    assert FixedPoint.from_dict(gradients.to_dict()) == gradients


@pytest.mark.parametrize(
    "change",
    [
        {"activation_ranges": []},
        {"activation_ranges": [12, 12]},
        {"gradient_ranges": [9]},
        {"gradient_ranges": [22]},
        {"gradient_ranges": [0]},
        {"activation_ranges": [1]},
        {"activation_ranges": [23]},
        {"activation_ranges": [True]},
        {"activation_ranges": 10},
        {"activation_ranges": [10] * 257},
    ],
)
def test_refuses_other_plain_forms(change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        FixedPoint.from_dict({**SCALES.to_dict(), **change})


def test_refuses_ranges_of_another_number_of_layers() -> None:
    training = Training(rate=1, batch=2, steps=1)
    compile_bounds(mlp((3, 3, 3, 2)), OWN, training, 4, 1)
    for model in (mlp((3, 2)), mlp((3, 3, 2)), mlp((3, 3, 3, 3, 2))):
        with pytest.raises(ConfigurationError, match=r"activation_ranges: expected . of them"):
            compile_bounds(model, OWN, training, 4, 1)
    with pytest.raises(ConfigurationError, match="tuple of integers"):
        FixedPoint(activation_ranges=[10])  # type: ignore[arg-type]


def test_each_layer_has_its_own_ranges() -> None:
    ranges = [OWN.of_layer(at) for at in (-1, 0, 1, 2)]
    assert [own.activation_range_bits for own in ranges] == [12, 10, 12, 12]
    assert [own.gradient_range_bits for own in ranges] == [9, 9, 7, 9]
    assert all(own == own.alike for own in ranges) and SCALES.of_layer(0) is SCALES


@pytest.mark.parametrize("seed", range(4))
def test_training_equals_plain_integers(seed: int) -> None:
    training, rows = Training(rate=1, batch=2, steps=3), 5
    features, labels = extreme_records(DEEP, NARROW, rows, "ends", seed)
    weights = some_weights(DEEP, NARROW, training, rows, seed)
    batches = schedule(b"beacon", "north", rows, training)
    result = train(DEEP, NARROW, training, weights, features, labels, batches, trace=True)
    assert result.trace is not None
    layers = [(matrix.tolist(), bias.tolist()) for matrix, bias in DEEP.unflatten(weights)]
    ends: list[set[int]] = [set(), set(), set()]
    for step, chosen in enumerate(batches):
        layers, samples = reference.step(layers, features[chosen].tolist(), labels[chosen].tolist(), NARROW, training)
        for b, sample in enumerate(samples):
            for at, hidden in enumerate(result.trace.hidden):
                width = DEEP.widths[at + 1]
                assert hidden.sums[step, b, :width].tolist() == sample.sums[at]
                assert hidden.back_sums[step, b, :width].tolist() == sample.back_sums[at]
                ends[at] |= {unit.activation for unit in sample.forward[at]}
                assert max(abs(unit.delta) for unit in sample.backward[at]) <= 3 << NARROW.gradient_ranges[at]
    assert [max(own) for own in ends] == [1 << bits for bits in NARROW.activation_ranges]


def test_bounds_follow_the_ranges_of_their_own_layers() -> None:
    training = Training(rate=1, batch=4, steps=2)
    whole = compile_bounds(DEEP, NARROW.alike, training, 4, 1)
    own = compile_bounds(DEEP, NARROW, training, 4, 1)
    assert [found.inputs for found in own] == [16, 8, 32, 4] and [found.inputs for found in whole] == [16, 32, 32, 32]
    assert [found.output_gradients for found in own] == [48, 12, 6, 8]
    assert all(one.weights <= other.weights for one, other in zip(own, whole, strict=True))
    skipping = chain((1, 2, 2), [
        *[{"kind": "conv2d", "outputs": 1, "kernel": 1, "stride": 1, "padding": 0}] * 3,
        {"kind": "add", "from": 1}, {"kind": "linear", "outputs": 2},
    ])  # fmt: skip
    joined = replace(NARROW, activation_ranges=(5, 2, 2), gradient_ranges=(1, 1, 4))
    first = compile_bounds(skipping, joined, training, 4, 1)
    narrow = compile_bounds(skipping, replace(joined, activation_ranges=(2, 2, 2)), training, 4, 1)
    assert first[2].sums - narrow[2].sums == (32 - 4) << NARROW.weight_bits
    wide = compile_bounds(skipping, replace(joined, gradient_ranges=(1, 1, 1)), training, 4, 1)
    assert first[1].back_sums - wide[1].back_sums == (48 - 6) << NARROW.weight_bits


@pytest.mark.parametrize("seed", range(3))
def test_the_float_twin_saturates_at_the_same_ends(seed: int) -> None:
    """With weights of whole numbers no value is rounded, and logits agree; a step is nearer with the right ends."""
    random, scales = np.random.default_rng(seed), replace(OWN, activation_ranges=(9, 11), gradient_ranges=(8, 5))
    model, training = mlp((4, 6, 5, 2)), Training(rate=1, batch=32, steps=1)
    weights = random.integers(-3, 4, model.parameters) << scales.weight_bits
    features = random.integers(-8, 8, (40, 4)) << scales.activation_bits
    own = forward_pass(model, scales, weights, features)
    assert [own.values[at].max() for at in (1, 2)] == [1 << 9, 1 << 11]
    exact = real_features(logit_differences(model, scales, weights, features)[:, None], scales)[:, 0]
    real = real_weights(weights, scales), real_features(features, scales)
    assert np.array_equal(scores(model, scales, *real), exact)
    assert not np.array_equal(scores(model, scales.alike, *real), exact)
    weights = np.rint(random.normal(0, 1, model.parameters) * (1 << scales.weight_bits)).astype(np.int64)
    labels, order = np.zeros(40, np.int64), np.arange(32)[None]
    moved = train(model, scales, training, weights, features, labels, order).update / (1 << scales.weight_bits)

    def distance(other: FixedPoint) -> float:
        real = real_weights(weights, other), real_features(features, other)
        return float(np.linalg.norm(train_float(model, other, training, *real, labels, order) - moved))

    usual = [distance(replace(scales, **{name: ()})) for name in ("activation_ranges", "gradient_ranges")]
    assert distance(scales) < 0.02 * np.linalg.norm(moved) and min(usual) > 3 * distance(scales)


def test_the_helper_gives_every_layer_its_own() -> None:
    scales = with_own_ranges(DEEP, SCALES)
    assert scales.activation_ranges == (11, 10, 12) and scales.gradient_ranges == (7, 8, 9)
