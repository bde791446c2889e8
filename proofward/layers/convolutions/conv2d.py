"""Two-dimensional convolution with exact update: a square kernel, stride, zero padding and groups.

    forward   Z(o, y, x) = sum over c, k, l of W(o, c, k, l) A(c, s y + k - p, s x + l - p) + 2^fa b(o)
    backward  Z_back(c, h, w) = sum over o, k, l and the (y, x) that met (h, w) of W(o, c, k, l) dZ(o, y, x)
    update    W <- W - rate * sum over samples and positions of dZ times A,  b <- b - rate * 2^fa * sum of dZ

With G groups the channels of the inputs and of the outputs are cut into G runs, and the outputs of a run are
sums over the inputs of the same run alone. With as many groups as channels the convolution is depthwise.
Weights are (outputs, channels / G, K, K) as in PyTorch.

Its proof is in `conv2d_relation`, where runs have a power of two of channels and of outputs, so that a
channel's leading binary digits are its group; of other runs it is in `conv2d_uneven`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import ClassVar

import numpy as np

from proofward.field.threads import parallel
from proofward.layers.affine_layers.affine import Affine, AffineTrainer, RealArray
from proofward.layers.affine_layers.saturated_weights import SaturatedWeights
from proofward.layers.arithmetic.exact import ExactMatrix, FloatArray
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import exactly, integer
from proofward.layers.columns.stack import Gradient, Input, Shape
from proofward.layers.convolutions.axis import Axis
from proofward.layers.convolutions.conv2d_relation import Conv2dRelation
from proofward.layers.convolutions.conv2d_uneven import Runs, UnevenRelation
from proofward.layers.convolutions.patches import from_patches, patches
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.momentum import Rates

MAX_CHANNELS, MAX_KERNEL = 1 << 12, 64
MOST_PATCH_VALUES = 1 << 23  #: of one part of a batch, 64 MiB on each core
_PATCH_VALUES_A_CORE = 1 << 16  #: from so many on cores share a batch
_PLAIN = ("outputs", "kernel", "stride", "padding")


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
    groups: int = 1
    window: int = 1
    unsaid: ClassVar[Mapping[str, object]] = {"groups": 1}

    def __post_init__(self) -> None:
        if len(self.inputs.axes) != 3:
            raise ConfigurationError("inputs of a convolution", "(channels, height, width)", self.inputs.axes)
        integer("outputs", self.outputs, 1, MAX_CHANNELS)
        integer("kernel", self.kernel, 1, MAX_KERNEL)
        integer("stride", self.stride, 1, MAX_KERNEL)
        integer("padding", self.padding, 0, self.kernel - 1)
        self._check_groups()
        for axis in self.inputs.axes[1:]:
            if axis + 2 * self.padding < self.kernel:
                raise ConfigurationError("kernel", f"at most {axis + 2 * self.padding}", self.kernel)
        if min(axis.outputs for axis in self.axes) == 0:
            raise ConfigurationError("pooled layer", f"at least {self.window} rows and columns", self.words)

    def _check_groups(self) -> None:
        integer("groups", self.groups, 1, MAX_CHANNELS)
        for what, count in (("channels", self.inputs.axes[0]), ("outputs", self.outputs)):
            if count % self.groups:
                raise ConfigurationError("groups", f"a divisor of the {count} {what}", self.groups)

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
        return Layout((self.outputs, self.inputs.axes[0] // self.groups, self.kernel, self.kernel))

    @property
    def fan_out(self) -> int:
        return self.outputs // self.groups * self.axes[0].most_taps * self.axes[1].most_taps

    @property
    def positions(self) -> int:
        return self.axes[0].outputs * self.axes[1].outputs

    @property
    def has_few_weights(self) -> bool:
        return self.is_even

    @property
    def laid_out(self) -> int:
        return self.positions * self.groups * self.fan_in

    @property
    def axis_entries(self) -> int:
        return sum(axis.entries for axis in self.axes)

    @property
    def words(self) -> str:
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{self.inputs.words} -> {self.gives.words}, kernel {self.kernel}{groups}"

    def to_plain(self) -> dict[str, object]:
        names = _PLAIN if self.groups == 1 else (*_PLAIN, "groups")
        return {"kind": self.kind, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_plain(cls, takes: Layout, plain: Mapping[str, object]) -> Conv2d:
        grouped = "groups" in plain and plain["groups"] != 1
        names = (*_PLAIN, "groups") if grouped else _PLAIN
        values = exactly("convolution", plain, ("kind", *names))
        return cls(takes, *(integer(name, values[name], 0, MAX_CHANNELS) for name in names))

    def trainer(self, weights: Int64Array, biases: Int64Array, one: int, bound: int) -> Conv2dTrainer:
        return Conv2dTrainer(self, weights, biases, one, bound)

    def relation(
        self,
        shape: Shape,
        parameters: tuple[Int64Array, Int64Array],
        rates: Rates,
        one: int,
        inputs: Input,
        gradients: Gradient | None,
        saturated: SaturatedWeights | None = None,
    ) -> Conv2dRelation:
        about = shape, *self.field_parameters(parameters), rates, one
        parts = (*about, inputs, gradients, saturated, self.axes)
        if self.is_even:
            return Conv2dRelation(*parts, self.groups)
        each = self.inputs.axes[0] // self.groups, self.outputs // self.groups
        return UnevenRelation(*parts, runs=Runs(self.groups, *each))

    @property
    def is_even(self) -> bool:
        """Whether a channel's leading binary digits are its group."""
        each = self.inputs.axes[0] // self.groups, self.outputs // self.groups
        return self.groups == 1 or not any(count & (count - 1) for count in each)

    @property
    def runs(self) -> list[tuple[slice, slice]]:
        """Of every group its outputs, and its taps among those of a patch of all channels."""
        each = self.outputs // self.groups
        return [
            (slice(g * each, (g + 1) * each), slice(g * self.fan_in, (g + 1) * self.fan_in))
            for g in range(self.groups)
        ]

    def real_sums(self, weights: RealArray, biases: RealArray, inputs: RealArray) -> RealArray:
        matrix, met = weights.reshape(self.outputs, -1), patches(self._pictures(inputs), *self.axes)
        sums = [met[..., taps] @ matrix[own].T + biases[own] for own, taps in self.runs]
        return np.concatenate([own.transpose(0, 2, 1) for own in sums], axis=1).reshape(len(inputs), -1)

    def real_gradients(
        self, weights: RealArray, inputs: RealArray, deltas: RealArray
    ) -> tuple[RealArray, RealArray, RealArray]:
        matrix = weights.reshape(self.outputs, -1)
        by_position = deltas.reshape(len(deltas), self.outputs, -1).transpose(0, 2, 1)
        flat = by_position.reshape(-1, self.outputs)
        met = patches(self._pictures(inputs), *self.axes)
        below = np.concatenate([by_position[..., own] @ matrix[own] for own, _ in self.runs], axis=2)
        back = from_patches(below, self.inputs.axes[0], *self.axes)
        rows = met.reshape(len(flat), -1)
        gradient = np.concatenate([flat[:, own].T @ rows[:, taps] for own, taps in self.runs])
        return gradient.reshape(weights.shape), flat.sum(axis=0), back.reshape(inputs.shape)

    def _pictures(self, inputs: RealArray) -> RealArray:
        return inputs.reshape(-1, *self.inputs.axes)


