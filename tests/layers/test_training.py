"""The fast trainer equals the plain-integer specification, whatever the records and the weights are."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.data.synthetic import make_synthetic
from proofward.layers.activations import relu, relu_forward
from proofward.layers.arithmetic import exact, rounding
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.heads import sigmoid
from proofward.layers.local_training.training import logit_differences, train
from proofward.layers.networks.bounds import weight_limit
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, mlp
from proofward.layers.references import step as reference
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule
from proofward.models import preset

SCALES = FixedPoint()
WDBC = mlp((30, 32, 2))


def records(model: Network, rows: int, seed: int, spread: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.integers(-spread, spread, (rows, model.features))
    return features, (features[:, 0] + rng.integers(-40, 40, rows) > 0).astype(np.int64)


SCALES_TRIED = [SCALES, FixedPoint(4, 8, 20), FixedPoint(3, 5, 16, 11, 10, 12, 12), FixedPoint(6, 8, 30)]
NARROW = FixedPoint(2, 3, 9, 3, 2, 2, 6)  # everything saturates at once


@pytest.mark.slow
@settings(max_examples=40)
@given(
    widths=st.builds(
        lambda below, classes: (*below, classes),
        st.lists(st.integers(1, 6), min_size=1, max_size=3),
        st.sampled_from([2, 2, 3, 5]),
    ),
    scales=st.sampled_from([*SCALES_TRIED, NARROW]),
    training=st.builds(
        Training,
        rate=st.sampled_from([1, 2, 3, 64]),
        batch=st.sampled_from([1, 2, 8]),
        steps=st.integers(1, 5),
    ),
    kind=st.sampled_from(["usual", "ends", "one label", "constant"]),
    largest=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_plain_integers(
    widths: tuple[int, ...], scales: FixedPoint, training: Training, kind: str, largest: bool, seed: int
) -> None:
    class_weights = tuple(1 + (seed + 5 * k) % 16 for k in range(widths[-1])) if seed % 3 == 0 else ()
    model, rows = replace(mlp(widths), class_weights=class_weights), 9
    features, labels = extreme_records(model, scales, rows, kind, seed)
    weights = (
        some_weights(model, scales, training, rows, seed) if largest else usual_weights(model, scales, seed)
    )
    batches = schedule(b"beacon", "north", rows, training)
    result = train(model, scales, training, weights, features, labels, batches, trace=True)
    trace = result.trace
    assert trace is not None
    layers = [(matrix.tolist(), bias.tolist()) for matrix, bias in model.unflatten(weights)]
    for step, chosen in enumerate(batches):
        if step == training.steps_for(rows):
            assert flatten(layers) == (weights + result.update).tolist()
        layers, samples = reference.step(
            layers, features[chosen].tolist(), labels[chosen].tolist(), scales, training, class_weights
        )
        for b, sample in enumerate(samples):
            for index, hidden in enumerate(trace.hidden):
                width = widths[index + 1]
                assert hidden.sums[step, b, :width].tolist() == sample.sums[index]
                assert hidden.back_sums[step, b, :width].tolist() == sample.back_sums[index]
            assert trace.head.sums[step, b, : widths[-1]].tolist() == sample.logits
            assert trace.head.difference[step, b] == sample.difference
            assert trace.head.labels[step, b] == labels[chosen[b]]
            assert trace.inputs[step, b, : widths[0]].tolist() == features[chosen[b]].tolist()
    if training.steps_for(rows) == len(batches):
        assert flatten(layers) == (weights + result.update).tolist()


def usual_weights(model: Network, scales: FixedPoint, seed: int) -> np.ndarray:
    return initial_weights(model, scales, seed.to_bytes(4, "little"))


def some_weights(model: Network, scales: FixedPoint, training: Training, rows: int, seed: int) -> np.ndarray:
    """Weights of which most are at the limit of what is admissible, and some near 0."""
    limit = weight_limit(model, scales, training, rows)
    rng = np.random.default_rng(seed)
    return rng.choice([-limit, limit, limit - 1, 0, 1], model.parameters).astype(np.int64)


def extreme_records(
    model: Network, scales: FixedPoint, rows: int, kind: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    low, high = scales.input_range
    rng = np.random.default_rng(seed)
    shape, labels = (rows, model.features), rng.integers(0, model.head.classes, rows)
    if kind == "ends":
        return rng.choice([low, high], shape), labels
    if kind == "one label":
        return rng.choice([low, high], shape), np.full(rows, seed % 2)
    if kind == "constant":
        return np.full(shape, low if seed % 2 else high), labels
    return rng.integers(low, high + 1, shape) // 8, labels


def flatten(layers: reference.Layers) -> list[int]:
    return [value for matrix, bias in layers for value in [*(v for row in matrix for v in row), *bias]]


def remainder(sums: np.ndarray, scales: FixedPoint) -> np.ndarray:
    return scales.divisor.remainder(sums)


def around(*centres: int) -> list[int]:
    return [centre + offset for centre in centres for offset in range(-2, 3)]


@pytest.mark.parametrize("scales", [*SCALES_TRIED, NARROW])
def test_hidden_values_equal_plain_integers_around_every_boundary(scales: FixedPoint) -> None:
    top, half, unit = scales.activation_limit, 1 << scales.gradient_range_bits, 1 << scales.weight_bits
    rounded_sums = [*around(0, 1, top, 2 * top), -5 * top, 9 * top, -(1 << 30), 1 << 30]
    rounded_back = [*around(0, -half, half, -3 * half, 3 * half, 5 * half, -5 * half), -(1 << 30), 1 << 30]
    sums = np.array([q * unit + r for q in rounded_sums for r in (-unit // 2, -1, 0, unit // 2 - 1)])
    for function, name in (
        (lambda *own: relu_forward.above_one(*own) % top, "low"),
        (lambda *own: relu_forward.above_one(*own) // top, "high"),
        (relu.slope, "inside"),
        (relu.activation, "activation"),
        (rounding.rounded, "quotient"),
        (remainder, "remainder"),
    ):
        expected = [getattr(reference.forward(total, scales), name) for total in sums.tolist()]
        assert function(sums, scales).tolist() == expected, name
    assert set(relu.activation(sums, scales)) >= {0, 1, 2, top - 1, top}
    back = np.array([g * unit + r for g in rounded_back for r in (-unit // 2, -1, 0, unit // 2 - 1)])
    for function, name in (
        (lambda *own: relu.above_least(*own) % (2 * half), "low"),
        (relu.back_high_limb, "high"),
        (relu.saturated, "delta"),
        (remainder, "remainder"),
    ):
        expected = [getattr(reference.backward(total, 1, scales), name) for total in back.tolist()]
        assert function(back, scales).tolist() == expected, name
    saturated = relu.saturated(back, scales)
    assert abs(saturated).max() <= scales.gradient_limit
    assert (np.sign(saturated) == np.sign(rounding.rounded(back, scales))).all()
    exact = (rounding.rounded(back, scales) >= -3 * half) & (rounding.rounded(back, scales) < 3 * half)
    assert (saturated[exact] == rounding.rounded(back, scales)[exact]).all()
    assert abs(saturated[~exact]).min() >= half


@pytest.mark.parametrize("scales", [*SCALES_TRIED, NARROW])
def test_head_equals_plain_integers_around_every_boundary(scales: FixedPoint) -> None:
    half, unit = 1 << scales.logit_range_bits, 1 << scales.weight_bits
    differences = np.array(
        [
            d * unit + r
            for d in [*around(0, half, -half, 3 * half), 1 << 30, -(1 << 30)]
            for r in (-unit // 2, 0)
        ]
    )
    for label in (0, 1):
        expected = [reference.head(int(z), label, scales) for z in differences]
        labels = np.full(len(differences), label)
        assert sigmoid.low_limb(differences, scales).tolist() == [own.low for own in expected]
        assert sigmoid.high_limb(differences, scales).tolist() == [own.high for own in expected]
        found = sigmoid.probability(differences, scales).tolist()
        assert found == [own.probability for own in expected]
        assert sigmoid.error(differences, labels, scales).tolist() == [own.error for own in expected]


def test_the_ends_of_the_sigmoid_table_are_where_it_is_constant() -> None:
    """With the usual scales clamping the logit difference changes no probability."""
    for difference in (-(1 << 20), -513, -512, 511, 512, 1 << 20):
        assert reference.head(difference << 24, 0, SCALES).probability == reference.sigmoid(
            difference, SCALES
        )


def test_padding_is_zero_in_every_sum() -> None:
    model, training = mlp((5, 3, 3, 2)), Training(1, 4, 2)
    features, labels = records(model, 11, 3)
    batches = schedule(b"b", "h", 11, training)
    weights = initial_weights(model, SCALES, b"s")
    trace = train(model, SCALES, training, weights, features, labels, batches, trace=True).trace
    assert trace is not None
    assert trace.inputs.shape == (8, 4, 8) and trace.inputs.dtype == np.int32
    assert not trace.inputs[..., 5:].any()
    for hidden in trace.hidden:
        for sums in (hidden.sums, hidden.back_sums):
            assert sums.shape == (8, 4, 4) and sums.dtype == np.int64 and sums.flags.c_contiguous
            assert sums[..., :3].any() and not sums[..., 3:].any()


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


@pytest.mark.parametrize(("bits", "bound"), [(20, 4096), (40, 4096), (51, 128), (51, 1), (44, 1 << 14)])
def test_products_are_exact_in_as_many_limbs_as_the_bound_needs(bits: int, bound: int) -> None:
    rng = np.random.default_rng(bits)
    values = rng.integers(-(1 << bits), (1 << bits) + 1, (16, 8))
    values[0], values[1] = 1 << bits, -(1 << bits)
    left = rng.integers(-bound, bound + 1, (4, 8))
    left[0], left[1] = bound, -bound
    matrix = exact.ExactMatrix(values, 1 << bits, 16, 8)
    found = matrix.right_product_transposed(left.astype(np.float64), bound)
    expected = left.astype(object) @ values.T.astype(object)
    assert found.dtype == np.int64 and abs(expected).max() == 8 * bound << bits < 1 << 62
    assert found.tolist() == expected.tolist()
    back = rng.integers(-bound, bound + 1, (4, 16))
    expected = back.astype(object) @ values.astype(object)
    assert abs(expected).max() < 1 << 63
    assert matrix.right_product(back.astype(np.float64), bound).tolist() == expected.tolist()


def test_matrices_that_a_double_cannot_hold_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="2\\^53"):
        exact.ExactMatrix(np.zeros((1, 1), dtype=np.int64), 1 << 53, 1, 1)


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
