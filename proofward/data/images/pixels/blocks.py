"""Large pictures a block of rows at a time: integers of 64 bits are made of a part of them only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIXELS = 1 << 19


def by_rows(
    convert: Callable[..., NDArray[Any]], *planes: NDArray[Any], pixels: int = _PIXELS
) -> NDArray[Any]:
    """convert(*planes), where it treats each row by itself; planes have the same rows."""
    step = max(1, pixels // max(1, planes[0].shape[1] if planes[0].ndim > 1 else 1))
    count = len(planes[0])
    if count <= step:
        return convert(*planes)
    return np.concatenate(
        [convert(*(plane[first : first + step] for plane in planes)) for first in range(0, count, step)]
    )
