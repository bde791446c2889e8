"""ReLU with means: the trainer equals the plain-integer specification, and PyTorch in values and gradients."""

from __future__ import annotations

from math import lcm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool, ReluMean
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.local_training.training import logit_differences, train
from proofward.layers.networks.bounds import compile_bounds, weight_limit
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain
from proofward.layers.references import pictures_step as plain
from proofward.layers.references.float_twin import real_features, real_weights, scores, train_float
from proofward.layers.rules.means import Finer
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule

SCALES = FixedPoint()
NARROW = FixedPoint(2, 3, 9, 3, 2, 2, 8)  # everything saturates at once
AVERAGE, WHOLE, MAXIMUM = ({"kind": f"relu_{name}"} for name in ("avgpool2d", "global_avgpool", "maxpool2d"))
TWO = {"kind": "linear", "outputs": 2}


def conv(outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> dict[str, object]:
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}


def plain_layers(model: Network) -> list[plain.PlainLayer]:
    made = []
    for index, layer in enumerate(model.layers):
        kind = model.activations[index].kind if index < len(model.activations) else ""
        if isinstance(layer, Conv2d):
            made.append(plain.convolution(
                layer.inputs.axes, layer.outputs, layer.kernel, layer.stride, layer.padding,
                side=model.activations[index].window, mean=kind == "relu_avgpool2d",
                whole=kind == "relu_global_avgpool",
            ))  # fmt: skip
        else:
            made.append(plain.linear(layer.takes.size, layer.gives.size))
    return made


CHAINS = {
    "windows": ((1, 5, 6), [conv(2), AVERAGE, conv(2, 1, 1, 0)]),
    "windows, twice": ((2, 5, 4), [conv(1, 2), AVERAGE, conv(2, 2), AVERAGE]),
    "a whole picture": ((1, 4, 2), [conv(3), WHOLE]),
    "a whole picture of 3 x 5": ((1, 3, 5), [conv(3), WHOLE]),
    "windows of 3": ((1, 5, 8), [conv(2, 2), {**AVERAGE, "size": 3}, conv(2, 1, 1, 0)]),
    "windows of 4, a whole picture": ((1, 9, 8), [conv(2), {**AVERAGE, "size": 4}, conv(2, 2), WHOLE]),
    "of 3 x 3 behind windows": ((2, 6, 7), [conv(2), AVERAGE, conv(3), WHOLE, {"kind": "linear", "outputs": 3}]),
    "both, and a row above": ((1, 8, 4), [conv(2), AVERAGE, conv(3), WHOLE, {"kind": "linear", "outputs": 3}]),
    "behind a maximum": ((1, 8, 9), [conv(2), MAXIMUM, conv(2), WHOLE, conv(2, 1, 1, 0)]),
}


