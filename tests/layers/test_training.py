"""The fast trainer equals the plain-integer specification, and refuses what it cannot hold."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.data.synthetic import make_synthetic
from proofward.layers import exact, reference
from proofward.layers.errors import ConfigurationError, OutOfRange, WraparoundPossible
from proofward.layers.model import FixedPoint, Mlp, Training, initial_weights, padded
from proofward.layers.schedule import schedule
from proofward.layers.training import Trainer, logit_differences, train
from proofward.models import preset

SCALES = FixedPoint()
WDBC = Mlp((30, 32, 2))


def records(model: Mlp, rows: int, seed: int, spread: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.integers(-spread, spread, (rows, model.widths[0]))
    return features, (features[:, 0] + rng.integers(-40, 40, rows) > 0).astype(np.int64)


@settings(max_examples=25, deadline=None)
@given(
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(lambda w: (*w, 2)),
    scales=st.sampled_from(
        [SCALES, FixedPoint(4, 8, 20), FixedPoint(3, 5, 16, 11, 10, 12, 12), FixedPoint(6, 8, 30)]
    ),
    training=st.builds(Training, rate=st.integers(1, 3), batch=st.sampled_from([1, 2, 8]), epochs=st.just(2)),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_plain_integers(
    widths: tuple[int, ...], scales: FixedPoint, training: Training, seed: int
) -> None:
    model = Mlp(widths)
    rows = 9
    features, labels = records(model, rows, seed, 1 << scales.activation_bits)
    weights = initial_weights(model, scales, seed.to_bytes(4, "little"))
    batches = schedule(b"beacon", "north", rows, training)
    result = train(model, scales, training, weights, features, labels, batches, trace=True)
    trace = result.trace
    assert trace is not None
    layers = [(matrix.tolist(), bias.tolist()) for matrix, bias in model.unflatten(weights)]
    for step, chosen in enumerate(batches):
        if step == training.steps_for(rows):
            assert flatten(layers) == (weights + result.update).tolist()
        layers, samples = reference.step(
            layers, features[chosen].tolist(), labels[chosen].tolist(), scales, training
        )
        for b, sample in enumerate(samples):
            for index, hidden in enumerate(trace.hidden):
                width = widths[index + 1]
                for got, expected in (
                    (hidden.pre_activation, sample.pre_activations),
                    (hidden.remainder, sample.remainders),
                    (hidden.sign, sample.signs),
                    (hidden.activation, sample.activations),
                    (hidden.gradient, sample.gradients),
                    (hidden.gradient_remainder, sample.gradient_remainders),
                    (hidden.delta, sample.deltas),
                ):
                    assert got[step, b, :width].tolist() == expected[index]
            head = trace.head
            assert (
                int(head.logit_difference[step, b]),
                int(head.remainder[step, b]),
                int(head.probability[step, b]),
                int(head.error[step, b]),
                int(head.labels[step, b]),
            ) == (
                sample.logit_difference,
                sample.logit_remainder,
                sample.probability,
                sample.error,
                labels[chosen[b]],
            )
            assert trace.inputs[step, b, : widths[0]].tolist() == features[chosen[b]].tolist()
    if training.steps_for(rows) == len(batches):
        assert flatten(layers) == (weights + result.update).tolist()


def flatten(layers: reference.Layers) -> list[int]:
    return [value for matrix, bias in layers for value in [*(v for row in matrix for v in row), *bias]]


def test_padding_satisfies_the_rounding_relation() -> None:
    model, training = Mlp((5, 3, 3, 2)), Training(1, 4, 2)
    features, labels = records(model, 11, 3)
    batches = schedule(b"b", "h", 11, training)
    weights = initial_weights(model, SCALES, b"s")
    trace = train(model, SCALES, training, weights, features, labels, batches, trace=True).trace
    assert trace is not None
    assert (
        trace.inputs.shape == (8, 4, 8) and trace.inputs.dtype == np.int32 and not trace.inputs[..., 5:].any()
    )
    for hidden in trace.hidden:
        assert hidden.activation.shape == (8, 4, 4)
        for zero in (hidden.pre_activation, hidden.sign, hidden.activation, hidden.gradient, hidden.delta):
            assert zero.flags.c_contiguous and not zero[..., 3:].any()
        assert (hidden.remainder[..., 3:] == 1 << 23).all()
        assert (hidden.gradient_remainder[..., 3:] == 1 << 23).all()


def test_trace_does_not_change_the_update() -> None:
    training = Training(4, 16, 3)
    features, labels = records(WDBC, 91, 5)
    batches = schedule(b"b", "h", 91, training)
    weights = initial_weights(WDBC, SCALES, b"s")
    plain = train(WDBC, SCALES, training, weights, features, labels, batches)
    traced = train(WDBC, SCALES, training, weights, features, labels, batches, trace=True)
    assert plain.trace is None
    assert plain.update.any() and np.array_equal(plain.update, traced.update)


def test_learns_a_separable_rule() -> None:
    training = Training(4, 16, 10)
    features, labels = records(WDBC, 200, 8)
    weights = initial_weights(WDBC, SCALES, b"s")
    update = train(
        WDBC, SCALES, training, weights, features, labels, schedule(b"b", "h", 200, training)
    ).update
    predicted = logit_differences(WDBC, SCALES, weights + update, features) > 0
    assert np.mean(predicted == labels) > 0.9


def test_large_weights_use_the_split_product_exactly() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(-(1 << 51), 1 << 51, (16, 8))
    values[:, ::2] >>= 30
    left = rng.integers(-4096, 4097, (4, 8))
    left[:, 1::2] = rng.integers(-1, 2, (4, 4))
    left[3, 1::2] = 7 * np.sign(values[0, 1::2])
    matrix = exact.ExactMatrix(values, 16, 8)
    out = np.empty((4, 16))
    matrix.right_product_transposed(left.astype(np.float64), 4096, out)
    expected = left.astype(object) @ values.T.astype(object)
    within = abs(expected) < 1 << 53
    assert within.sum() > 10 and not within.all()
    assert (out[within] == expected[within].astype(np.float64)).all()
    assert (np.abs(out[~within]) >= 2.0**53).all()
    back = rng.integers(-1, 2, (4, 16))
    wide = np.empty((4, 8))
    matrix.right_product(back.astype(np.float64), 1 << 23, wide)
    assert [[int(v) for v in row] for row in wide[:, ::2]] == (back.astype(object) @ values[:, ::2]).tolist()


def test_products_too_large_for_two_limbs_are_refused() -> None:
    matrix = exact.ExactMatrix(np.full((2, 4), 1 << 40), 2, 4)
    with pytest.raises(ConfigurationError, match="padded width"):
        matrix.right_product_transposed(np.ones((1, 4)), 1 << 26, np.empty((1, 2)))


def test_update_has_the_same_bits_everywhere() -> None:
    setup = preset("wdbc")
    records_ = make_synthetic(91, 30, 11, setup.scales)
    weights = initial_weights(setup.model, setup.scales, b"golden")
    batches = schedule(b"golden", "north", 91, setup.training)
    update = train(
        setup.model, setup.scales, setup.training, weights, records_.features, records_.labels, batches
    ).update
    assert (
        hashlib.sha256(update.astype("<i8").tobytes()).hexdigest()
        == "ad3c20bee1e8879f7c0aba637bb86c7048b1f250d06860c519b54bffb18c188b"
    )


def test_out_of_range_names_layer_and_step() -> None:
    training = Training(1, 16, 2)
    features, labels = records(WDBC, 32, 5)
    weights = initial_weights(WDBC, SCALES, b"s")
    matrix, _ = WDBC.unflatten(weights)[0]
    matrix[...] *= 200
    with pytest.raises(OutOfRange) as caught:
        train(WDBC, SCALES, training, weights, features, labels, schedule(b"b", "h", 32, training))
    error = caught.value
    assert (error.layer, error.quantity, error.step) == ("layer 1 (30 -> 32)", "pre-activation", 0)
    assert not error.low <= error.value <= error.high and "lower the rate" in str(error)


def test_too_high_a_rate_is_refused_before_anything_wraps() -> None:
    features, labels = records(WDBC, 64, 5)
    training = Training(1 << 12, 16, 4)
    weights = initial_weights(WDBC, SCALES, b"s")
    with pytest.raises(OutOfRange) as caught:
        train(WDBC, SCALES, training, weights, features, labels, schedule(b"b", "h", 64, training))
    assert caught.value.step >= 1


def test_a_weight_beyond_the_exact_range_is_refused() -> None:
    weights = initial_weights(WDBC, SCALES, b"s")
    for position, quantity in ((3, "weight"), (WDBC.offsets[0][1], "bias")):
        large = weights.copy()
        large[position] = 1 << 52 if quantity == "weight" else -(1 << 44)
        with pytest.raises((OutOfRange, WraparoundPossible)) as caught:
            Trainer(WDBC, SCALES, Training(epochs=5), 32, large)
        assert caught.value.layer == "layer 1 (30 -> 32)"


def test_compile_step_refuses_possible_wraparound() -> None:
    weights = initial_weights(WDBC, SCALES, b"s")
    bounds = Trainer(WDBC, SCALES, Training(epochs=5), 91, weights).bounds
    assert [b.inputs for b in bounds] == [1 << 11, 1 << 12] and max(b.sums for b in bounds) < 1 << 62
    assert padded(bounds[1].output_gradients) == 1 << 8
    with pytest.raises(WraparoundPossible) as caught:
        Trainer(WDBC, SCALES, Training(1 << 16, 16, 64), 1000, weights)
    assert caught.value.layer == "layer 1 (30 -> 32)" and caught.value.bound >= caught.value.limit == 1 << 62


@pytest.mark.parametrize("case", ["dtype", "width", "range", "label", "batches", "weights"])
def test_malformed_records_are_refused(case: str) -> None:
    training = Training(epochs=5)
    features, labels = records(WDBC, 32, 5)
    batches = schedule(b"b", "h", 32, training)
    weights = initial_weights(WDBC, SCALES, b"s")
    if case == "dtype":
        features = features.astype(np.int32)
    elif case == "width":
        features = features[:, :-1]
    elif case == "range":
        features[4, 7] = 2048
    elif case == "label":
        labels[3] = 2
    elif case == "batches":
        batches[1, 2] = 32
    else:
        weights = weights[:-1]
    with pytest.raises(ConfigurationError) as caught:
        train(WDBC, SCALES, training, weights, features, labels, batches)
    assert caught.value.expected and caught.value.field
