"""Weights and biases of a frozen layer: integers whose sums a double holds exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from proofward.data.frozen.windows import FloatArray, Shape
from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError

VALUE_BITS = 14
LIMIT = 1 << 28
"""The largest magnitude of a value."""
LARGEST_SUM = 1 << 52
LEAST_BITS, MOST_BITS = 6, 24
MOST_AXIS = 1 << 24


@dataclass(frozen=True, eq=False)
class Weights:
    """values: int32 (outputs, ...) at scale 2^bits. bias: int64 (outputs,) at scale 2^(bits + VALUE_BITS)."""

    values: NDArray[np.int32]
    bias: NDArray[np.int64]
    bits: int

    def __post_init__(self) -> None:
        if type(self.bits) is not int or not LEAST_BITS <= self.bits <= MOST_BITS:
            raise ConfigurationError("bits of weights", f"{LEAST_BITS} to {MOST_BITS}", self.bits)
        if self.values.ndim < 2 or not self.values.size or self.bias.shape != self.values.shape[:1]:
            raise ConfigurationError(
                "weights", "a bias for each output", (self.values.shape, self.bias.shape)
            )
        if not (np.abs(self.bias.astype(np.float64)) <= LARGEST_SUM).all() or self._largest() > LARGEST_SUM:
            raise ConfigurationError("weights", "sums of at most 2^52 in magnitude", "larger ones")

    def _largest(self) -> int:
        """The largest sum that any values can make: row by row, since copies of all weights are large."""
        sizes = (int(np.abs(row.astype(np.int64)).sum()) for row in self.values)
        return max(size * LIMIT + abs(int(own)) for size, own in zip(sizes, self.bias, strict=True))

    @property
    def shape(self) -> Shape:
        """(outputs, ...)."""
        return tuple(map(int, self.values.shape))

    @cached_property
    def real(self) -> FloatArray:
        """The integers in float64."""
        return self.values.astype(np.float64)

    def rounded(self, sums: FloatArray, axis: int) -> FloatArray:
        """Values of products' sums, whose outputs lie along this axis: with bias, rounded, saturated."""
        bias = self.bias.reshape(-1, *(1 for _ in sums.shape[axis + 1 :]))
        whole = sums + (bias + (1 << (self.bits - 1)))
        return np.clip(np.floor(whole * 2.0**-self.bits), -LIMIT, LIMIT)

    def plain(self) -> dict[str, Item]:
        """Items of the encoding."""
        return {
            "bits": self.bits,
            "shape": self.shape,
            "weight": self.values.astype("<i4").tobytes(),
            "bias": self.bias.astype("<i8").tobytes(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Item]) -> Weights:
        """Inverse of `plain`; raises ConfigurationError."""
        match plain:
            case {"bits": int() as bits, "shape": tuple() as shape, "weight": bytes() as weight,
                  "bias": bytes() as bias} if shape and all(_is_axis(axis) for axis in shape):  # fmt: skip
                if len(weight) == 4 * math.prod(shape) and len(bias) == 8 * shape[0]:
                    values = np.frombuffer(weight, "<i4").reshape(shape)
                    return cls(values, np.frombuffer(bias, "<i8").astype(np.int64), bits)
        raise ConfigurationError("weights", "bits, a shape and as many integers", sorted(plain))


def _is_axis(value: object) -> bool:
    return type(value) is int and 1 <= value <= MOST_AXIS