class Conv2dTrainer(AffineTrainer):
    """Weights (outputs, taps) and biases of a convolution during training."""

    __slots__ = ("biases", "layer", "one", "weights")

    def __init__(self, layer: Conv2d, weights: Int64Array, biases: Int64Array, one: int, bound: int) -> None:
        self.layer, self.one = layer, one
        self.weights = ExactMatrix(weights.reshape(layer.outputs, -1), bound, layer.outputs, layer.fan_in)
        self.biases = biases.copy()
        self._changing = Lock()

    def forward(self, inputs: FloatArray, bound: int) -> Int64Array:
        sums = np.empty((len(inputs), self.layer.gives.size), dtype=np.int64)

        def of(part: slice) -> None:
            met = self._patches(inputs[part])
            own = np.empty((len(met), self.layer.outputs), dtype=np.int64)
            for weights, outputs, taps in self._groups():
                own[:, outputs] = weights.right_product_transposed(met[:, taps], bound)
            own += self.biases * self.one
            by_channel = own.reshape(-1, self.layer.positions, self.layer.outputs).transpose(0, 2, 1)
            sums[part] = by_channel.reshape(len(by_channel), -1)

        self._each(len(inputs), of)
        return self.layer.gives.pad(sums)

    def backward(self, gradients: FloatArray, bound: int) -> Int64Array:
        # What a patch's value takes part in is summed in 64 bits; the result is below 2^62 (`bounds`).
        back = np.empty((len(gradients), self.layer.inputs.size), dtype=np.int64)

        def of(part: slice) -> None:
            deltas = self._by_position(gradients[part])
            own = np.empty((len(deltas), self._patch), dtype=np.int64)
            for weights, outputs, taps in self._groups():
                own[:, taps] = weights.right_product(deltas[:, outputs], bound)
            whole = own.reshape(-1, self.layer.positions, self._patch)
            pictures = from_patches(whole, self.layer.inputs.axes[0], *self.layer.axes)
            back[part] = pictures.reshape(len(pictures), -1)

        self._each(len(gradients), of)
        return self.layer.inputs.pad(back)

    def update(self, gradients: FloatArray, inputs: FloatArray, rate: int) -> None:
        # of integers, so whichever part comes first the weights are the same
        def of(part: slice) -> None:
            deltas, met = self._by_position(gradients[part]), self._patches(inputs[part])
            growth = deltas.sum(axis=0).astype(np.int64) * (rate * self.one)
            with self._changing:
                self.biases -= growth
            for weights, outputs, taps in self._groups():
                grown = weights.outer(rate, deltas[:, outputs], met[:, taps])
                with self._changing:
                    weights.subtract(grown)

        self._each(len(inputs), of)

    def saturate(self, limit: int) -> None:
        np.clip(self.weights.values, -limit, limit, out=self.weights.values)
        np.clip(self.biases, -limit, limit, out=self.biases)

    def export(self, weights: Int64Array, biases: Int64Array) -> None:
        weights[...] = self.weights.values.reshape(weights.shape)
        biases[...] = self.biases

    def _each(self, samples: int, use: Callable[[slice], None]) -> None:
        """Use runs of samples, at least one, whose patches fit MOST_PATCH_VALUES together; on all cores."""
        values = self.layer.positions * self._patch
        count = max(1, MOST_PATCH_VALUES // values)

        def work(start: int, stop: int) -> None:
            for first in range(start, stop, count):
                use(slice(first, min(first + count, stop)))

        parallel(work, samples, max(1, _PATCH_VALUES_A_CORE // values))

    @property
    def _patch(self) -> int:
        """Taps of all groups."""
        return self.layer.groups * self.layer.fan_in

    def _groups(self) -> Iterator[tuple[ExactMatrix, slice, slice]]:
        """Every group's weights, its outputs, and its taps."""
        for outputs, taps in self.layer.runs:
            yield self.weights.rows(outputs.start, outputs.stop), outputs, taps

    def _patches(self, inputs: FloatArray) -> FloatArray:
        """(B * positions, taps of all groups) of padded inputs."""
        pictures = self.layer.inputs.unpad(inputs).reshape(-1, *self.layer.inputs.axes)
        return patches(pictures, *self.layer.axes).reshape(-1, self._patch)

    def _by_position(self, gradients: FloatArray) -> FloatArray:
        """(B * positions, outputs) of padded gradients of the sums."""
        by_channel = self.layer.gives.unpad(gradients).reshape(len(gradients), self.layer.outputs, -1)
        return np.ascontiguousarray(by_channel.transpose(0, 2, 1)).reshape(-1, self.layer.outputs)
