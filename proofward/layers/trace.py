"""Witness of a local training: every intermediate integer of every step, stacked over steps.

T = padded steps, B = batch, d = width padded to a power of two. Arrays are C-contiguous int32. Padded feature
columns hold zeros, except remainders, which hold 2^(fw-1) there: with Z = 0 the rounding relation
Z + 2^(fw-1) = 2^fw Q + R then holds on the whole cube.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.layers.model import Mlp, padded

Int32Array = NDArray[np.int32]


@dataclass(frozen=True)
class HiddenTrace:
    """Values of one hidden layer, each (T, B, d) of the layer's output width d."""

    pre_activation: Int32Array  #: Q, rounded sums, scale fa
    sign: Int32Array  #: s = [Q > 0]
    activation: Int32Array  #: A = s * Q, scale fa: the next layer's input
    remainder: Int32Array  #: R of the forward rounding, in [0, 2^fw)
    gradient: Int32Array  #: G, rounded gradient with respect to A, scale fd
    delta: Int32Array  #: dZ = s * G, gradient with respect to this layer's sums, scale fd
    gradient_remainder: Int32Array  #: R of the backward rounding, in [0, 2^fw)


@dataclass(frozen=True)
class HeadTrace:
    """Values of the two-class head, each (T, B)."""

    logit_difference: Int32Array  #: D, scale fa
    remainder: Int32Array  #: R of its rounding, in [0, 2^fw)
    probability: Int32Array  #: P = table[D], scale fd, in [0, 2^fd]
    error: Int32Array  #: g = P - 2^fd * Y; the last layer's dZ is (-g, +g)
    labels: Int32Array  #: Y in {0, 1}


@dataclass(frozen=True)
class TrainingTrace:
    """The stacked witness: inputs (T, B, d_0), the hidden layers in order, the head."""

    inputs: Int32Array
    hidden: tuple[HiddenTrace, ...]
    head: HeadTrace

    @classmethod
    def allocate(cls, model: Mlp, steps: int, batch: int) -> TrainingTrace:
        """Arrays for `steps` steps of `batch` samples, not yet filled."""
        stack = (steps, batch)
        widths = [padded(width) for width in model.widths]
        return cls(
            inputs=np.empty((*stack, widths[0]), dtype=np.int32),
            hidden=tuple(
                HiddenTrace(*(np.empty((*stack, width), dtype=np.int32) for _ in range(7)))
                for width in widths[1:-1]
            ),
            head=HeadTrace(*(np.empty(stack, dtype=np.int32) for _ in range(5))),
        )
