"""Every layer against torch: sums and gradients in real numbers, and the trainer's integers, which are exact."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from proofward.layers.affine_layers.linear import Linear  # noqa: E402
from proofward.layers.basics.layout import Layout  # noqa: E402
from proofward.layers.convolutions.conv2d import Conv2d  # noqa: E402
from proofward.layers.networks.network import mlp  # noqa: E402
from proofward.layers.networks.registry import AFFINE, HEADS  # noqa: E402
from proofward.layers.rules.model import FixedPoint  # noqa: E402

COUNT, RATE = 3, 5
SCALES = FixedPoint()


def convolution(random):
    kernel = int(random.integers(1, 6))
    padding = int(random.integers(0, kernel))
    least = max(1, kernel - 2 * padding)
    height, width = (int(random.integers(least, least + 9)) for _ in range(2))
    groups = int(random.integers(1, 4))
    channels, outputs = (int(random.integers(1, 5)) if groups == 1 else groups << int(random.integers(0, 3)) for _ in range(2))
    return Conv2d(Layout((channels, height, width)), outputs, kernel, int(random.integers(1, kernel + 1)), padding, groups)


def linear(random):
    axes = tuple(int(size) for size in random.integers(1, 6, int(random.integers(1, 4))))
    return Linear(Layout(axes), int(random.integers(1, 9)))


DRAWN = {"conv2d": convolution, "linear": linear}
TORCH = {
    "conv2d": lambda layer, x, w, b: F.conv2d(x, w, b, stride=layer.stride, padding=layer.padding, groups=layer.groups),
    "linear": lambda layer, x, w, b: F.linear(x.flatten(1), w, b),
}
CASES = [(kind, seed) for kind in DRAWN for seed in range(25)]


def by_torch(layer, weights, biases, inputs, deltas):
    """Sums, and gradients with respect to weights, biases and inputs, in double precision."""
    held = [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in (inputs, weights, biases)]
    sums = TORCH[layer.kind](layer, *held)
    sums.backward(torch.tensor(deltas, dtype=torch.float64).reshape(sums.shape))
    return sums.detach().numpy().reshape(COUNT, -1), *(part.grad.numpy() for part in (held[1], held[2], held[0]))


def test_all_layers_are_compared():
    assert set(DRAWN) == set(AFFINE)


@pytest.mark.parametrize("kind, seed", CASES)
def test_real_sums_and_gradients_are_those_of_autograd(kind, seed):
    random = np.random.default_rng(seed)
    layer = DRAWN[kind](random)
    weights, biases = random.standard_normal(layer.shape), random.standard_normal(layer.biases.axes)
    inputs, deltas = random.standard_normal((COUNT, layer.takes.size)), random.standard_normal((COUNT, layer.gives.size))
    sums, *gradients = by_torch(layer, weights, biases, inputs.reshape(COUNT, *layer.takes.axes), deltas)
    assert np.allclose(layer.real_sums(weights, biases, inputs), sums, rtol=1e-12, atol=1e-12)
    found = layer.real_gradients(weights, inputs, deltas)
    for own, other in zip(found, gradients, strict=True):
        assert np.allclose(own.reshape(other.shape), other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("kind, seed", CASES)
def test_the_trainers_integers_are_those_of_autograd(kind, seed):
    """Values so small that double precision is exact: sums, gradients and a step are equal."""
    random = np.random.default_rng(seed)
    layer = DRAWN[kind](random)
    weights, biases = random.integers(-(1 << 20), 1 << 20, layer.shape), random.integers(-(1 << 14), 1 << 14, layer.biases.axes)
    inputs = random.integers(-2048, 2048, (COUNT, layer.takes.size))
    deltas = random.integers(-512, 512, (COUNT, layer.gives.size))
    unit = 1 << SCALES.activation_bits
    shaped = inputs.reshape(COUNT, *layer.takes.axes)
    sums, growth, bias_growth, back = by_torch(layer, weights, biases * unit, shaped, deltas)
    trainer = layer.trainer(weights, biases, 1 << SCALES.activation_bits, 1 << 30)
    padded = layer.takes.pad(inputs.astype(np.float64))
    gradients = layer.gives.pad(deltas.astype(np.float64))
    assert np.array_equal(layer.gives.unpad(trainer.forward(padded, 2048)), sums)
    assert np.array_equal(layer.takes.unpad(trainer.backward(gradients, 512)), back.reshape(COUNT, -1))
    trainer.update(gradients, padded, RATE)
    trained, trained_biases = np.zeros_like(weights), np.zeros_like(biases)
    trainer.export(trained, trained_biases)
    assert np.array_equal(trained, weights - RATE * growth)
    assert np.array_equal(trained_biases, biases - RATE * unit * bias_growth)


LOGITS = [(2, 1), (3, 2), (5, 3), (64, 4)]


def drawn_logits(classes, seed):
    """Logits in multiples of 2^-fa that differ by less than the tables' end, labels, and autograd's gradients."""
    random = np.random.default_rng(seed)
    scaled = random.integers(-220, 220, (50, classes))
    labels = random.integers(0, classes, 50)
    logits = torch.tensor(scaled / (1 << SCALES.activation_bits), requires_grad=True)
    F.cross_entropy(logits, torch.tensor(labels), reduction="sum").backward()
    return scaled, logits.detach().numpy(), labels, logits.grad.numpy()


def test_all_heads_are_compared():
    assert {type(mlp((1, classes)).head) for classes, _ in LOGITS} == set(HEADS)


@pytest.mark.parametrize("classes, seed", LOGITS)
def test_real_gradients_of_the_loss_are_those_of_autograd(classes, seed):
    _, logits, labels, expected = drawn_logits(classes, seed)
    assert np.allclose(mlp((1, classes)).head.real_gradients(logits, labels, 8.0), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("classes, seed", LOGITS)
def test_weighted_gradients_are_those_of_autograd(classes, seed):
    scaled, logits, labels, plain = drawn_logits(classes, seed)
    weights = tuple(1 + k % 5 for k in range(classes))
    held = torch.tensor(logits, requires_grad=True)
    F.cross_entropy(held, torch.tensor(labels), weight=torch.tensor(weights).double(), reduction="sum").backward()
    head = dataclasses.replace(mlp((1, classes)), class_weights=weights).head
    assert np.allclose(head.real_gradients(logits, labels, 8.0), held.grad.numpy(), rtol=1e-12, atol=1e-12)
    assert not np.allclose(held.grad.numpy(), plain)
    sums = head.takes.pad(scaled.astype(np.int64) << SCALES.weight_bits)
    found = head.takes.unpad(head.gradients(sums, labels, SCALES))
    once = head.takes.unpad(mlp((1, classes)).head.gradients(sums, labels, SCALES))
    assert np.array_equal(found, once * np.array(weights)[labels][:, None])
    assert np.abs(found).max() <= head.largest_gradient(SCALES) == max(weights) << SCALES.gradient_bits


@pytest.mark.parametrize("classes, seed", LOGITS)
def test_integer_gradients_of_the_loss_are_those_of_autograd_rounded(classes, seed):
    scaled, _, labels, expected = drawn_logits(classes, seed)
    head = mlp((1, classes)).head
    sums = head.takes.pad(scaled.astype(np.int64) << SCALES.weight_bits)
    found = head.takes.unpad(head.gradients(sums, labels, SCALES))
    assert np.abs(found - expected * (1 << SCALES.gradient_bits)).max() < 0.51