@pytest.mark.slow
@settings(max_examples=25)
@given(
    name=st.sampled_from(sorted(CHAINS)),
    scales=st.sampled_from([SCALES, NARROW]),
    largest=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_plain_integers(name, scales, largest, seed) -> None:  # type: ignore[no-untyped-def]
    axes, layers = CHAINS[name]
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
    network = plain_layers(model)
    below = [1, *(own.mean_of for own in network[:-1])]
    units = [own.mean_of * more for own, more in zip(network, below, strict=True)]
    flat = [
        ([int(v) * unit for v in w.ravel()], [int(v) * unit for v in b])
        for (w, b), unit in zip(model.unflatten(weights), units, strict=True)
    ]
    first = flat
    for step, chosen in enumerate(batches):
        if step == 3:
            grown = [
                (new - old) * (lcm(*units) // unit)
                for pair, before, unit in zip(flat, first, units, strict=True)
                for part, own in zip(pair, before, strict=True)
                for new, old in zip(part, own, strict=True)
            ]
            assert grown == result.update.tolist()
        inputs, own = features[chosen].tolist(), labels[chosen].tolist()
        flat, sums, back = plain.step(network, flat, inputs, own, scales, training)
        for index, (hidden, act) in enumerate(zip(result.trace.hidden, model.activations, strict=True)):
            for b in range(2):
                assert act.takes.unpad(hidden.sums[step, b]).tolist() == sums[b][index]
                assert act.gives.unpad(hidden.back_sums[step, b]).tolist() == back[b][index]
    bounds = compile_bounds(model, scales, training, rows, int(np.abs(weights).max()))
    for hidden, bound, above in zip(result.trace.hidden, bounds, bounds[1:], strict=False):
        assert np.abs(hidden.sums).max() <= bound.sums and np.abs(hidden.back_sums).max() <= above.back_sums


OWN = [
    ReluAvgPool2d(Layout((2, 6, 8))), ReluAvgPool2d(Layout((2, 6, 9)), 3), ReluAvgPool2d(Layout((1, 4, 8)), 4), ReluAvgPool2d(Layout((3, 2, 4))), ReluGlobalAvgPool(Layout((3, 4, 8))), ReluGlobalAvgPool(Layout((2, 7, 5))),
]  # fmt: skip


@pytest.mark.parametrize("own", OWN, ids=lambda own: f"{own.kind} {own.takes.words}")
def test_values_and_gradients_are_those_of_pytorch(own: ReluMean) -> None:
    """Values are sums of whole numbers and gradients such of means: exact, but for a division by 35 or 9."""
    torch = pytest.importorskip("torch")
    sums = np.random.default_rng(1).integers(-9, 9, (3, own.takes.size))
    back = np.random.default_rng(2).integers(-9, 9, (3, own.gives.size))
    real = torch.tensor(sums.reshape(3, *own.takes.axes).astype(np.float64), requires_grad=True)
    if isinstance(own, ReluAvgPool2d):
        means = torch.nn.functional.avg_pool2d(torch.relu(real), own.size)
    else:
        means = torch.nn.functional.adaptive_avg_pool2d(torch.relu(real), 1)
    means.backward(torch.tensor(back.reshape(means.shape).astype(np.float64)))
    expected, gradients = means.detach().numpy().reshape(3, -1), real.grad.numpy().reshape(3, -1)
    unit = own.mean_of
    padded = own.takes.pad(sums) << SCALES.weight_bits
    assert own.gives.unpad(own.forward(padded, SCALES)).tolist() == np.rint(unit * expected).tolist()
    passed = own.takes.unpad(own.backward(padded, own.gives.pad(back) << SCALES.weight_bits, SCALES))
    assert passed.tolist() == np.rint(unit * gradients).tolist() and gradients.any() and not gradients.all()
    limit = float(SCALES.activation_limit)
    assert np.allclose(own.real_values(sums.astype(np.float64), limit), expected, rtol=1e-15, atol=0)
    found = own.real_gradients(sums.astype(np.float64), back.astype(np.float64), limit)
    assert np.allclose(found, gradients, rtol=1e-15, atol=0)


def test_values_saturate_before_their_mean() -> None:
    own, top = ReluAvgPool2d(Layout((1, 2, 4))), SCALES.activation_limit
    sums = np.array([[top + 5, -7, 3, top, 1, 2, 0, 4 * top]]) << SCALES.weight_bits
    assert own.forward(sums, SCALES).tolist() == [[top + 3, 2 * top + 3]]
    passed = own.backward(sums, np.array([[5, -6]]) << SCALES.weight_bits, SCALES)
    assert passed.tolist() == [[0, 0, -6, -6, 5, 5, 0, 0]]


def test_scales_beside_means() -> None:
    model = chain((1, 9, 8), [conv(2), AVERAGE, conv(2), WHOLE, TWO])
    assert model.finer == (Finer(1, 4), Finer(4, 16), Finer(16, 1)) and model.finest == 64
    assert model.update_units == (16, 1, 4)
    assert [model.rounding(SCALES, at).divisor for at in range(3)] == [Divisor(26), Divisor(32), Divisor(32)]
    assert [model.rounding(SCALES, at).back_divisor for at in range(2)] == [Divisor(34), Divisor(28)]
    assert chain((1, 8, 8), [conv(2), MAXIMUM, TWO]).rounding(SCALES, 0) is SCALES


@pytest.mark.parametrize("name", CHAINS)
def test_training_stays_near_the_float_twin(name: str) -> None:
    axes, layers = CHAINS[name]
    model, training, rng = chain(axes, [*layers, TWO]), Training(16, 4, steps=8), np.random.default_rng(3)
    features, labels = rng.integers(-150, 150, (32, model.features)), rng.integers(0, 2, 32)
    weights, batches = initial_weights(model, SCALES, b"t"), schedule(b"b", "h", 32, training)
    start, reals = real_weights(weights, SCALES), real_features(features, SCALES)
    integers = logit_differences(model, SCALES, weights, features) / (1 << SCALES.activation_bits)
    assert np.abs(integers - scores(model, SCALES, start, reals)).max() < 0.1
    update = train(model, SCALES, training, weights, features, labels, batches).update / model.finest
    twin = train_float(model, SCALES, training, start, reals, labels, batches)
    assert 0 < np.linalg.norm(real_weights(update, SCALES) - twin) < 0.1 * np.linalg.norm(twin)


@pytest.mark.parametrize("size", [2, 1, 65, "3", 3.0])
def test_a_size_of_windows_is_said_where_it_is_not_2(size: object) -> None:
    with pytest.raises(ConfigurationError, match="size"):
        chain((1, 9, 9), [conv(2), {**AVERAGE, "size": size}, TWO])


def test_windows_of_other_sizes_drop_what_fills_none() -> None:
    model = chain((1, 8, 7), [conv(2), {**AVERAGE, "size": 3}, TWO])
    assert model.layers[0].gives.axes == (2, 6, 6) and model.layers[1].takes.axes == (2, 2, 2)
    assert Network.from_dict(model.to_dict()) == model and model.finest == 9
    assert model.rounding(SCALES, 0).back_divisor == Divisor(24, 9)


def test_tables_are_large_enough_for_remainders() -> None:
    model, small = chain((1, 7, 9), [conv(2), WHOLE, TWO]), FixedPoint(2, 3, 9, 3, 2, 2, 6)
    with pytest.raises(ConfigurationError, match="table_bits: expected at least 12, for sums of gradients"):
        compile_bounds(model, small, Training(1, 2, steps=1), 4, 1)


def test_plain_forms_name_means() -> None:
    layers = [conv(2), AVERAGE, conv(3), WHOLE, TWO]
    model = chain((1, 5, 5), layers)
    assert model.to_dict() == {"inputs": [1, 5, 5], "layers": layers} and Network.from_dict(model.to_dict()) == model
    assert [layer.gives.axes for layer in model.layers] == [(2, 4, 4), (3, 2, 2), (2,)]
    assert model.layers[2].takes.axes == (3, 1, 1)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([AVERAGE, TWO], "place of relu_avgpool2d"),
        ([conv(2), AVERAGE, WHOLE, TWO], "place of relu_global_avgpool"),
        ([{"kind": "linear", "outputs": 4}, AVERAGE, TWO], "pooled layer"),
        ([{"kind": "linear", "outputs": 4}, WHOLE, TWO], "pooled sums"),
        ([conv(2, 3, 1, 0), AVERAGE, TWO], "pooled layer"),
    ],
)
def test_other_chains_are_refused(layers: list[object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        chain((1, 3, 4), layers)


def test_bounds_count_all_sums_of_a_window_and_sums_of_values() -> None:
    training = Training(1, 2, steps=1)
    mean, whole = (chain((1, 4, 4), [conv(2), *more, TWO]) for more in ([AVERAGE], []))
    one, other = (compile_bounds(model, SCALES, training, 4, 1 << 24) for model in (mean, whole))
    assert one[0].weight_update == other[0].weight_update and one[0].bias_update == other[0].bias_update
    assert one[1].inputs == 4 * other[1].inputs and one[1].weight_update == 4 * other[1].weight_update
    assert one[0].weights == (4 << 24) + one[0].weight_update
    for model in (mean, whole):
        assert weight_limit(model, SCALES, training, 4) == 64 << SCALES.weight_bits
