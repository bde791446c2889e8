"""The nodes of a frozen network: what each takes and gives, in exact integers.

A value is an integer v that stands for v / 2^VALUE_BITS, at most LIMIT in magnitude. A layer's sums are of
integer weights at a scale 2^bits of its own, and are rounded back, halves up:

    v = min(max(floor((W x + b + 2^(bits-1)) / 2^bits), -LIMIT), LIMIT).

For every output the magnitudes of W times LIMIT, and that of b, add up to at most 2^52. So whatever the
values are, each partial sum is an integer that a double holds, in any order and with or without fused
multiply-add: the numbers are the same on every machine.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from proofward.data.frozen.weights import LIMIT, Weights
from proofward.data.frozen.windows import FloatArray, Shape, Windows
from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError


@dataclass(frozen=True, eq=False)
class Node(ABC):
    """sources: numbers of the values that it takes; 0 is the picture, n what the n-th node gives."""

    kind: ClassVar[str]
    takes: ClassVar[int] = 1
    sources: tuple[int, ...]

    @abstractmethod
    def gives(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of what it gives for a picture; raises ConfigurationError for shapes it does not take."""

    @abstractmethod
    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        """(n, *gives) of integers in float64, of such values (n, *shape)."""

    def met(self, shapes: Sequence[Shape]) -> int:
        """Values that it holds for a picture while it computes."""
        return max(math.prod(self.gives(shapes)), *(math.prod(shape) for shape in shapes))

    def products(self, shapes: Sequence[Shape]) -> int:  # layers have some
        """Multiplications for a picture."""
        return 0

    def plain(self) -> dict[str, Item]:
        """Items of the encoding, without kind and sources."""
        return {}


@dataclass(frozen=True, eq=False)
class Linear(Node):
    """weights: (outputs, inputs), of the values in one row, the last axis running fastest."""

    kind: ClassVar[str] = "linear"
    weights: Weights

    def gives(self, shapes: Sequence[Shape]) -> Shape:
        if self.weights.shape[1:] != (math.prod(shapes[0]),):
            raise ConfigurationError(
                "linear", f"weights of {math.prod(shapes[0])} values", self.weights.shape
            )
        return (self.weights.shape[0],)

    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        rows = values[0].reshape(len(values[0]), -1)
        return self.weights.rounded(rows @ self.weights.real.T, axis=1)

    def products(self, shapes: Sequence[Shape]) -> int:
        return math.prod(self.weights.shape)

    def plain(self) -> dict[str, Item]:
        return self.weights.plain()


@dataclass(frozen=True, eq=False)
class Convolution(Node):
    """weights: (outputs, channels of a group, down, across); outside of a picture are zeros."""

    kind: ClassVar[str] = "convolution"
    weights: Weights
    windows: Windows
    groups: int = 1

    def gives(self, shapes: Sequence[Shape]) -> Shape:
        own = self.weights.shape
        down, across = self.windows.gives(shapes[0])
        whole = type(self.groups) is int and self.groups >= 1 and own[0] % self.groups == 0
        if len(own) != 4 or own[2:] != self.windows.kernel or not whole:
            raise ConfigurationError("convolution", "weights of its windows, in equal groups", own)
        if own[1] * self.groups != shapes[0][0]:
            raise ConfigurationError("convolution", f"{own[1] * self.groups} channels", shapes[0][0])
        return own[0], down, across

    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        own, count = self.weights.shape, len(values[0])
        met = self.windows.of(values[0], 0.0)
        down, across = met.shape[2:4]
        met = met.reshape(count, self.groups, own[1], down, across, *own[2:])
        rows = met.transpose(1, 0, 3, 4, 2, 5, 6).reshape(self.groups, count * down * across, -1)
        weights = self.weights.real.reshape(self.groups, own[0] // self.groups, -1)
        sums = np.matmul(rows, weights.transpose(0, 2, 1)).reshape(self.groups, count, down, across, -1)
        return self.weights.rounded(
            sums.transpose(1, 0, 4, 2, 3).reshape(count, own[0], down, across), axis=1
        )

    def met(self, shapes: Sequence[Shape]) -> int:
        down, across = self.windows.gives(shapes[0])
        return max(super().met(shapes), shapes[0][0] * self.windows.size * down * across)

    def products(self, shapes: Sequence[Shape]) -> int:
        _, down, across = self.gives(shapes)
        return math.prod(self.weights.shape) * down * across

    def plain(self) -> dict[str, Item]:
        return {**self.weights.plain(), **self.windows.plain(), "groups": self.groups}


@dataclass(frozen=True, eq=False)
class Rectify(Node):
    """min(max(v, 0), most): ReLU, or one that ends, such as ReLU6."""

    kind: ClassVar[str] = "relu"
    most: int = LIMIT

    def gives(self, shapes: Sequence[Shape]) -> Shape:
        if type(self.most) is not int or not 1 <= self.most <= LIMIT:
            raise ConfigurationError("relu", f"an end in [1, {LIMIT}]", self.most)
        return shapes[0]

    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        return np.clip(values[0], 0, self.most)

    def plain(self) -> dict[str, Item]:
        return {"most": self.most}


@dataclass(frozen=True, eq=False)
class _Pool(Node):
    windows: Windows

    def gives(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0][0], *self.windows.gives(shapes[0])

    def met(self, shapes: Sequence[Shape]) -> int:
        return max(super().met(shapes), math.prod(self.gives(shapes)) * self.windows.size)

    def plain(self) -> dict[str, Item]:
        return self.windows.plain()


@dataclass(frozen=True, eq=False)
class Max(_Pool):
    """The largest value of each window; what is outside of a picture never is."""

    kind: ClassVar[str] = "max"

    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        found: FloatArray = self.windows.of(values[0], -LIMIT).max(axis=(4, 5))
        return found


@dataclass(frozen=True, eq=False)
class Mean(_Pool):
    """The mean of each window, rounded, halves up; outside of a picture are zeros, which count."""

    kind: ClassVar[str] = "mean"

    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        sums = self.windows.of(values[0], 0.0).sum(axis=(4, 5)).astype(np.int64)
        size = self.windows.size
        means: FloatArray = ((2 * sums + size) // (2 * size)).astype(np.float64)
        return means


@dataclass(frozen=True, eq=False)
class Add(Node):
    """Two values of one shape, added."""

    kind: ClassVar[str] = "add"
    takes: ClassVar[int] = 2

    def gives(self, shapes: Sequence[Shape]) -> Shape:
        if shapes[0] != shapes[1]:
            raise ConfigurationError("add", f"two values of the shape {shapes[0]}", shapes[1])
        return shapes[0]

    def forward(self, values: Sequence[FloatArray]) -> FloatArray:
        sums: FloatArray = np.clip(values[0] + values[1], -LIMIT, LIMIT)
        return sums


NODES: dict[str, type[Node]] = {own.kind: own for own in (Linear, Convolution, Rectify, Max, Mean, Add)}
