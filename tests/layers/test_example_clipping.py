"""Per-record clipping in integers: the fast step, the specification, and the sensitivity on which noise is measured."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import numpy as np
import pytest

from proofward.layers.arithmetic import exact
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.gradient_clipping.clip_scale import ClipScale, largest_square
from proofward.layers.gradient_clipping.clipped_training import clipped_update, full_step, square_of
from proofward.layers.gradient_clipping.record_norms import check_layers
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.references.clipped_step import clipped_sum
from proofward.layers.rules.model import FixedPoint
from proofward.layers.rules.schedule import schedule
from tests.relations.private_cases import full_batch, privacy

SCALES, TRAINING, ROWS = FixedPoint(), full_batch(16), 11
NETWORKS = {
    "logistic": mlp((5, 2)),
    "weighted": replace(mlp((5, 4, 2)), class_weights=(1, 3)),
    "classes": mlp((6, 5, 4, 3)),
    "weighted classes": replace(mlp((3, 4)), class_weights=(1, 2, 1, 5)),
}


def case(model: Network, seed: int, rows: int = ROWS, spread: int = 2000):
    """Random records and weights, and the order of the rows."""
    random = np.random.default_rng(seed)
    features = random.integers(-spread, spread, (rows, model.features)).astype(np.int64)
    labels = random.integers(0, model.head.classes, rows).astype(np.int64)
    weights = initial_weights(model, SCALES, bytes([seed % 256]))
    return weights, features, labels, schedule(bytes([seed % 256]), "h", rows, TRAINING)


@pytest.mark.parametrize("floating", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_fast_step_is_that_of_the_specification(name, floating, monkeypatch):
    monkeypatch.setattr("proofward.layers.gradient_clipping.clipped_training.EXACT", exact.EXACT if floating else 0)
    model, seen = NETWORKS[name], set()
    for clip_bits in (-6, -2, 0, 4):
        weights, features, labels, order = case(model, 7)
        found = clipped_update(model, SCALES, TRAINING, privacy(clip_bits), weights, features, labels, order)
        layers = [(own.tolist(), bias.tolist()) for own, bias in model.unflatten(weights)]
        taken = order[0][:ROWS]
        assert sorted(taken) == list(range(ROWS))
        records = features[taken].tolist(), labels[taken].tolist()
        told = clipped_sum(layers, *records, SCALES, clip_bits, model.class_weights)
        assert found.gradient.tolist() == told.total and found.update.tolist() == told.update
        assert found.clipped.weights.tolist() == told.multipliers + [0] * (16 - ROWS)
        assert found.clipped.root[:ROWS].tolist() == told.roots
        scale = ClipScale.of(model, SCALES, privacy(clip_bits))
        squares = square_of(found.clipped.values, found.clipped.gradients, scale)
        assert squares[:ROWS].tolist() == told.squares and max(told.squares) <= scale.most_square
        seen |= {(own > 0) + (own == 4096) for own in told.multipliers}
    assert {1, 2} <= seen, "multipliers of less than 1, and of 1"


def test_no_multiplier_is_too_large_nor_smaller_than_it_has_to_be():
    bound, model = 1 << 14, mlp((30, 32, 2))
    scale = ClipScale.of(model, SCALES, privacy(0))
    near = [root**2 + more for root in (1, 2, bound - 1, bound, bound + 1, 4097, 3 << 24) for more in (-1, 0, 1)]
    squares = np.array([0, *near, scale.most_square], dtype=np.int64)
    assert (scale.multipliers(squares)[:4] == 4096).all()
    for square, root, multiplier in zip(
        squares.tolist(), scale.root(squares).tolist(), scale.multipliers(squares).tolist(), strict=True
    ):
        assert root == isqrt(square) + 1
        assert multiplier**2 * square <= (bound << 12) ** 2 and 0 <= multiplier <= 4096
        assert multiplier == 4096 or (multiplier + 1) * root > bound << 12


def within(one: np.ndarray, other: np.ndarray) -> bool:
    """||U - U'|| <= 2^11 + sqrt(p), in integers."""
    parameters, norm = len(one), sum(int(own) ** 2 for own in one - other)
    rest = norm - (1 << 22) - parameters
    return rest <= 0 or rest**2 <= 4 * (1 << 22) * parameters


@pytest.mark.parametrize("trials", [60, pytest.param(20_000, marks=pytest.mark.exhaustive)])
def test_one_record_moves_the_update_by_no_more_than_the_sensitivity(trials):
    """Random and adversarial records in the place of one: the ends of the range, the other label, the opposite."""
    random, largest = np.random.default_rng(5), 0.0
    low, high = SCALES.input_range
    for trial in range(trials):
        model, clip_bits = list(NETWORKS.values())[trial % 4], trial % 7 - 4
        weights, features, labels, order = case(model, trial, rows=1 + trial % 4, spread=(3, 90, 2000)[trial % 3])
        if trial % 5 == 0:
            weights = weights * 40
        about = model, SCALES, TRAINING, privacy(clip_bits), weights

        def update(own, of, about=about, order=order):
            return clipped_update(*about, own, of, order).update

        before = update(features, labels)
        for record in (
            random.integers(low, high, model.features), np.full(model.features, high), np.zeros(model.features),
            -features[0], random.choice([low, high], model.features),
        ):  # fmt: skip
            other, changed = features.copy(), labels.copy()
            other[0] = np.clip(record, low, high)
            changed[0] = random.integers(0, model.head.classes)
            after = update(other, changed)
            assert within(before, after), (trial, record)
            largest = max(largest, float(np.linalg.norm((before - after).astype(float))))
    assert largest > 0.9 * 2048, "the bound is nearly reached"


def test_the_check_of_the_sensitivity_can_fail():
    one = np.zeros(58, dtype=np.int64)
    other = one.copy()
    other[0] = 2048 + 7
    assert within(one, other)
    other[0] += 1
    assert not within(one, other)


def test_the_largest_square_is_reached_at_most_at_the_ends_of_all_ranges():
    model = mlp((3, 4, 2))
    value, hidden, gradient = 2048**2, 4096**2, (3 << 9) ** 2
    assert largest_square(model, SCALES) == (3 * value + 4096) * 4 * gradient + (4 * hidden + 4096) * 2 * 256**2
    for seed in range(3):
        weights, features, labels, order = case(model, seed)
        step = full_step(model, SCALES, TRAINING, weights * 50, features, labels, order)
        scale = ClipScale.of(model, SCALES, privacy(0))
        assert square_of(*step.norms, scale).max() <= scale.most_square


CONV = {"kind": "conv2d", "outputs": 1, "kernel": 3, "stride": 1, "padding": 1}
OUT = {"kind": "linear", "outputs": 2}


def test_networks_whose_gradients_are_not_clipped_are_refused_with_the_way_out():
    for network, found in (
        (chain((1, 4, 4), [CONV, {"kind": "add", "from": 0}, OUT]), "shortcuts"),
        (chain((4,), [OUT, {"kind": "add", "from": "row", "by": OUT}, OUT], row=3), "a row beside pictures"),
    ):
        with pytest.raises(ConfigurationError, match="frozen public network") as caught:
            check_layers(network)
        assert found in caught.value.actual


def test_scales_that_do_not_fit_are_refused():
    with pytest.raises(ConfigurationError, match="clip_bits: expected at least -2"):
        ClipScale.of(mlp((3, 2)), FixedPoint(activation_bits=1, gradient_bits=1), privacy(-6))
    with pytest.raises(WraparoundPossible, match="squared norm of a record's gradient"):
        ClipScale.of(mlp((3000, 3000, 2)), SCALES, privacy(0))
