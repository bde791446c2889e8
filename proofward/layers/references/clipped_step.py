"""The specification of per-record clipping in plain Python integers: what the fast step must equal.

Here the gradient of every record is written down and its norm is that of the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt, lcm

from proofward.layers.references.pictures_step import Flat, PlainLayer, step
from proofward.layers.references.step import Layers, Matrix, Vector, sample
from proofward.layers.rules.model import FixedPoint, Training


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
    gradients = [
        gradient(layers, record, label, scales, class_weights)
        for record, label in zip(inputs, labels, strict=True)
    ]
    return _summed(gradients, scales, clip_bits, 1)


def clipped_sum_of_pictures(
    network: Sequence[PlainLayer],
    layers: Flat,
    inputs: Matrix,
    labels: Vector,
    scales: FixedPoint,
    clip_bits: int,
) -> ClippedSum:
    """The same of a chain with convolutions, of flat weights and biases.

    Beside means all gradients are at the finest scale of a layer's weights.
    """
    means = [1, *(own.mean_of for own in network)]
    finer = [below * above for below, above in pairwise(means)]
    finest = lcm(*finer)
    gradients = [
        [
            (finest // own) * entry
            for own, parts in zip(finer, _of_picture(network, layers, record, label, scales), strict=True)
            for part in parts
            for entry in part
        ]
        for record, label in zip(inputs, labels, strict=True)
    ]
    return _summed(gradients, scales, clip_bits, finest)


def _summed(gradients: Matrix, scales: FixedPoint, clip_bits: int, finest: int) -> ClippedSum:
    """At a scale that is so many times finer."""
    bits = clip_bits + scales.activation_bits + scales.gradient_bits
    bound, unit = finest << bits, finest << (bits + 2)
    squares = [sum(entry * entry for entry in own) for own in gradients]
    roots = [isqrt(square) + 1 for square in squares]
    multipliers = [min(1 << 12, (bound << 12) // root) for root in roots]
    total = [
        sum(multiplier * own[entry] for multiplier, own in zip(multipliers, gradients, strict=True))
        for entry in range(len(gradients[0]))
    ]
    update = [(entry + unit // 2) // unit for entry in total]
    return ClippedSum(gradients, squares, roots, multipliers, total, update)


def _of_picture(
    network: Sequence[PlainLayer], layers: Flat, record: Vector, label: int, scales: FixedPoint
) -> Flat:
    """By layer the gradient of a record: what a step with the rate 1 on it alone takes from the weights."""
    after, _, _ = step(network, layers, [record], [label], scales, Training(rate=1, batch=1, steps=1))
    pairs = zip(layers, after, strict=True)
    return [
        (_difference(weights, new), _difference(biases, new_biases))
        for (weights, biases), (new, new_biases) in pairs
    ]


def _difference(before: Vector, after: Vector) -> Vector:
    return [old - new for old, new in zip(before, after, strict=True)]


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
