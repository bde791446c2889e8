"""A row that joins a layer: the trainer equals plain integers, and PyTorch on the concatenation."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.record import ROW
from proofward.layers.local_training.training import forward_sums
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import Network, chain
from proofward.layers.references import step as reference
from proofward.layers.references.float_twin import input_gradients, scores
from proofward.layers.rules.model import FixedPoint, Training
from tests.layers.real_step import RealStep
from tests.layers.test_shortcuts import (
    AVERAGE,
    MAXIMUM,
    NARROW,
    SCALES,
    WHOLE,
    assert_equals_plain_integers,
    conv,
    linear,
)

JOIN = {"kind": "add", "from": "row", "by": linear(4)}
CHAINS = {
    "a picture and a row": ((1, 4, 4), 3, [conv(2), linear(4), JOIN, linear(2)]),
    "three channels, pooled": ((3, 4, 4), 5, [conv(2), MAXIMUM, linear(4), JOIN, linear(4), linear(2)]),
    "means": ((1, 6, 6), 3, [conv(2), AVERAGE, linear(4), JOIN, linear(2)]),
    "the mean of a picture": ((1, 4, 4), 3, [conv(3), WHOLE, linear(4), JOIN, linear(2)]),
    "twice, and a shortcut": (
        (5,), 3, [linear(4), JOIN, linear(4), {"kind": "add", "from": 1}, linear(4), JOIN, linear(2)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("scales", [SCALES, NARROW], ids=["usual", "narrow"])
def test_equals_plain_integers(name: str, scales: FixedPoint) -> None:
    axes, row, layers = CHAINS[name]
    assert_equals_plain_integers(chain(axes, layers, row), scales)


def test_sums_are_those_of_one_layer_on_the_concatenation() -> None:
    """Of both weights side by side, with the sum of both biases for its bias."""
    axes, row, layers = CHAINS["a picture and a row"]
    model, rng = chain(axes, layers, row), np.random.default_rng(2)
    weights = rng.integers(-(1 << 20), 1 << 20, model.parameters)
    features = rng.integers(-100, 100, (3, model.features))
    parts = model.unflatten(weights)
    found = forward_sums(model, SCALES, weights, features)
    whole, bias = np.hstack([parts[1][0], parts[3][0]]).tolist(), (parts[1][1] + parts[3][1]).tolist()
    for record, below, above in zip(features, found[0], found[1], strict=True):
        units = [reference.forward(int(z), SCALES).activation for z in model.layers[0].gives.unpad(below)]
        own = reference.linear(whole, bias, [*units, *map(int, record[16:])], SCALES)
        assert model.layers[1].gives.unpad(above).tolist() == own


def test_bounds_count_the_row() -> None:
    axes, row, layers = CHAINS["a picture and a row"]
    training = Training(rate=3, batch=2, steps=2)
    without = compile_bounds(chain(axes, [own for own in layers if own is not JOIN]), SCALES, training, 4, 1 << 24)
    found = compile_bounds(chain(axes, layers, row), SCALES, training, 4, 1 << 24)
    through = found[3]
    assert through.name == "layer 4 (shortcut into layer 2, 3 -> 4)" and through.inputs == 1 << 11
    own = row * through.weights * through.inputs + (through.biases << SCALES.activation_bits)
    assert found[1].sums - without[1].sums == own and found[2].sums == without[2].sums


def test_a_row_has_one_plain_form() -> None:
    axes, row, layers = CHAINS["a picture and a row"]
    model = chain(axes, layers, row)
    plain_form = model.to_dict()
    assert plain_form == {"inputs": list(axes), "row": row, "layers": [conv(2), linear(4), JOIN, linear(2)]}
    assert Network.from_dict(plain_form) == model and not model.is_mlp
    assert model.words == "1x4x4,3-2x4x4-4+row-2" and model.features == 19
    assert model.shortcuts[0].source == ROW
    for other in (0, "3", True, 1 << 17):
        with pytest.raises(ConfigurationError, match="row"):
            Network.from_dict({**plain_form, "row": other})


REFUSED = {
    "no row": (0, [conv(2), linear(4), JOIN, linear(2)], "records with a row"),
    "never read": (3, [conv(2), linear(4), linear(2)], "a layer that it joins"),
    "as it is": (4, [conv(2), linear(4), {"kind": "add", "from": "row"}, linear(2)], "a layer between"),
    "into the last": (3, [conv(2), linear(4), linear(2), {**JOIN, "by": linear(2)}], "below the last"),
    "into a picture": (3, [conv(2), JOIN, linear(2)], "values that join the sums"),
    "through a convolution": (3, [conv(2), {**JOIN, "by": conv(2)}, linear(2)], "inputs"),
    "by its number": (3, [conv(2), linear(4), {**JOIN, "from": ROW}, linear(2)], "the number of a layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_no_row_can_join(name: str) -> None:
    row, layers, words = REFUSED[name]
    with pytest.raises(ConfigurationError, match=words):
        chain((1, 4, 4), layers, row)


@pytest.mark.parametrize("name", ["a picture and a row", "three channels, pooled", "means"])
def test_a_step_in_real_numbers_is_that_of_autograd_on_the_concatenation(name: str) -> None:
    """Of one linear layer with one bias, which has the gradient of either bias."""
    torch = pytest.importorskip("torch")
    from torch.nn import functional as F

    axes, row, layers = CHAINS[name]
    model = chain(axes, layers, row)
    step = RealStep(model)
    (w0, b0), (w1, b1), *above, (wp, bp) = step.parameters
    given = torch.tensor(step.features.astype(np.float64), requires_grad=True)
    picture, own = given[:, : model.inputs.size].reshape(4, *axes), given[:, model.inputs.size :]
    below = torch.relu(F.conv2d(picture, w0.reshape(model.layers[0].shape), b0, padding=1))
    pools = {"relu_maxpool2d": F.max_pool2d, "relu_avgpool2d": F.avg_pool2d}
    if model.activations[0].kind in pools:
        below = pools[model.activations[0].kind](below, 2)
    joined = torch.cat([below.flatten(1), own], dim=1)
    weight = torch.cat([w1.reshape(model.layers[1].shape), wp.reshape(4, row)], dim=1)
    values = torch.relu(F.linear(joined, weight, b1 + bp))
    for index, (w, b) in enumerate(above):
        values = F.linear(values, w.reshape(model.layers[2 + index].shape), b)
        values = torch.relu(values) if index + 1 < len(above) else values
    real = scores(model, step.scales, step.first, step.features)
    assert np.allclose(real, (values[:, 1] - values[:, 0]).detach().numpy(), rtol=1e-4, atol=1e-5)
    step.check(values)


def test_gradients_of_inputs_are_those_of_both_parts() -> None:
    """By differences: the network is linear between its kinks."""
    axes, row, layers = CHAINS["a picture and a row"]
    model, rng = chain(axes, layers, row), np.random.default_rng(4)
    flat = rng.normal(size=model.parameters).astype(np.float32)
    features = rng.normal(size=(1, model.features)).astype(np.float32)
    told = input_gradients(model, SCALES, flat, features, np.array([[-1, 1]], dtype=np.float32))
    for at in (0, 7, 16, 18):
        moved = features.copy()
        moved[0, at] += 1e-3
        grown = scores(model, SCALES, flat, moved) - scores(model, SCALES, flat, features)
        assert np.isclose(grown[0] / 1e-3, told[0, at], rtol=0.02, atol=0.02) and told[0, at]
