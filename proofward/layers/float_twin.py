"""float32 twin of the fixed-point training: same network, first weights, schedule, rate and loss."""

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


def scores(model: Mlp, flat: Float32Array, features: Float32Array) -> Float32Array:
    """Logit difference of each record: float32 (n,)."""
    return _forward(_layers(model, flat), features)[1]


def _forward(
    layers: list[tuple[Float32Array, Float32Array]], features: Float32Array
) -> tuple[list[Float32Array], Float32Array]:
    values = [features]
    for weights, bias in layers[:-1]:
        values.append(np.maximum(values[-1] @ weights.T + bias, np.float32(0)))
    logits = values[-1] @ layers[-1][0].T + layers[-1][1]
    return values, logits[:, 1] - logits[:, 0]


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
    for chosen in batches[: training.steps_for(len(labels))]:
        values, difference = _forward(layers, features[chosen])
        error = (1 / (1 + np.exp(-difference)) - labels[chosen]).astype(np.float32)
        delta = np.stack([-error, error], axis=1)
        for index in range(len(layers) - 1, -1, -1):
            weights, bias = layers[index]
            below = (delta @ weights) * (values[index] > 0) if index else delta
            weights -= rate * (delta.T @ values[index])
            bias -= rate * delta.sum(axis=0)
            delta = below
    return flat - initial
