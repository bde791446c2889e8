"""Pooled activations: the trainer equals the plain-integer specification, and PyTorch in values and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.layers.activations.relu import Relu
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.affine_layers.affine import RealArray
from proofward.layers.affine_layers.linear import Linear
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.local_training.training import train
from proofward.layers.networks.bounds import compile_bounds, weight_limit
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain
from proofward.layers.references import pictures_step as plain
from proofward.layers.references.float_twin import real_features, real_weights, train_float
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule

SCALES = FixedPoint()
NARROW = FixedPoint(2, 3, 9, 3, 2, 2, 6)  # everything saturates at once
POOL, TWO = {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 2}


def conv(outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> dict[str, object]:
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}


def plain_layers(model: Network) -> list[plain.PlainLayer]:
    made = []
    for index, layer in enumerate(model.layers):
        pooled = index < len(model.activations) and model.activations[index].kind == POOL["kind"]
        if isinstance(layer, Conv2d):
            rest = (layer.outputs, layer.kernel, layer.stride, layer.padding)
            made.append(plain.convolution(layer.inputs.axes, *rest, side=2 if pooled else 1))
        else:
            assert isinstance(layer, Linear)
            made.append(plain.linear(layer.inputs.size, layer.outputs))
    return made


@pytest.mark.slow
@settings(max_examples=25)
@given(
    axes=st.tuples(st.integers(1, 2), st.integers(2, 7), st.integers(2, 7)),
    outputs=st.integers(1, 3),
    kernel=st.integers(1, 3),
    twice=st.booleans(),
    scales=st.sampled_from([SCALES, NARROW]),
    largest=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_plain_integers(axes, outputs, kernel, twice, scales, largest, seed) -> None:  # type: ignore[no-untyped-def]
    layers = [conv(outputs, kernel, 1, kernel - 1), POOL]
    layers += [conv(2, 2, 1, 1), POOL] if twice else [conv(2, 1, 1, 0)]
    model, rows, rng = chain(axes, [*layers, TWO]), 4, np.random.default_rng(seed)
    training = Training(rate=3, batch=2, steps=3)
    low, high = scales.input_range
    features = rng.choice([low, high, 0, 1], (rows, model.features)) if seed % 2 else (
        rng.integers(low, high + 1, (rows, model.features)))  # fmt: skip
    weights = initial_weights(model, scales, b"s")
    if largest:
        limit = weight_limit(model, scales, training, rows)
        weights = rng.choice([-limit, limit, 0, 1], model.parameters).astype(np.int64)
    labels, batches = rng.integers(0, 2, rows), schedule(b"b", "h", rows, training)
    result = train(model, scales, training, weights, features, labels, batches, trace=True)
    assert result.trace is not None
    network, flat = (
        plain_layers(model),
        [(w.ravel().tolist(), b.tolist()) for w, b in model.unflatten(weights)],
    )
    for step, chosen in enumerate(batches):
        if step == 3:
            assert [v for w, b in flat for v in [*w, *b]] == (weights + result.update).tolist()
        inputs, own = features[chosen].tolist(), labels[chosen].tolist()
        flat, sums, back = plain.step(network, flat, inputs, own, scales, training)
        for index, (hidden, act) in enumerate(zip(result.trace.hidden, model.activations, strict=True)):
            for b in range(2):
                assert act.takes.unpad(hidden.sums[step, b]).tolist() == sums[b][index]
                assert act.gives.unpad(hidden.back_sums[step, b]).tolist() == back[b][index]


def windows(seed: int, levels: int = 4) -> np.ndarray:
    """Sums of 3 samples of 2 channels of 6 x 8, in which ties are frequent."""
    return np.random.default_rng(seed).integers(-levels, levels, (3, 96)) << 24


@pytest.mark.parametrize("seed", range(3))
def test_values_and_gradients_are_those_of_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    own, sums = ReluMaxPool2d(Layout((2, 6, 8))), windows(seed)
    padded, back = own.takes.pad(sums), np.arange(1, 73).reshape(3, 24)
    real = torch.tensor((sums >> 24).reshape(3, 2, 6, 8).astype(np.float64), requires_grad=True)
    pooled = torch.nn.functional.max_pool2d(torch.relu(real), 2)
    pooled.backward(torch.tensor(back.reshape(pooled.shape).astype(np.float64)))
    values = own.gives.unpad(own.forward(padded, SCALES))
    assert values.tolist() == pooled.detach().numpy().reshape(3, -1).tolist()
    gradients = own.takes.unpad(own.backward(padded, own.gives.pad(back) << 24, SCALES))
    expected = real.grad.numpy().reshape(3, -1)
    assert gradients.tolist() == expected.tolist() and (expected != 0).any() and (expected == 0).any()


@pytest.mark.parametrize("seed", range(3))
def test_the_float_twin_pools_alike(seed: int) -> None:
    own, sums = ReluMaxPool2d(Layout((2, 6, 8))), windows(seed, 4200)
    back = np.arange(-36, 36).reshape(3, 24)
    real: RealArray = (sums >> 24).astype(np.float64)
    padded, limit = own.takes.pad(sums), SCALES.activation_limit
    assert own.real_values(real, limit).tolist() == own.gives.unpad(own.forward(padded, SCALES)).tolist()
    gradients = own.takes.unpad(own.backward(padded, own.gives.pad(back) << 24, SCALES))
    assert own.real_gradients(real, back.astype(np.float64), limit).tolist() == gradients.tolist()


def test_a_window_passes_its_gradient_where_its_maximum_is_within_the_limits() -> None:
    own, top = ReluMaxPool2d(Layout((1, 2, 12))), SCALES.activation_limit
    rows = np.array(
        [[[5, 7, 0, 0, -1, -2, top, 9, top + 1, top, 1, 0], [7, 7, -3, 0, -1, -4, top, 3, 0, 8, 0, 1]]]
    )
    sums = own.takes.pad(rows.reshape(1, -1) << 24)
    assert own.gives.unpad(own.forward(sums, SCALES)).tolist() == [[7, 0, 0, top, top, 1]]
    back = own.gives.pad(np.arange(1, 7).reshape(1, 6) << 24)
    gradients = own.takes.unpad(own.backward(sums, back, SCALES)).reshape(2, 12)
    assert gradients.tolist() == [[0, 1, 0, 0, 0, 0, 4, 0, 0, 0, 6, 0], [0] * 12]


def test_training_stays_near_the_float_twin() -> None:
    model, training = chain((1, 6, 7), [conv(3), POOL, TWO]), Training(4, 4, steps=8)
    rng = np.random.default_rng(3)
    features, labels = rng.integers(-150, 150, (32, 42)), rng.integers(0, 2, 32)
    weights, batches = initial_weights(model, SCALES, b"s"), schedule(b"b", "h", 32, training)
    update = train(model, SCALES, training, weights, features, labels, batches).update
    start, reals = real_weights(weights, SCALES), real_features(features, SCALES)
    twin = train_float(model, SCALES, training, start, reals, labels, batches)
    assert 0 < np.linalg.norm(real_weights(update, SCALES) - twin) < 0.1 * np.linalg.norm(twin)


def test_pooling_drops_the_last_row_and_column_that_fill_no_window() -> None:
    model = chain((1, 5, 7), [conv(2), POOL, TWO])
    layer, own = model.layers[0], model.activations[0]
    assert layer.gives.axes == own.takes.axes == (2, 4, 6) and layer.positions == 24
    assert own.gives.axes == model.layers[1].takes.axes == (2, 2, 3)
    for axis, half in zip(own.takes.padded_axes[1:], own.gives.padded_axes[1:], strict=True):
        assert axis == 2 * half


def test_plain_forms_name_pooling_and_imply_relu() -> None:
    layers = [conv(2), POOL, conv(3), TWO]
    model = chain((1, 5, 7), layers)
    assert model.to_dict() == {"inputs": [1, 5, 7], "layers": layers}
    assert Network.from_dict(model.to_dict()) == model
    assert [type(own) for own in model.activations] == [ReluMaxPool2d, Relu]
    assert model != chain((1, 5, 7), [conv(2), conv(3), TWO])


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([POOL, conv(2), TWO], "place of relu_maxpool2d"),
        ([conv(2), POOL, POOL, TWO], "place of relu_maxpool2d"),
        ([conv(2), TWO, POOL], "pooled layer"),
        ([{"kind": "linear", "outputs": 4}, POOL, TWO], "pooled layer"),
        ([conv(2, 3, 1, 0), POOL, TWO], "pooled layer"),
        ([conv(2), {"kind": "relu"}, TWO], "kind of a layer"),
        ([conv(2), {**POOL, "window": 3}, TWO], "relu_maxpool2d"),
        ([conv(2), POOL], "activations"),
        ([[]], "kind of a layer"),
    ],
)
def test_other_chains_are_refused(layers: list[object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        chain((1, 3, 4), layers)


def test_networks_whose_parts_do_not_fit_are_refused() -> None:
    good = chain((1, 4, 4), [conv(2), POOL, TWO])
    whole = chain((1, 4, 4), [conv(2), TWO])
    for layers, activations in (
        ((whole.layers[0], good.layers[1]), good.activations),
        (good.layers, whole.activations),
        (whole.layers, good.activations),
        (good.layers, ()),
        (good.layers, good.activations * 2),
    ):
        with pytest.raises(ConfigurationError):
            Network(layers, activations)
    for axes in ((4,), (1, 3, 4), (1, 4, 3)):
        with pytest.raises(ConfigurationError):
            ReluMaxPool2d(Layout(axes))


def test_bounds_count_one_sum_of_a_window_and_leave_room_for_distances() -> None:
    training, scales = Training(1, 2, steps=1), SCALES
    pooled, whole = (chain((1, 4, 4), [conv(2), *more, TWO]) for more in ([POOL], []))
    one, other = (compile_bounds(model, scales, training, 4, 1 << 24)[0] for model in (pooled, whole))
    assert 4 * one.weight_update == other.weight_update and 4 * one.bias_update == other.bias_update
    assert 6 * one.sums + (16 << 36) < 1 << 62
