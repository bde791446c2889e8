"""The values under a kernel at every position of a picture, and back: what a convolution multiplies.

Pictures are arrays (n, channels, height, width), patches (n, positions, channels * K * K), row-major.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.layers.axis import Axis

T = TypeVar("T", bound=np.generic)


def patches(pictures: NDArray[T], vertical: Axis, horizontal: Axis) -> NDArray[T]:
    """(n, positions, channels * K * K) of pictures (n, channels, H, W), zero beyond their edges."""
    count, channels = pictures.shape[:2]
    shape = (count, vertical.outputs, horizontal.outputs, channels, vertical.kernel, horizontal.kernel)
    result = np.zeros(shape, dtype=pictures.dtype)
    for tap in range(vertical.kernel):
        y, h = _met(vertical, tap)
        for across in range(horizontal.kernel):
            x, w = _met(horizontal, across)
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
        y, h = _met(vertical, tap)
        for across in range(horizontal.kernel):
            x, w = _met(horizontal, across)
            result[:, :, h, w] += whole[:, y, x, :, tap, across].transpose(0, 3, 1, 2)
    return result


def _met(axis: Axis, tap: int) -> tuple[slice, slice]:
    """The outputs that the tap serves, and the inputs that they meet."""
    y, h = (axis.met[part][axis.met[1] == tap] for part in (0, 2))
    if not y.size:
        return slice(0), slice(0)
    return slice(int(y[0]), int(y[-1]) + 1), slice(int(h[0]), int(h[-1]) + 1, axis.stride)
