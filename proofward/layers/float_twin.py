"""float32 twin of the fixed-point training: same network, first weights, schedule, rate, loss, saturation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.layers.model import FixedPoint, Int64Array, Mlp, Training

Float32Array = NDArray[np.float32]


def real_weights(flat: Int64Array, scales: FixedPoint) -> Float32Array:
    """Fixed-point weights (parameters,) as float32 reals."""
    return (flat / (1 << scales.weight_bits)).astype(np.float32)


def real_features(features: Int64Array, scales: FixedPoint) -> Float32Array:
    """Fixed-point features (n, d) as float32 reals."""
    return (features / (1 << scales.activation_bits)).astype(np.float32)


def _layers(model: Mlp, flat: Float32Array) -> list[tuple[Float32Array, Float32Array]]:
    return [
        (flat[start:bias].reshape(shape), flat[bias:end])
        for (start, bias, end), shape in zip(model.offsets, model.shapes, strict=True)
    ]


def scores(model: Mlp, scales: FixedPoint, flat: Float32Array, features: Float32Array) -> Float32Array:
    """Logit difference of each record: float32 (n,)."""
    return _forward(_layers(model, flat), scales, features)[1]


def _forward(
    layers: list[tuple[Float32Array, Float32Array]], scales: FixedPoint, features: Float32Array
) -> tuple[list[Float32Array], Float32Array]:
    limit = np.float32(scales.activation_limit / (1 << scales.activation_bits))
    values = [features]
    for weights, bias in layers[:-1]:
        values.append(np.clip(values[-1] @ weights.T + bias, np.float32(0), limit))
    logits = values[-1] @ layers[-1][0].T + layers[-1][1]
    return values, logits[:, 1] - logits[:, 0]


def _saturated(gradient: Float32Array, scales: FixedPoint) -> Float32Array:
    """`relu.saturated` on reals."""
    half = np.float32((1 << scales.gradient_range_bits) / (1 << scales.gradient_bits))
    high = np.floor((gradient + half) / (2 * half))
    result: Float32Array = gradient - 2 * half * (high - np.sign(high))
    return result


def train_float(
    model: Mlp,
    scales: FixedPoint,
    training: Training,
    initial: Float32Array,
    features: Float32Array,
    labels: Int64Array,
    batches: Int64Array,
) -> Float32Array:
    """Update W_T - W_0, float32 (parameters,), of SGD on batches (>= T, B), at the fixed-point rate."""
    flat = initial.copy()
    layers = _layers(model, flat)
    rate = np.float32(training.rate / (1 << scales.rate_shift))
    limit = np.float32(scales.activation_limit / (1 << scales.activation_bits))
    end = np.float32((1 << scales.logit_range_bits) / (1 << scales.activation_bits))
    for chosen in batches[: training.steps_for(len(labels))]:
        values, difference = _forward(layers, scales, features[chosen])
        error = (1 / (1 + np.exp(-np.clip(difference, -end, end))) - labels[chosen]).astype(np.float32)
        delta = np.stack([-error, error], axis=1)
        for index in range(len(layers) - 1, -1, -1):
            weights, bias = layers[index]
            if index:
                inside = (values[index] > 0) & (values[index] < limit)
                below = inside * _saturated(delta @ weights, scales)
            else:
                below = delta
            weights -= rate * (delta.T @ values[index])
            bias -= rate * delta.sum(axis=0)
            delta = below
    return flat - initial
