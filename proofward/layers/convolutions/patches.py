"""The values under a kernel at every position of a picture, and back: what a convolution multiplies.

Pictures are arrays (n, channels, height, width), patches (n, positions, channels * K * K), row-major.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.layers.convolutions.axis import Axis

T = TypeVar("T", bound=np.generic)


def patches(pictures: NDArray[T], vertical: Axis, horizontal: Axis) -> NDArray[T]:
    """(n, positions, channels * K * K) of pictures (n, channels, H, W), zero beyond their edges."""
    count, channels = pictures.shape[:2]
    shape = (count, vertical.outputs, horizontal.outputs, channels, vertical.kernel, horizontal.kernel)
    result = np.zeros(shape, dtype=pictures.dtype)
    for tap in range(vertical.kernel):
        y, h = vertical.met_by(tap)
        for across in range(horizontal.kernel):
            x, w = horizontal.met_by(across)
            result[:, y, x, :, tap, across] = pictures[:, :, h, w].transpose(0, 2, 3, 1)
    return result.reshape(count, vertical.outputs * horizontal.outputs, -1)


def from_patches(values: NDArray[T], channels: int, vertical: Axis, horizontal: Axis) -> NDArray[T]:
    """The transpose of `patches`: sums (n, channels, H, W) of what each value met."""
    count = values.shape[0]
    whole = values.reshape(
        count, vertical.outputs, horizontal.outputs, channels, vertical.kernel, horizontal.kernel
    )
    result = np.zeros((count, channels, vertical.size, horizontal.size), dtype=values.dtype)
    for tap in range(vertical.kernel):
        y, h = vertical.met_by(tap)
        for across in range(horizontal.kernel):
            x, w = horizontal.met_by(across)
            result[:, :, h, w] += whole[:, y, x, :, tap, across].transpose(0, 3, 1, 2)
    return result
