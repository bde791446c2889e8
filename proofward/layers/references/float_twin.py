"""float32 twin of the fixed-point training: same network, first weights, schedule, rate, loss, saturation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from proofward.layers.affine_layers.affine import RealArray
from proofward.layers.basics.record import ROW
from proofward.layers.networks.bounds import saturating
from proofward.layers.networks.network import Network
from proofward.layers.networks.real_pass import added, real_forward
from proofward.layers.rules.model import FixedPoint, Int64Array, Training

Float32Array = NDArray[np.float32]


def real_weights(flat: Int64Array, scales: FixedPoint) -> Float32Array:
    """Fixed-point weights (parameters,) as float32 reals."""
    return (flat / (1 << scales.weight_bits)).astype(np.float32)


def real_features(features: Int64Array, scales: FixedPoint) -> Float32Array:
    """Fixed-point features (n, d) as float32 reals."""
    return (features / (1 << scales.activation_bits)).astype(np.float32)


Parts = list[tuple[Float32Array, Float32Array]]


def _parts(model: Network, flat: Float32Array) -> Parts:
    """Weights and biases of every layer, views of the flat vector."""
    return [
        (flat[start:bias].reshape(layer.shape), flat[bias:end])
        for (start, bias, end), layer in zip(model.offsets, model.layers, strict=True)
    ]


def scores(model: Network, scales: FixedPoint, flat: Float32Array, features: Float32Array) -> Float32Array:
    """What decides for a class of each record, float32: see `head.Head.real_scores`."""
    return _single(model.head.real_scores(_forward(model, _parts(model, flat), scales, features)[2]))


def input_gradients(
    model: Network,
    scales: FixedPoint,
    flat: Float32Array,
    features: Float32Array,
    logit_weights: Float32Array,
) -> Float32Array:
    """Gradients with respect to features (n, d) of sums of logits, weighted by logit_weights (n, outputs).

    They are the network's own derivatives: unlike those of training they do not saturate.
    """
    parts = _parts(model, flat)
    values, sums, _ = _forward(model, parts, scales, features)
    deltas = {model.depth - 1: logit_weights}
    for place in range(model.depth - 1, 0, -1):
        below, _ = _gradients(model, parts, values, deltas, place)
        back = model.activations[place - 1].real_gradients
        deltas[place - 1] = _single(back(sums[place - 1], below, scales.of_layer(place - 1).real_limit))
    own = [_gradients(model, parts, values, deltas, place)[0] for place in model.record.layouts]
    return own[0] if len(own) == 1 else np.concatenate(own, axis=1)


def _forward(
    model: Network, parts: Parts, scales: FixedPoint, features: Float32Array
) -> tuple[dict[int, Float32Array], list[Float32Array], Float32Array]:
    """What layers read, by place, sums of the hidden layers, and the logits."""
    values, sums = real_forward(model, parts, features, scales, _single)
    *hidden, logits = [_single(own) for own in sums]
    return {place: _single(own) for place, own in values.items()}, hidden, logits


def _gradients(
    model: Network,
    parts: Parts,
    values: Mapping[int, Float32Array],
    deltas: Mapping[int, Float32Array],
    place: int,
) -> tuple[Float32Array, dict[int, tuple[RealArray, RealArray]]]:
    """Of the values V_place, and of the weights and biases of every layer that reads them, by its index."""
    addends, made = model.joints.back_sums(place, 0), []
    growth: dict[int, tuple[RealArray, RealArray]] = {}
    for own, _ in addends.layers:
        delta = deltas[model.joints.joins(own)]
        weights, biases, below = model.layers[own].real_gradients(parts[own][0], values[place], delta)
        growth[own] = weights, biases
        made.append(_single(below))
    return _single(added([*made, *(deltas[into] for into, _ in addends.direct)])), growth


def _single(values: RealArray) -> Float32Array:
    return values.astype(np.float32, copy=False)


def _saturated(gradient: Float32Array, scales: FixedPoint) -> Float32Array:
    """`relu.saturated` on reals."""
    half = np.float32((1 << scales.gradient_range_bits) / (1 << scales.gradient_bits))
    high = np.floor((gradient + half) / (2 * half))
    result: Float32Array = gradient - 2 * half * (high - np.sign(high))
    return result


def train_float(
    model: Network,
    scales: FixedPoint,
    training: Training,
    initial: Float32Array,
    features: Float32Array,
    labels: Int64Array,
    batches: Int64Array,
    *,
    observe: Callable[[Sequence[Float32Array], Sequence[Float32Array], Float32Array], None] | None = None,
) -> Float32Array:
    """Update W_T - W_0, float32 (parameters,), of SGD on batches (>= T, B), at the fixed-point rate.

    After every step `observe` is given the sums of all layers, the gradients of the inputs of all but the
    first before they saturate, both from the records upwards, and the flat weights.
    """
    flat = initial.copy()
    parts = _parts(model, flat)
    rate = np.float32(training.rate / (1 << scales.rate_shift))
    momentum, velocities = np.float32(training.real_momentum), _parts(model, np.zeros_like(flat))
    most = np.float32(scales.weight_range / (1 << scales.weight_bits))
    ends = scales.weight_range_bits > 0 and training.padded_steps(len(labels)) > 1
    end = (1 << scales.logit_range_bits) / (1 << scales.activation_bits)
    for chosen in batches[: training.steps_for(len(labels))]:
        values, sums, logits = _forward(model, parts, scales, features[chosen])
        back_sums: list[Float32Array] = []
        deltas = {model.depth - 1: _single(model.head.real_gradients(logits, labels[chosen], end))}
        growth: dict[int, tuple[RealArray, RealArray]] = {}
        for place in range(model.depth - 1, -1, -1):
            below, own = _gradients(model, parts, values, deltas, place)
            growth |= own
            if place:
                back_sums.append(below)
                back = model.activations[place - 1].real_gradients
                own_scales = scales.of_layer(place - 1)
                ended = _saturated(below, own_scales)
                deltas[place - 1] = _single(back(sums[place - 1], ended, own_scales.real_limit))
        if model.row:
            growth |= _gradients(model, parts, values, deltas, ROW)[1]
        for index, of_layer in growth.items():
            for part, velocity, grown in zip(parts[index], velocities[index], of_layer, strict=True):
                velocity *= momentum
                velocity += grown
                part -= rate * velocity
                if ends and saturating(model, index):
                    np.clip(part, -most, most, out=part)
        if observe is not None:
            observe([*sums, logits], back_sums[::-1], flat)
    return flat - initial
