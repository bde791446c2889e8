"""ReLU on rounded pre-activations: s = [Q > 0], A = s*Q forward; dZ = s*G backward."""

from __future__ import annotations

import numpy as np

from proofward.layers.exact import FloatArray


def forward(pre_activation: FloatArray, sign: FloatArray, activation: FloatArray) -> None:
    """sign = [Q > 0] and activation = max(Q, 0), elementwise on float64 integers of one shape."""
    np.greater(pre_activation, 0.0, out=sign, casting="unsafe")
    np.multiply(sign, pre_activation, out=activation)


def backward(gradient: FloatArray, sign: FloatArray, delta: FloatArray) -> None:
    """delta = sign * G, elementwise on float64 integers of one shape."""
    np.multiply(sign, gradient, out=delta)
