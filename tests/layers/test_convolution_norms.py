"""Norms of single records' gradients at convolutions: both ways, their choice, the proof's tables, and the step."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field.goldilocks import to_field, to_signed
from proofward.field.scalar import P
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.stack import Gradient, Input, Shape
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.convolutions.conv2d_samples import Conv2dSamples, products
from proofward.layers.gradient_clipping import conv2d_norms
from proofward.layers.gradient_clipping.clip_scale import ClipScale
from proofward.layers.gradient_clipping.clipped_training import clipped_update, square_of
from proofward.layers.gradient_clipping.record_norms import (
    GRADIENT,
    MOST_ENTRIES,
    POSITIONS,
    check_affordable,
    chosen_words,
    way_of,
    ways_of,
)
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import chain
from proofward.layers.references.clipped_step import clipped_sum_of_pictures
from proofward.layers.rules.model import FixedPoint
from proofward.layers.rules.momentum import Rates
from proofward.layers.rules.schedule import schedule
from tests.layers.test_convolution import layers, met
from tests.layers.test_example_clipping import within
from tests.layers.test_relu_mean import AVERAGE, MAXIMUM, TWO, WHOLE, conv, plain_layers
from tests.relations.private_cases import full_batch, privacy

SCALES, ROWS, BATCH = FixedPoint(gradient_range_bits=6), 5, 8
ONE = 1 << SCALES.activation_bits


def some_values(layer: Conv2d, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    inputs = random.integers(-4096, 4097, (count, layer.inputs.size))
    return inputs, random.integers(-1536, 1536, (count, layer.gives.size))


def by_definition(layer: Conv2d, inputs: np.ndarray, deltas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of every sample, in plain integers."""
    count = len(inputs)
    pictures, sums = inputs.reshape(count, *layer.inputs.axes), deltas.reshape(count, *layer.gives.axes)
    found = np.zeros((count, *layer.weights.axes), dtype=object)
    for o, y, x, c, k, m, i, h, w in met(layer):
        for n in range(count):
            found[n, o, c, k, m] += int(sums[n, o, y, x]) * int(pictures[n, i, h, w])
    return found, sums.sum(axis=(2, 3)).astype(object) * ONE


@dataclass
class Fixed(Input, Gradient):
    """A table that everybody knows."""

    values: np.ndarray

    def matrix(self, party: object) -> np.ndarray:
        return self.values


def relation_of(layer: Conv2d, inputs: np.ndarray, deltas: np.ndarray) -> Conv2dSamples:
    log_batch = (len(inputs) - 1).bit_length()
    zeros = np.zeros(prod(layer.weights.axes), dtype=np.int64), np.zeros(layer.outputs, dtype=np.int64)
    tables = Fixed(to_field(layer.inputs.pad(inputs))), Fixed(to_field(layer.gives.pad(deltas)))
    return layer.relation(Shape(0, log_batch), zeros, Rates((1,)), ONE, *tables)


@settings(max_examples=25)
@given(layer=layers(), seed=st.integers(0, 1000))
def test_both_ways_and_the_tables_of_the_proof_are_the_definition(layer: Conv2d, seed: int) -> None:
    inputs, deltas = some_values(layer, seed, 4)
    gradients, biases = by_definition(layer, inputs, deltas)
    squares = [int((one**2).sum() + (two**2).sum()) for one, two in zip(gradients, biases, strict=True)]
    padded = [layer.inputs.pad(inputs.astype(float)), layer.gives.pad(deltas.astype(float))]
    for way in (GRADIENT, POSITIONS):
        assert conv2d_norms.norms(layer, *padded, ONE, way).tolist() == squares
    weights = np.array([4096, 0, 17, 4000])
    for floating in (True, False):
        own, bias = conv2d_norms.weighted_sum(layer, *padded, weights, floating=floating)
        assert own.tolist() == np.tensordot(weights, gradients, 1).reshape(own.shape).tolist()
        assert (bias * ONE).tolist() == (weights @ biases).tolist()
    relation = relation_of(layer, inputs, deltas)
    table = to_signed(relation.gradients_of_samples(None)).reshape(4, -1).astype(object)  # type: ignore[arg-type]
    assert table.shape[1] == ways_named(layer)[GRADIENT].entries
    assert [int(own) for own in (table**2).sum(axis=1)] == squares
    if layer.groups == 1:
        pairs = relation.products_of_inputs(None), relation.products_of_deltas(None)  # type: ignore[arg-type]
        both = [to_signed(own).reshape(4, -1).astype(object) for own in pairs]
        assert both[0].shape[1] == ways_named(layer)[POSITIONS].entries
        assert [int(own) for own in (both[0] * both[1]).sum(axis=1)] == squares


def ways_named(layer: Conv2d) -> dict[str, object]:
    return {way.name: way for way in ways_of(layer)}


@settings(max_examples=25)
@given(st.tuples(*(st.integers(1, 5) for _ in range(4))), st.integers(0, 1000))
def test_products_of_matrices_are_those_of_plain_integers(sizes: tuple[int, ...], seed: int) -> None:
    count, rows, inner, columns = sizes
    random = np.random.default_rng(seed)
    left = random.integers(0, P, (count, rows, inner), dtype=np.uint64)
    right = random.integers(0, P, (count, inner, columns), dtype=np.uint64)
    expected = np.matmul(left.astype(object), right.astype(object)) % P
    assert products(left, right).tolist() == expected.tolist()


