"""Windows of 2 x 2 sums of pictures (.., height, width): their taps, and which of them is the first maximum.

A window (y', x') has the sums (2 y' + wy, 2 x' + wx), its taps j = 2 wy + wx. In a padded column wy and wx
are the last variables of the two axes. A real axis is even, so a window's sums are all real, or all of them
are padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.field.extension import Ext
from proofward.layers.basics.layout import Layout
from proofward.proof.forms import ONE, Point

T = TypeVar("T", bound=np.generic)
TAPS = ((0, 0), (0, 1), (1, 0), (1, 1))


def taps(values: NDArray[T], axes: tuple[int, ...]) -> list[NDArray[T]]:
    """The four sums of every window: views (n, channels, height / 2, width / 2) of values of these axes."""
    pictures = values.reshape(-1, *axes)
    return [pictures[:, :, y::2, x::2] for y, x in TAPS]


def spread(parts: Sequence[NDArray[T]], axes: tuple[int, ...]) -> NDArray[T]:
    """The inverse of `taps`: values (n, channels, height, width)."""
    result = np.empty((len(parts[0]), *axes), dtype=parts[0].dtype)
    for (y, x), part in zip(TAPS, parts, strict=True):
        result[:, :, y::2, x::2] = part
    return result


def maximum(parts: Sequence[NDArray[T]]) -> NDArray[T]:
    """The greatest value of every window."""
    greatest: NDArray[T] = np.maximum(np.maximum(parts[0], parts[1]), np.maximum(parts[2], parts[3]))
    return greatest


def first_maximum(parts: Sequence[NDArray[T]]) -> list[NDArray[np.bool_]]:
    """For every tap whether it is the first that has the greatest value of its window."""
    greatest, rest = maximum(parts), np.ones(parts[0].shape, dtype=np.bool_)
    result = []
    for part in parts:
        result.append((part == greatest) & rest)
        rest = rest & ~result[-1]
    return result


@dataclass(frozen=True)
class WindowPoint:
    """A point of a padded column of sums: the window's coordinates above the columns' axes, wy and wx."""

    leading: Point
    row: Point
    column: Point
    down: Ext
    across: Ext

    @staticmethod
    def of(point: Point, layout: Layout) -> WindowPoint:
        """The parts of a point of (step, sample, channel, height, width)."""
        _, tall, wide = layout.log_axes
        cut = len(point) - tall - wide
        rows, columns = point[cut : cut + tall], point[cut + tall :]
        return WindowPoint(point[:cut], rows[:-1], columns[:-1], rows[-1], columns[-1])

    @property
    def window(self) -> Point:
        """The point of a column over windows."""
        return (*self.leading, *self.row, *self.column)

    def tap(self, down: Ext, across: Ext) -> Point:
        """The point of the sums with other coordinates wy and wx."""
        return (*self.leading, *self.row, down, *self.column, across)

    def weights(self) -> list[Ext]:
        """eq((wy, wx), tap) of the four taps."""
        rows, columns = (ONE - self.down, self.down), (ONE - self.across, self.across)
        return [rows[y] * columns[x] for y, x in TAPS]
