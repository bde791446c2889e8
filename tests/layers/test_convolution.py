"""Convolutions in integers and in real numbers against plain loops, and their geometry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field.extension import Ext
from proofward.field.multilinear import eq_table, evaluate
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.convolutions import conv2d
from proofward.layers.convolutions.axis import Axis
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.convolutions.patches import from_patches, patches
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, ZERO
from tests.field.values import point

SCALES = FixedPoint()
CONV = {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1}
HEAD = {"kind": "linear", "outputs": 2}


@st.composite
def layers(draw: st.DrawFn) -> Conv2d:
    """Small convolutions of every geometry."""
    kernel = draw(st.integers(1, 4))
    padding = draw(st.integers(0, kernel - 1))
    sides = st.integers(max(1, kernel - 2 * padding), 7)
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    channels, outputs = (draw(st.integers(1, 3)) * groups for _ in range(2))
    axes = (channels, draw(sides), draw(sides))
    return Conv2d(Layout(axes), outputs, kernel, draw(st.integers(1, kernel)), padding, groups)


def met(layer: Conv2d) -> list[tuple[int, ...]]:
    """(o, y, x, c, k, l, i, h, w) of every product of a convolution, from its definition.

    c: the channel in its group, which is that of the output o; i: among all.
    """
    channels, height, width = layer.inputs.axes
    channels //= layer.groups
    _, tall, wide = layer.gives.axes
    found = []
    for o, y, x, c, k, m in product(
        range(layer.outputs), range(tall), range(wide), range(channels), range(layer.kernel), range(layer.kernel)
    ):
        h, w = layer.stride * y + k - layer.padding, layer.stride * x + m - layer.padding
        if 0 <= h < height and 0 <= w < width:
            i = o // (layer.outputs // layer.groups) * channels + c
            found.append((o, y, x, c, k, m, i, h, w))
    return found


@pytest.mark.slow
@settings(max_examples=60)
@given(layer=layers(), seed=st.integers(0, 1000))
def test_equals_its_definition_in_plain_integers(layer: Conv2d, seed: int) -> None:
    rng, count, rate = np.random.default_rng(seed), 2, 3
    weights = rng.integers(-(1 << 30), 1 << 30, layer.weights.axes)
    biases = rng.integers(-(1 << 30), 1 << 30, layer.outputs)
    inputs = rng.integers(-4096, 4097, (count, *layer.inputs.axes))
    deltas = rng.integers(-1536, 1536, (count, *layer.gives.axes))
    sums = np.zeros((count, *layer.gives.axes), dtype=object)
    sums += (biases.astype(object) << SCALES.activation_bits)[None, :, None, None]
    back = np.zeros(inputs.shape, dtype=object)
    next_weights, next_biases = weights.astype(object), biases.astype(object)
    next_biases = next_biases - rate * (deltas.sum(axis=(0, 2, 3)).astype(object) << SCALES.activation_bits)
    for o, y, x, c, k, m, i, h, w in met(layer):
        for n in range(count):
            sums[n, o, y, x] += int(weights[o, c, k, m]) * int(inputs[n, i, h, w])
            back[n, i, h, w] += int(weights[o, c, k, m]) * int(deltas[n, o, y, x])
            next_weights[o, c, k, m] -= rate * int(deltas[n, o, y, x]) * int(inputs[n, i, h, w])

    trainer = layer.trainer(weights, biases, 1 << SCALES.activation_bits, 1 << 40)
    given_inputs = layer.inputs.pad(inputs.reshape(count, -1).astype(np.float64))
    given_deltas = layer.gives.pad(deltas.reshape(count, -1).astype(np.float64))
    forward, backward = trainer.forward(given_inputs, 4096), trainer.backward(given_deltas, 1536)
    assert forward.dtype == backward.dtype == np.int64
    assert layer.gives.unpad(forward).reshape(sums.shape).tolist() == sums.tolist()
    assert layer.inputs.unpad(backward).reshape(back.shape).tolist() == back.tolist()
    assert np.array_equal(layer.gives.pad(layer.gives.unpad(forward)), forward)
    assert np.array_equal(layer.inputs.pad(layer.inputs.unpad(backward)), backward)
    trainer.update(given_deltas, given_inputs, rate)
    found = np.empty(layer.shape, np.int64), np.empty(layer.outputs, np.int64)
    trainer.export(*found)
    assert found[0].tolist() == next_weights.tolist() and found[1].tolist() == next_biases.tolist()

    # the same in real numbers: integers, so doubles are exact
    real = [part.astype(np.float64) for part in (weights >> 12, biases >> 12)]
    flat = inputs.reshape(count, -1).astype(np.float64)
    expected = np.zeros((count, *layer.gives.axes)) + real[1][None, :, None, None]
    gradient, below = np.zeros(layer.shape), np.zeros(inputs.shape)
    for o, y, x, c, k, m, i, h, w in met(layer):
        expected[:, o, y, x] += real[0][o, c, k, m] * inputs[:, i, h, w]
        gradient[o, c, k, m] += deltas[:, o, y, x] @ inputs[:, i, h, w]
        below[:, i, h, w] += real[0][o, c, k, m] * deltas[:, o, y, x]
    assert np.array_equal(layer.real_sums(*real, flat), expected.reshape(count, -1))
    ends = layer.real_gradients(real[0], flat, deltas.reshape(count, -1).astype(np.float64))
    assert np.array_equal(ends[0], gradient) and np.array_equal(ends[2], below.reshape(count, -1))
    assert np.array_equal(ends[1], deltas.sum(axis=(0, 2, 3)))


def test_a_batch_in_parts_is_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patches of large batches are laid out some samples at a time; the integers are the same."""
    layer, rng = Conv2d(Layout((2, 6, 5)), 3, 3, 2, 1), np.random.default_rng(1)
    inputs = layer.inputs.pad(rng.integers(-9, 9, (5, 60)).astype(np.float64))
    deltas = layer.gives.pad(rng.integers(-9, 9, (5, 27)).astype(np.float64))
    weights, biases = rng.integers(-9, 9, layer.shape), rng.integers(-9, 9, 3)
    found = []
    for most in (1 << 24, 2 * layer.positions * layer.fan_in, 1):
        monkeypatch.setattr(conv2d, "MOST_PATCH_VALUES", most)
        trainer = layer.trainer(weights, biases, 1 << SCALES.activation_bits, 1 << 40)
        forward, backward = trainer.forward(inputs, 9), trainer.backward(deltas, 9)
        trainer.update(deltas, inputs, 1)
        ends = np.empty(layer.shape, np.int64), np.empty(3, np.int64)
        trainer.export(*ends)
        found.append([forward, backward, *ends])
    for other in found[1:]:
        assert all(np.array_equal(one, two) for one, two in zip(found[0], other, strict=True))


