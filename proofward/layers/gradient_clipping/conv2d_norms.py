"""Squared norms of the gradients that single records have at a convolution, in exact integers.

Both ways of `record_norms` give the same integers. Every sum is below 2^53 in magnitude, and every norm below
2^58, by the public bound on squares (`clip_scale`).
"""

from __future__ import annotations

import numpy as np

from proofward.layers.arithmetic.exact import FloatArray
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.convolutions.patches import patches
from proofward.layers.gradient_clipping.record_norms import GRADIENT, way_of
from proofward.layers.rules.model import Int64Array

MOST_VALUES = 1 << 20  #: of patches or of a table that are laid out at a time


def norms(layer: Conv2d, inputs: FloatArray, deltas: FloatArray, one: int, way: str = "") -> Int64Array:
    """||g||^2 of every slot, of padded inputs and of padded gradients of the sums; bias times `one`."""
    way = way or way_of(layer).name
    found = np.empty(len(inputs), dtype=np.int64)
    size = layer.positions * max(layer.laid_out // layer.positions, layer.positions, layer.outputs)
    count = max(1, MOST_VALUES // size)
    for start in range(0, len(inputs), count):
        part = slice(start, start + count)
        by_output, met = _by_output(layer, deltas[part]), _patches(layer, inputs[part])
        own = _by_gradients if way == GRADIENT else _by_positions
        found[part] = own(layer, by_output, met, one)
    return found


def weighted_sum(
    layer: Conv2d, inputs: FloatArray, deltas: FloatArray, weights: Int64Array, *, floating: bool
) -> tuple[Int64Array, Int64Array]:
    """Sums over slots of a weight times the gradient there: (outputs, taps), and (outputs,) for `one` = 1.

    In floating point where that is exact, and in 64-bit integers otherwise.
    """
    total = np.zeros((layer.outputs, layer.fan_in), dtype=np.int64)
    biases = np.zeros(layer.outputs, dtype=np.int64)
    count = max(1, MOST_VALUES // layer.laid_out)
    kind = np.float64 if floating else np.int64
    for start in range(0, len(inputs), count):
        part = slice(start, start + count)
        by_output = _by_output(layer, deltas[part]).astype(kind) * weights[part, None, None]
        met = _patches(layer, inputs[part]).astype(kind)
        for outputs, taps in layer.runs:
            own = np.matmul(by_output[:, outputs], met[..., taps]).sum(axis=0)
            total[outputs] += own.astype(np.int64)
        biases += by_output.sum(axis=(0, 2)).astype(np.int64)
    return total, biases


def _by_gradients(layer: Conv2d, deltas: FloatArray, met: FloatArray, one: int) -> Int64Array:
    total = np.square((deltas.sum(axis=2) * one).astype(np.int64)).sum(axis=1)
    for outputs, taps in layer.runs:
        gradients = np.matmul(deltas[:, outputs], met[..., taps]).astype(np.int64)
        total += np.square(gradients).sum(axis=(1, 2))
    return np.asarray(total, dtype=np.int64)


def _by_positions(layer: Conv2d, deltas: FloatArray, met: FloatArray, one: int) -> Int64Array:
    total = np.zeros(len(deltas), dtype=np.int64)
    for outputs, taps in layer.runs:
        own, below = deltas[:, outputs], met[..., taps]
        inputs = np.matmul(below, below.transpose(0, 2, 1)).astype(np.int64) + one**2
        total += (inputs * np.matmul(own.transpose(0, 2, 1), own).astype(np.int64)).sum(axis=(1, 2))
    return total


def _by_output(layer: Conv2d, deltas: FloatArray) -> FloatArray:
    """(slots, outputs, positions)."""
    return layer.gives.unpad(deltas).reshape(len(deltas), layer.outputs, -1)


def _patches(layer: Conv2d, inputs: FloatArray) -> FloatArray:
    """(slots, positions, taps of all groups)."""
    return patches(layer.inputs.unpad(inputs).reshape(-1, *layer.inputs.axes), *layer.axes)
