"""Windows over pictures: which values of a channel a convolution or a pool takes for each of its outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError

FloatArray = NDArray[np.float64]
Shape = tuple[int, ...]
MOST_SIDE = 1 << 12


@dataclass(frozen=True)
class Windows:
    """kernel, stride: (down, across). padding: rows and columns added (above, left, below, right)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        sizes = (*self.kernel, *self.stride)
        if (len(self.kernel), len(self.stride), len(self.padding)) != (2, 2, 4):
            raise ConfigurationError("windows", "two sizes, two strides and four paddings", self)
        if not all(type(size) is int and 1 <= size <= MOST_SIDE for size in sizes):
            raise ConfigurationError("windows", f"sizes and strides in [1, {MOST_SIDE}]", sizes)
        below = (*self.kernel, *self.kernel)
        if not all(
            type(own) is int and 0 <= own < most for own, most in zip(self.padding, below, strict=True)
        ):
            raise ConfigurationError("windows", "a padding below the window's size", self.padding)

    @property
    def size(self) -> int:
        """Values of a window in one channel."""
        return self.kernel[0] * self.kernel[1]

    def gives(self, shape: Shape) -> tuple[int, int]:
        """Windows (down, across) of a picture; raises ConfigurationError where there are none."""
        if len(shape) != 3:
            raise ConfigurationError("windows", "pictures (channels, height, width)", shape)
        top, left, bottom, right = self.padding
        sides = shape[1] + top + bottom, shape[2] + left + right
        if sides[0] < self.kernel[0] or sides[1] < self.kernel[1]:
            raise ConfigurationError("windows", f"pictures of at least {self.kernel} with padding", sides)
        down, across = (
            (side - kernel) // stride + 1
            for side, kernel, stride in zip(sides, self.kernel, self.stride, strict=True)
        )
        return down, across

    def of(self, pictures: FloatArray, outside: float) -> FloatArray:
        """(n, channels, down, across, *kernel) of pictures (n, channels, height, width).

        outside: what lies around them.
        """
        top, left, bottom, right = self.padding
        if any(self.padding):
            sides = ((0, 0), (0, 0), (top, bottom), (left, right))
            pictures = np.pad(pictures, sides, constant_values=outside)
        views = np.lib.stride_tricks.sliding_window_view(pictures, self.kernel, axis=(2, 3))
        return views[:, :, :: self.stride[0], :: self.stride[1]]

    def plain(self) -> dict[str, Item]:
        """Items of the encoding."""
        return {"kernel": self.kernel, "stride": self.stride, "padding": self.padding}
