"""Products of E-arrays with each other, and sums along one axis of many rows, for convolutions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import ext_add
from proofward.field.goldilocks import scale
from proofward.field.jit import kernel
from proofward.field.reference import mirrored
from proofward.field.reference import spatial as reference
from proofward.field.scalar import HALF, MASK, ext_times, join, plus
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@kernel("void(uint64[:, :, ::1], uint64[:, :, ::1], uint64[:, :, ::1], int64, int64)")
def _products(left, right, out, start, stop):  # type: ignore[no-untyped-def]
    # halves below 2^32 are summed: rows of at most 2^32 entries
    for r in range(start, stop):
        for j in range(right.shape[1]):
            low0, high0, low1, high1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
            x0, x1, y0, y1 = left[0, r], left[1, r], right[0, j], right[1, j]
            for w in range(x0.size):
                c0, c1 = ext_times(x0[w], x1[w], y0[w], y1[w])
                low0 += c0 & MASK
                high0 += c0 >> HALF
                low1 += c1 & MASK
                high1 += c1 >> HALF
            out[0, r, j], out[1, r, j] = join(low0, high0), join(low1, high1)


@kernel(
    "void(uint64[:, :, ::1], uint64[:, ::1], int64[::1], int64[::1], int64[::1], "
    "uint64[:, :, ::1], int64, int64)"
)
def _shifted(rows, weights, to, tap, source, out, start, stop):  # type: ignore[no-untyped-def]
    # every sum is reduced as it grows: canonical operands give canonical results
    for r in range(start, stop):
        for i in range(to.size):
            h, k, y = source[i], tap[i], to[i]
            c0, c1 = ext_times(rows[0, r, h], rows[1, r, h], weights[0, k], weights[1, k])
            out[0, r, y] = plus(out[0, r, y], c0)
            out[1, r, y] = plus(out[1, r, y], c1)


@mirrored(reference.ext_products)
def ext_products(left: Array, right: Array) -> Array:
    """sum over w of left[r, w] right[j, w]: E-arrays (2, R, W) and (2, J, W) to (2, R, J)."""
    a, b = np.ascontiguousarray(left), np.ascontiguousarray(right)
    if a.ndim != 3 or b.ndim != 3 or a.shape[0] != 2 or b.shape[0] != 2 or a.shape[2] != b.shape[2]:
        raise ValueError(f"rows {a.shape} and {b.shape}")
    out = np.empty((2, a.shape[1], b.shape[1]), dtype=np.uint64)
    grain = max(1, (1 << 13) // max(1, b.shape[1] * b.shape[2]))
    parallel(lambda start, stop: _products(a, b, out, start, stop), a.shape[1], grain)
    return out


@mirrored(reference.shifted_rows)
def shifted_rows(rows: Array, weights: Array, places: tuple[Places, Places, Places], length: int) -> Array:
    """out[r, y] = sum over (y, k, h) of weights[k] rows[r, h]: (2, R, H) to (2, R, length).

    `places` are the arrays of y, k and h, within `length`, the weights (2, K) and the rows.
    """
    a, e = np.ascontiguousarray(rows), np.ascontiguousarray(weights)
    to, tap, source = (np.ascontiguousarray(place, dtype=np.int64) for place in places)
    if a.ndim != 3 or a.shape[0] != 2 or e.ndim != 2 or e.shape[0] != 2:
        raise ValueError(f"rows {a.shape}, weights {e.shape}")
    for place, limit in ((to, length), (tap, e.shape[1]), (source, a.shape[2])):
        if place.shape != to.shape or (place.size and not (place.min() >= 0 and place.max() < limit)):
            raise ValueError(f"places of shape {place.shape}, expected {to.shape} below {limit}")
    out = np.zeros((2, a.shape[1], length), dtype=np.uint64)
    grain = max(1, (1 << 13) // max(1, to.size))
    parallel(lambda start, stop: _shifted(a, e, to, tap, source, out, start, stop), a.shape[1], grain)
    return out


def combine_ext_rows(weights: Array, rows: Array) -> Array:
    """sum_r weights[r] rows[r] for E-rows: (2, R) and (2, R, C) to (2, C), R not 0.

    (c0 + c1 phi) phi = 7 c1 + c0 phi.
    """
    if rows.ndim != 3 or rows.shape[0] != 2:
        raise ValueError(f"rows {rows.shape}")
    plain, times_phi = combine_rows(weights, rows[0]), combine_rows(weights, rows[1])
    return ext_add(plain, np.stack([scale(np.ascontiguousarray(times_phi[1]), 7), times_phi[0]]))
