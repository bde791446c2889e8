"""Two-dimensional convolution with exact update, of any kernel, stride and zero padding.

    forward   Z(o, y, x) = sum over c, k, l of W(o, c, k, l) A(c, s y + k - p, s x + l - p) + 2^fa b(o)
    backward  Z_back(c, h, w) = sum over o, k, l and the (y, x) that met (h, w) of W(o, c, k, l) dZ(o, y, x)
    update    W <- W - rate * sum over samples and positions of dZ times A,  b <- b - rate * 2^fa * sum of dZ

Its proof is in `conv2d_relation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from proofward.layers.affine import Affine, AffineTrainer, RealArray
from proofward.layers.axis import Axis
from proofward.layers.conv2d_relation import Conv2dRelation
from proofward.layers.errors import ConfigurationError
from proofward.layers.exact import ExactMatrix, FloatArray
from proofward.layers.layout import Layout
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.patches import from_patches, patches
from proofward.layers.plain import exactly, integer
from proofward.layers.stack import Gradient, Input, Shape

MAX_CHANNELS, MAX_KERNEL = 1 << 12, 64
MOST_PATCH_VALUES = 1 << 24  #: of one part of a batch, 128 MiB


@dataclass(frozen=True)
class Conv2d(Affine):
    """Pictures (channels, height, width) to `outputs` channels, with a square kernel.

    Below a pooling layer a last row or column that fills no window is left out, as nothing reads it.
    """

    kind: ClassVar[str] = "conv2d"
    inputs: Layout
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    window: int = 1

    def __post_init__(self) -> None:
        if len(self.inputs.axes) != 3:
            raise ConfigurationError("inputs of a convolution", "(channels, height, width)", self.inputs.axes)
        integer("outputs", self.outputs, 1, MAX_CHANNELS)
        integer("kernel", self.kernel, 1, MAX_KERNEL)
        integer("stride", self.stride, 1, self.kernel)
        integer("padding", self.padding, 0, self.kernel - 1)
        for axis in self.inputs.axes[1:]:
            if axis + 2 * self.padding < self.kernel:
                raise ConfigurationError("kernel", f"at most {axis + 2 * self.padding}", self.kernel)
        if min(axis.outputs for axis in self.axes) == 0:
            raise ConfigurationError("pooled layer", f"at least {self.window} rows and columns", self.words)

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """The vertical and the horizontal one."""
        rest = (self.kernel, self.stride, self.padding, self.window)
        height, width = (Axis(size, *rest) for size in self.inputs.axes[1:])
        return height, width

    def for_windows(self, window: int) -> Conv2d:
        return replace(self, window=window)

    @property
    def takes(self) -> Layout:
        return self.inputs

    @property
    def gives(self) -> Layout:
        return Layout((self.outputs, self.axes[0].outputs, self.axes[1].outputs))

    @property
    def weights(self) -> Layout:
        return Layout((self.outputs, self.inputs.axes[0], self.kernel, self.kernel))

    @property
    def fan_out(self) -> int:
        return self.outputs * self.axes[0].most_taps * self.axes[1].most_taps

    @property
    def positions(self) -> int:
        return self.axes[0].outputs * self.axes[1].outputs

    @property
    def words(self) -> str:
        return f"{self.inputs.words} -> {self.gives.words}, kernel {self.kernel}"

    def to_plain(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "outputs": self.outputs,
            "kernel": self.kernel,
            "stride": self.stride,
            "padding": self.padding,
        }

    @classmethod
    def from_plain(cls, takes: Layout, plain: Mapping[str, object]) -> Conv2d:
        values = exactly("convolution", plain, ("kind", "outputs", "kernel", "stride", "padding"))
        names = ("outputs", "kernel", "stride", "padding")
        return cls(takes, *(integer(name, values[name], 0, MAX_CHANNELS) for name in names))

    def trainer(
        self, weights: Int64Array, biases: Int64Array, scales: FixedPoint, bound: int
    ) -> Conv2dTrainer:
        return Conv2dTrainer(self, weights, biases, scales, bound)

    def relation(
        self,
        shape: Shape,
        parameters: tuple[Int64Array, Int64Array],
        rate: int,
        activation_bits: int,
        inputs: Input,
        gradients: Gradient | None,
    ) -> Conv2dRelation:
        matrix, vector = self.field_parameters(parameters)
        return Conv2dRelation(shape, matrix, vector, rate, activation_bits, inputs, gradients, self.axes)

    def real_sums(self, weights: RealArray, biases: RealArray, inputs: RealArray) -> RealArray:
        matrix = weights.reshape(self.outputs, -1)
        sums = patches(self._pictures(inputs), *self.axes) @ matrix.T + biases
        return np.ascontiguousarray(sums.transpose(0, 2, 1)).reshape(len(inputs), -1)

    def real_gradients(
        self, weights: RealArray, inputs: RealArray, deltas: RealArray
    ) -> tuple[RealArray, RealArray, RealArray]:
        matrix = weights.reshape(self.outputs, -1)
        by_position = deltas.reshape(len(deltas), self.outputs, -1).transpose(0, 2, 1)
        flat = by_position.reshape(-1, self.outputs)
        met = patches(self._pictures(inputs), *self.axes)
        back = from_patches(by_position @ matrix, self.inputs.axes[0], *self.axes)
        gradient = flat.T @ met.reshape(len(flat), -1)
        return gradient.reshape(weights.shape), flat.sum(axis=0), back.reshape(inputs.shape)

    def _pictures(self, inputs: RealArray) -> RealArray:
        return inputs.reshape(-1, *self.inputs.axes)


class Conv2dTrainer(AffineTrainer):
    """Weights (outputs, taps) and biases of a convolution during training."""

    __slots__ = ("biases", "layer", "scales", "weights")

    def __init__(
        self, layer: Conv2d, weights: Int64Array, biases: Int64Array, scales: FixedPoint, bound: int
    ) -> None:
        self.layer, self.scales = layer, scales
        self.weights = ExactMatrix(weights.reshape(layer.outputs, -1), bound, layer.outputs, layer.fan_in)
        self.biases = biases.copy()

    def forward(self, inputs: FloatArray, bound: int) -> Int64Array:
        sums = np.empty((len(inputs), self.layer.gives.size), dtype=np.int64)
        for part in self._parts(len(inputs)):
            own = self.weights.right_product_transposed(self._patches(inputs[part]), bound)
            own += self.biases << self.scales.activation_bits
            by_channel = own.reshape(-1, self.layer.positions, self.layer.outputs).transpose(0, 2, 1)
            sums[part] = by_channel.reshape(len(by_channel), -1)
        return self.layer.gives.pad(sums)

    def backward(self, gradients: FloatArray, bound: int) -> Int64Array:
        # What a patch's value takes part in is summed in 64 bits; the result is below 2^62 (`bounds`).
        back = np.empty((len(gradients), self.layer.inputs.size), dtype=np.int64)
        for part in self._parts(len(gradients)):
            own = self.weights.right_product(self._by_position(gradients[part]), bound)
            whole = own.reshape(-1, self.layer.positions, self.layer.fan_in)
            pictures = from_patches(whole, self.layer.inputs.axes[0], *self.layer.axes)
            back[part] = pictures.reshape(len(pictures), -1)
        return self.layer.inputs.pad(back)

    def update(self, gradients: FloatArray, inputs: FloatArray, rate: int) -> None:
        for part in self._parts(len(inputs)):
            deltas = self._by_position(gradients[part])
            self.biases -= deltas.sum(axis=0).astype(np.int64) * (rate << self.scales.activation_bits)
            self.weights.subtract_outer(rate, deltas, self._patches(inputs[part]))

    def export(self, weights: Int64Array, biases: Int64Array) -> None:
        weights[...] = self.weights.values.reshape(weights.shape)
        biases[...] = self.biases

    def _parts(self, samples: int) -> list[slice]:
        """Runs of samples whose patches fit MOST_PATCH_VALUES together, at least one sample each."""
        count = max(1, MOST_PATCH_VALUES // (self.layer.positions * self.layer.fan_in))
        return [slice(first, first + count) for first in range(0, samples, count)]

    def _patches(self, inputs: FloatArray) -> FloatArray:
        """(B * positions, taps) of padded inputs."""
        pictures = self.layer.inputs.unpad(inputs).reshape(-1, *self.layer.inputs.axes)
        return patches(pictures, *self.layer.axes).reshape(-1, self.layer.fan_in)

    def _by_position(self, gradients: FloatArray) -> FloatArray:
        """(B * positions, outputs) of padded gradients of the sums."""
        by_channel = self.layer.gives.unpad(gradients).reshape(len(gradients), self.layer.outputs, -1)
        return np.ascontiguousarray(by_channel.transpose(0, 2, 1)).reshape(-1, self.layer.outputs)
