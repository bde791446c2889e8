"""The specification of per-record clipping in plain Python integers: what the fast step must equal.

Here the gradient of every record is written down and its norm is that of the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from proofward.layers.model import FixedPoint
from proofward.layers.reference import Layers, Matrix, Vector, sample


@dataclass(frozen=True)
class ClippedSum:
    """By record its gradient, flat in the order of weights, S, s and k; and G and U."""

    gradients: Matrix
    squares: Vector
    roots: Vector
    multipliers: Vector
    total: Vector
    update: Vector


def clipped_sum(
    layers: Layers,
    inputs: Matrix,
    labels: Vector,
    scales: FixedPoint,
    clip_bits: int,
    class_weights: Sequence[int] = (),
) -> ClippedSum:
    """The sum of the clipped gradients of all records, each once, and its rounding."""
    bits = clip_bits + scales.activation_bits + scales.gradient_bits
    bound, unit = 1 << bits, 1 << (bits + 2)
    gradients = [
        gradient(layers, record, label, scales, class_weights)
        for record, label in zip(inputs, labels, strict=True)
    ]
    squares = [sum(entry * entry for entry in own) for own in gradients]
    roots = [isqrt(square) + 1 for square in squares]
    multipliers = [min(1 << 12, (bound << 12) // root) for root in roots]
    total = [
        sum(multiplier * own[entry] for multiplier, own in zip(multipliers, gradients, strict=True))
        for entry in range(len(gradients[0]))
    ]
    update = [(entry + unit // 2) // unit for entry in total]
    return ClippedSum(gradients, squares, roots, multipliers, total, update)


def gradient(
    layers: Layers, record: Vector, label: int, scales: FixedPoint, class_weights: Sequence[int]
) -> Vector:
    """Of one record: dZ times what the layer reads, and dZ times 2^fa for the biases."""
    trace, deltas = sample(layers, record, label, scales, class_weights)
    read = [record, *([unit.activation for unit in own] for own in trace.forward)]
    flat: Vector = []
    for delta, values in zip(deltas, read, strict=True):
        flat += [own * value for own in delta for value in values]
        flat += [own << scales.activation_bits for own in delta]
    return flat
