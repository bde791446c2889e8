"""numpy's arithmetic on long arrays, piece by piece on all cores.

An expression of several steps makes a whole array of every step, on one core. Of a piece that the nearest
caches hold the steps cost a third, and cores share the pieces.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofward.field.threads import parallel

Signed = npt.NDArray[np.int64]

_PIECE = 1 << 16


def by_pieces(compute: Callable[[Signed], Signed], values: Signed) -> Signed:
    """compute(values) for a function that makes of every entry one, whatever the others are."""
    if values.size < 8 * _PIECE:
        return compute(values)
    flat = np.ascontiguousarray(values).reshape(-1)
    out = np.empty(flat.shape, dtype=np.int64)

    def work(first: int, last: int) -> None:
        for start in range(first * _PIECE, min(last * _PIECE, flat.size), _PIECE):
            out[start : start + _PIECE] = compute(flat[start : start + _PIECE])

    parallel(work, -(-flat.size // _PIECE), 1)
    return out.reshape(values.shape)