def test_a_batch_in_parts_has_the_same_norms_and_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Conv2d(Layout((2, 6, 5)), 3, 3, 2, 1)
    inputs, deltas = some_values(layer, 3, 5)
    tables = layer.inputs.pad(inputs.astype(float)), layer.gives.pad(deltas.astype(float))
    found = []
    for most in (1 << 20, 1):
        monkeypatch.setattr(conv2d_norms, "MOST_VALUES", most)
        sums = conv2d_norms.weighted_sum(layer, *tables, np.arange(5), floating=True)
        found.append([conv2d_norms.norms(layer, *tables, ONE).tolist(), *(own.tolist() for own in sums)])
    assert found[0] == found[1]


CHAINS = {
    "one layer": ((1, 3, 4), [conv(2)]),
    "behind a maximum": ((1, 4, 5), [conv(3, 2), MAXIMUM, conv(2)]),
    "means of windows": ((2, 4, 4), [conv(2, 2), AVERAGE]),
    "windows and a whole picture": ((1, 5, 6), [conv(2), AVERAGE, conv(3), WHOLE, {"kind": "linear", "outputs": 3}]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_fast_step_is_that_of_the_specification(name: str) -> None:
    axes, parts = CHAINS[name]
    model, training, seen = chain(axes, [*parts, TWO]), full_batch(BATCH), set()
    random = np.random.default_rng(3)
    features = random.integers(-2000, 2000, (ROWS, model.features)).astype(np.int64)
    labels = random.integers(0, 2, ROWS).astype(np.int64)
    weights, order = initial_weights(model, SCALES, b"w"), schedule(b"b", "h", ROWS, training)
    flat = [
        ((own * finer.weights).reshape(-1).tolist(), (bias * finer.weights).tolist())
        for (own, bias), finer in zip(model.unflatten(weights), model.finer, strict=True)
    ]
    for clip_bits in (-4, 4):
        own = privacy(clip_bits)
        found = clipped_update(model, SCALES, training, own, weights, features, labels, order)
        taken = order[0][:ROWS]
        records = features[taken].tolist(), labels[taken].tolist()
        told = clipped_sum_of_pictures(plain_layers(model), flat, *records, SCALES, clip_bits)
        assert found.gradient.tolist() == told.total and found.update.tolist() == told.update
        assert found.clipped.weights.tolist() == told.multipliers + [0] * (BATCH - ROWS)
        assert found.clipped.root[:ROWS].tolist() == told.roots
        scale, clipped = ClipScale.of(model, SCALES, own), found.clipped
        squares = square_of(clipped.values, clipped.gradients, scale, clipped.wholes)
        assert squares[:ROWS].tolist() == told.squares and max(told.squares) <= scale.most_square
        seen |= {multiplier == 4096 for multiplier in told.multipliers}
    assert seen == {True, False}, "multipliers of less than 1, and of 1"


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("trials", [8, pytest.param(1000, marks=pytest.mark.exhaustive)])
def test_one_picture_moves_the_update_by_no_more_than_the_sensitivity(name: str, trials: int) -> None:
    """Random pictures and those at the ends of the range in the place of one, under weights of all sizes."""
    axes, parts = CHAINS[name]
    model, training = chain(axes, [*parts, TWO]), full_batch(BATCH)
    random, largest = np.random.default_rng(9), 0.0
    low, high = SCALES.input_range
    for trial in range(trials):
        features = random.integers(low, high, (ROWS, model.features)) // (1, 20)[trial % 2]
        labels, order = random.integers(0, 2, ROWS), schedule(b"%d" % trial, "h", ROWS, training)
        weights = initial_weights(model, SCALES, b"%d" % trial) * (1, 40)[trial // 2 % 2]
        about = model, SCALES, training, privacy(trial % 7 - 4), weights
        before = clipped_update(*about, features, labels, order).update
        record = np.array([low, high])[random.integers(0, 2, model.features)]
        for other in (record, np.full(model.features, high), np.zeros(model.features), -features[0]):
            changed, turned = features.copy(), labels.copy()
            changed[0], turned[0] = np.clip(other, low, high), random.integers(0, 2)
            after = clipped_update(*about, changed, turned, order).update
            assert within(before, after), (trial, other)
            largest = max(largest, float(np.linalg.norm((before - after).astype(float))))
    assert largest > 1024, "more than one record's share moves"


def test_the_way_with_less_work_is_chosen_by_the_shape_alone() -> None:
    few_channels, many = Conv2d(Layout((1, 28, 28)), 8, 3, 1, 1), Conv2d(Layout((64, 4, 4)), 64, 3, 1, 1)
    assert way_of(few_channels).name == GRADIENT and way_of(few_channels).entries == 8 * 2 * 16
    assert way_of(many).name == POSITIONS and way_of(many).entries == 16**2
    assert "the other way" in chosen_words(few_channels) and "256 entries a record" in chosen_words(many)
    depthwise = Conv2d(Layout((4, 5, 5)), 4, 3, 1, 1, 4)
    assert [way.name for way in ways_of(depthwise)] == [GRADIENT]
    assert "only way" in chosen_words(depthwise)


def test_a_table_that_is_too_large_is_refused_with_the_way_out() -> None:
    model = chain((1, 28, 28), [conv(8), TWO])
    most = MOST_ENTRIES // 256
    check_affordable(model, most)
    with pytest.raises(ConfigurationError, match=f"at most {most:,} rows .* frozen public network"):
        check_affordable(model, most + 1)


def test_gradients_whose_squares_could_wrap_around_are_refused() -> None:
    model = chain((1, 28, 28), [conv(8), MAXIMUM, TWO])
    with pytest.raises(WraparoundPossible, match=r"squared norm of a record's gradient.*gradient_range_bits"):
        ClipScale.of(model, FixedPoint(), privacy(0))
    narrow = FixedPoint(gradient_range_bits=6, activation_range_bits=10)
    assert ClipScale.of(model, narrow, privacy(0)).most_square < 1 << 58
