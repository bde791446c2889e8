"""How a record's values, or a layer's, lie in a column: axes, each padded to a power of two.

A picture of C channels is (C, H, W), a row of a table is (d,). In a column every axis is as long as the next
power of two, the last axis running fastest; what is beyond an axis's own length is 0. An axis is then a run
of variables of the column's multilinear extension, the first axis the most significant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from types import EllipsisType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def padded(width: int) -> int:
    """Least power of two >= width."""
    return 1 << (width - 1).bit_length()


def log_padded(width: int) -> int:
    """log2 of `padded`."""
    return (width - 1).bit_length()


@dataclass(frozen=True)
class Layout:
    """axes: their lengths, each at least 1."""

    axes: tuple[int, ...]

    @cached_property
    def size(self) -> int:
        """How many values there are."""
        return prod(self.axes)

    @cached_property
    def padded_axes(self) -> tuple[int, ...]:
        return tuple(padded(axis) for axis in self.axes)

    @cached_property
    def log_axes(self) -> tuple[int, ...]:
        return tuple(log_padded(axis) for axis in self.axes)

    @property
    def log_size(self) -> int:
        return sum(self.log_axes)

    @property
    def padded_size(self) -> int:
        return 1 << self.log_size

    def pad(self, values: NDArray[T]) -> NDArray[T]:
        """(..., size) to (..., padded size)."""
        if self.padded_axes == self.axes:
            return values
        lead = values.shape[:-1]
        full = np.zeros((*lead, *self.padded_axes), dtype=values.dtype)
        full[self._own] = values.reshape(*lead, *self.axes)
        return full.reshape(*lead, self.padded_size)

    def unpad(self, values: NDArray[T]) -> NDArray[T]:
        """(..., padded size) to (..., size)."""
        if self.padded_axes == self.axes:
            return values
        whole = values.reshape(*values.shape[:-1], *self.padded_axes)
        return whole[self._own].reshape(*values.shape[:-1], self.size)

    @property
    def _own(self) -> tuple[slice | EllipsisType, ...]:
        return (..., *(slice(axis) for axis in self.axes))

    @property
    def words(self) -> str:
        """Such as 3x128x128."""
        return "x".join(map(str, self.axes))
