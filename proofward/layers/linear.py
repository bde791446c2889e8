"""Linear layer with exact update, and the rounding that brings its sums back to scale.

forward   Z = A W^T + 2^fa b            exact, scale fw + fa
backward  Z_back = dZ W                 exact, scale fw + fd
update    W <- W - rate * dZ^T A,  b <- b - rate * 2^fa * sum_b dZ    exact, scale fw: no weight is rounded
rounding  Z + 2^(fw-1) = 2^fw Q + R,  0 <= R < 2^fw
"""

from __future__ import annotations

import numpy as np

from proofward.layers.errors import OutOfRange
from proofward.layers.exact import WEIGHT_LIMIT, ExactMatrix, FloatArray, magnitude
from proofward.layers.model import FixedPoint, Int64Array, padded

REMEDY_RATE = "lower the rate or the scales"
REMEDY_RANGE = "lower the rate, or raise the range bits or weight_bits"


class Linear:
    """Weights and bias of one layer during training; all arrays are zero-padded to powers of two."""

    __slots__ = ("bias", "inputs", "name", "outputs", "scales", "weights")

    def __init__(self, name: str, weights: Int64Array, bias: Int64Array, scales: FixedPoint) -> None:
        """weights int64 (d_out, d_in), bias int64 (d_out,), at scale fw; copied."""
        self.name = name
        self.scales = scales
        self.outputs, self.inputs = weights.shape
        rows = padded(self.outputs)
        for quantity, values, limit in (("weight", weights, WEIGHT_LIMIT), ("bias", bias, self._bias_limit)):
            value = max(int(values.max()), int(values.min()), key=abs)
            if abs(value) >= limit:
                raise OutOfRange(name, quantity, 0, value, 1 - limit, limit - 1, REMEDY_RATE)
        self.weights = ExactMatrix(weights, rows, padded(self.inputs))
        self.bias: FloatArray = np.zeros(rows)
        self.bias[: self.outputs] = bias

    @property
    def _bias_limit(self) -> int:
        # 2^fa |b| < 2^50: were |A W^T| >= 2^53 and hence rounded, |Z| would still exceed 2^52.
        return 1 << (50 - self.scales.activation_bits)

    def forward(self, inputs: FloatArray, bound: int, out: FloatArray) -> None:
        """Z into out (B, d_out_pad) for inputs A (B, d_in_pad), |A| <= bound; exact where |Z| < 2^52."""
        self.weights.right_product_transposed(inputs, bound, out)
        out += self.bias * (1 << self.scales.activation_bits)

    def backward(self, gradients: FloatArray, bound: int, out: FloatArray) -> None:
        """Z_back into out (B, d_in_pad) for dZ (B, d_out_pad), |dZ| <= bound; exact where < 2^52."""
        self.weights.right_product(gradients, bound, out)

    def update(self, gradients: FloatArray, inputs: FloatArray, rate: int, step: int) -> None:
        """One exact SGD step from dZ (B, d_out_pad) and A (B, d_in_pad); OutOfRange if one grows to 2^52."""
        self.bias -= gradients.sum(axis=0) * (rate << self.scales.activation_bits)
        largest = magnitude(self.bias)
        if largest >= self._bias_limit:
            limit = self._bias_limit
            raise OutOfRange(self.name, "bias", step, largest, 1 - limit, limit - 1, REMEDY_RATE)
        if not self.weights.subtract_outer(rate, gradients, inputs):
            largest = magnitude(self.weights.values)
            raise OutOfRange(
                self.name, "weight", step, largest, 1 - WEIGHT_LIMIT, WEIGHT_LIMIT - 1, REMEDY_RATE
            )

    def export(self, weights: Int64Array, bias: Int64Array) -> None:
        """Writes W (d_out, d_in) and b (d_out,), without padding, into int64 arrays."""
        weights[...] = self.weights.values[: self.outputs, : self.inputs]
        bias[...] = self.bias[: self.outputs]


def round_to_scale(sums: FloatArray, bits: int, quotient: FloatArray, remainder: FloatArray) -> None:
    """Q = floor((Z + 2^(bits-1)) / 2^bits) and R = Z + 2^(bits-1) - 2^bits Q; `remainder` may be `sums`.

    Exact for |Z| < 2^52: scaling by a power of two is exact, and every other value is an integer below 2^53.
    """
    np.add(sums, float(1 << (bits - 1)), out=remainder)
    np.multiply(remainder, 2.0**-bits, out=quotient)
    np.floor(quotient, out=quotient)
    remainder -= quotient * float(1 << bits)


def check_range(values: FloatArray, allowed: tuple[int, int], layer: str, quantity: str, step: int) -> None:
    """Raises OutOfRange unless every value lies in the closed interval `allowed`."""
    low, high = allowed
    for value in (values.min(), values.max()):
        if not low <= value <= high:
            raise OutOfRange(layer, quantity, step, int(value), low, high, REMEDY_RANGE)
