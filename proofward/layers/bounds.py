"""No-wraparound bounds: every integer of a training stays below 2^62: equality in the field is equality in Z.

For a weight, W_t = W_0 - rate * sum over steps and samples of dZ * A, hence
|W_t| <= |W_0| + rate * T_pad * B * max|dZ| * max|A| with the ranges of dZ and A that the relations check; the
sums Z and Z_back follow. The prover's word is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from proofward.layers.errors import WraparoundPossible
from proofward.layers.model import FixedPoint, Int64Array, Mlp, Training

LIMIT = 1 << 62


@dataclass(frozen=True)
class LayerBounds:
    """Bounds on the magnitude of one linear layer's integers: each |value| <= bound < 2^62."""

    name: str
    inputs: int
    output_gradients: int
    weight_update: int
    bias_update: int
    weights: int
    biases: int
    sums: int
    back_sums: int


def layer_name(index: int, model: Mlp) -> str:
    """Name of a linear layer in messages: its number from 1, and its shape."""
    d_out, d_in = model.shapes[index]
    return f"layer {index + 1} ({d_in} -> {d_out})"


def compile_bounds(
    model: Mlp, scales: FixedPoint, training: Training, rows: int, initial_weights: Int64Array
) -> tuple[LayerBounds, ...]:
    """Bounds of every layer over the T_pad steps of a hospital with `rows` records.

    Raises WraparoundPossible naming the layer and the integer whose bound is not below 2^62.
    """
    samples = training.padded_steps(rows) * training.batch
    half = 1 << (scales.weight_bits - 1)
    result = []
    for index, (weights, biases) in enumerate(model.unflatten(initial_weights)):
        d_out, d_in = model.shapes[index]
        last = index == len(model.shapes) - 1
        name = layer_name(index, model)
        inputs = 1 << (scales.activation_range_bits - (1 if index == 0 else 0))
        gradients = 1 << (scales.gradient_bits if last else scales.gradient_range_bits)
        weight_update = training.rate * samples * gradients * inputs
        bias_update = training.rate * samples * (gradients << scales.activation_bits)
        weight = _magnitude(weights) + weight_update
        bias = _magnitude(biases) + bias_update
        sums = d_in * weight * inputs + (bias << scales.activation_bits)
        sums = (2 * sums if last else sums) + half
        bounds = LayerBounds(
            name=name,
            inputs=inputs,
            output_gradients=gradients,
            weight_update=weight_update,
            bias_update=bias_update,
            weights=weight,
            biases=bias,
            sums=sums,
            back_sums=d_out * weight * gradients + half,
        )
        for quantity in ("weight_update", "bias_update", "weights", "biases", "sums", "back_sums"):
            if getattr(bounds, quantity) >= LIMIT:
                raise WraparoundPossible(name, quantity, getattr(bounds, quantity), LIMIT)
        result.append(bounds)
    return tuple(result)


def _magnitude(values: Int64Array) -> int:
    return max(abs(int(values.max())), abs(int(values.min())))


@lru_cache(maxsize=64)
def weight_limit(model: Mlp, scales: FixedPoint, training: Training, most_rows: int) -> int:
    """L, the largest power of two such that all bounds hold for |W_0| <= L and up to `most_rows` rows."""
    limit = 0
    for bits in range(62):
        try:
            weights = np.broadcast_to(np.full(1, 1 << bits, dtype=np.int64), (model.parameters,))
            compile_bounds(model, scales, training, most_rows, weights)
        except WraparoundPossible:
            break
        limit = 1 << bits
    if not limit:
        raise WraparoundPossible("all layers", "weights", 1, limit)
    return limit