@settings(max_examples=60)
@given(layer=layers())
def test_fans_and_positions_are_those_of_the_definition(layer: Conv2d) -> None:
    products = met(layer)
    into = [(i, h, w) for *_, i, h, w in products]
    assert layer.fan_out == max(map(into.count, set(into)))
    assert layer.fan_in == layer.inputs.axes[0] // layer.groups * layer.kernel**2
    assert layer.positions == layer.gives.axes[1] * layer.gives.axes[2]
    sums = [(o, y, x) for o, y, x, *_ in products]
    assert max(map(sums.count, set(sums))) <= layer.fan_in


@settings(max_examples=30)
@given(layer=layers(), seed=st.integers(0, 100))
def test_patches_and_their_transpose_are_adjoint(layer: Conv2d, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pictures = rng.integers(-9, 9, (2, *layer.inputs.axes))
    values = rng.integers(-9, 9, (2, layer.positions, layer.groups * layer.fan_in))
    back = from_patches(values, layer.inputs.axes[0], *layer.axes)
    assert (patches(pictures, *layer.axes) * values).sum() == (pictures * back).sum()


@pytest.mark.parametrize("axis", [Axis(7, 3, 2, 1), Axis(4, 2, 1, 0), Axis(1, 1, 1, 0), Axis(5, 4, 3, 3), Axis(6, 2, 2, 0)])
def test_tables_of_an_axis_are_the_extension_of_its_predicate(axis: Axis) -> None:
    """kappa~ at a point of (y, k, h) from its definition, with every variable summed against eq."""
    ry, rk, rh = (tuple(point(i, n)) for i, n in enumerate((axis.log_outputs, axis.log_kernel, axis.log_size)))
    tables = [eq_table(part) for part in (ry, rk, rh)]
    expected = ZERO
    for y, k, h in product(range(axis.outputs), range(axis.kernel), range(axis.size)):
        if h == axis.stride * y + k - axis.padding:
            term = ONE
            for table, place in zip(tables, (y, k, h), strict=True):
                term = term * element(table, place)
            expected = expected + term
    assert evaluate(axis.inputs_at(ry, rk), rh) == expected
    assert evaluate(axis.outputs_at(rh, rk), ry) == expected
    inside = ZERO
    for y in range(axis.outputs):
        inside = inside + element(tables[0], y)
    assert axis.real_outputs_at(ry) == inside != Ext(0, 0)


@pytest.mark.parametrize(
    ("axes", "change", "field"),
    [
        ((3, 8), {}, "inputs of a convolution"),
        ((1, 8, 8), {"outputs": 0}, "outputs"),
        ((1, 8, 8), {"outputs": 5000}, "outputs"),
        ((1, 8, 8), {"kernel": 0}, "kernel"),
        ((1, 8, 8), {"kernel": 65}, "kernel"),
        ((1, 2, 8), {"padding": 0}, "kernel"),
        ((1, 8, 8), {"stride": 0}, "stride"),
        ((1, 8, 8), {"stride": 65}, "stride"),
        ((1, 8, 8), {"padding": 3}, "padding"),
        ((1, 8, 8), {"padding": True}, "padding"),
        ((1, 8, 8), {"groups": 1}, "convolution"),
        ((3, 8, 8), {"groups": 2}, "divisor of the 3 channels"),
        ((4, 8, 8), {"groups": 2, "outputs": 5}, "divisor of the 5 outputs"),
        ((4, 8, 8), {"groups": 0}, "groups"),
        ((1, 8, 8), {"kind": "conv3d"}, "kind of a layer"),
        ((1, 8, 8), {"kind": ["conv2d"]}, "kind of a layer"),
        ((1, 1 << 17, 8), {}, "inputs"),
        ((1, 8, 8, 8), {}, "inputs"),
        ((), {}, "inputs"),
        ((2048, 512, 512), {}, "values of"),
    ],
)
def test_what_is_no_convolution_is_refused(axes: tuple[int, ...], change: dict[str, object], field: str) -> None:
    with pytest.raises(ConfigurationError, match=field) as caught:
        chain(axes, [{**CONV, **change}, HEAD])
    assert caught.value.expected


def test_a_network_has_one_plain_form() -> None:
    made = chain((2, 9, 8), [CONV, {"kind": "linear", "outputs": 5}, HEAD])
    assert made.words == "2x9x8-3x5x4-5-2" and made.widths == (144, 60, 5, 2)
    assert made.to_dict() == {"inputs": [2, 9, 8], "layers": [CONV, {"kind": "linear", "outputs": 5}, HEAD]}
    assert Network.from_dict(made.to_dict()) == made
    assert [part.shape for pair in made.unflatten(np.zeros(made.parameters, np.int64)) for part in pair] == [
        (3, 2, 3, 3), (3,), (5, 60), (5,), (2, 5), (2,),
    ]  # fmt: skip
    grouped = chain((4, 9, 8), [{**CONV, "outputs": 8, "groups": 2}, HEAD])
    assert Network.from_dict(grouped.to_dict()) == grouped and grouped.plain_layers[0]["groups"] == 2
    assert grouped.layers[0].shape == (8, 2, 3, 3) and grouped.layers[0].fan_in == 18
    assert mlp((4, 3, 2)).to_dict() == {"widths": [4, 3, 2]}
    with pytest.raises(ConfigurationError, match="widths"):
        Network.from_dict({"inputs": [4], "layers": [{"kind": "linear", "outputs": 3}, HEAD]})
    pictures = chain((1, 2, 2), [{"kind": "linear", "outputs": 3}, HEAD])
    assert not pictures.is_mlp and Network.from_dict(pictures.to_dict()) == pictures != mlp((4, 3, 2))


@pytest.mark.parametrize("layers_", [[CONV], [HEAD, CONV], [], [CONV, {"kind": "linear", "outputs": 1}], [CONV, {"kind": "linear", "outputs": 65}], "x"])
def test_networks_without_a_head_are_refused(layers_: object) -> None:
    with pytest.raises(ConfigurationError):
        Network.from_dict({"inputs": [1, 8, 8], "layers": layers_})


@pytest.mark.parametrize("axes", [(5,), (1, 1, 1), (3, 4, 8), (2, 3, 5)])
def test_layouts_pad_each_axis(axes: tuple[int, ...]) -> None:
    layout = Layout(axes)
    values = np.arange(1, 2 * layout.size + 1).reshape(2, -1)
    full = layout.pad(values)
    assert full.shape == (2, layout.padded_size) and np.count_nonzero(full) == values.size
    inside = full.reshape(2, *layout.padded_axes)[(slice(None), *(slice(axis) for axis in axes))]
    assert np.array_equal(inside.reshape(2, -1), values) and np.array_equal(layout.unpad(full), values)
