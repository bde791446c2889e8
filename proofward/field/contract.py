"""Sums of products: E-vectors with F-matrices, by rows and by columns, and E-arrays with E-arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, planes
from proofward.field.jit import MATRIX, PLANES, ROW, SCALAR, WORD, kernel, void
from proofward.field.late import AT_ONCE, LIMBS, TERMS, add_product, add_products, cut, reduced
from proofward.field.reference import contract as reference
from proofward.field.reference import mirrored
from proofward.field.scalar import HALF, MASK, ext_times, join, plus, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

_BLOCK = 256
"""Columns that are summed at a time, a multiple of eight vectors: their sums fit the nearest cache."""
_MANY = 40
"""Rows from which on it pays to reduce late."""
_CUBE = "uint64[:, :, ::1]"


@kernel(void(_CUBE, _CUBE, _CUBE, WORD, WORD, WORD, WORD))
def _combine_few(weights, tensor, out, begin, end, start, stop):  # type: ignore[no-untyped-def]
    """Of the steps begin .. end the columns start .. stop; canonical operands give canonical results."""
    for t in range(begin, end):
        # out is written block by block of columns so that its cache lines stay near
        for first in range(start, stop, 512):
            last = min(first + 512, stop)
            c0, c1 = out[0, t, first:last], out[1, t, first:last]
            c0[:] = 0
            c1[:] = 0
            for r in range(tensor.shape[1]):
                w0, w1, row = weights[0, t, r], weights[1, t, r], tensor[t, r, first:last]
                for c in range(row.size):
                    c0[c] = plus(c0[c], times(w0, row[c]))
                    c1[c] = plus(c1[c], times(w1, row[c]))


@kernel(void(MATRIX, MATRIX, MATRIX, WORD, WORD))
def _combine_rows(weights, rows, out, start, stop):  # type: ignore[no-untyped-def]
    # sums of at most TERMS products, see `late`; blocks of columns, so that their cache lines stay near
    count = rows.shape[0]
    padded = (count + AT_ONCE - 1) // AT_ONCE * AT_ONCE
    limbs, places = np.zeros((padded, LIMBS), dtype=np.uint64), np.full(padded, count - 1)
    for r in range(count):
        places[r] = r
        cut(weights[0, r], limbs[r, :3])
        cut(weights[1, r], limbs[r, 3:])
    sums = np.empty((2 * LIMBS, _BLOCK), dtype=np.uint64)
    for first in range(start, stop, _BLOCK):
        width = min(_BLOCK, stop - first)
        out[:, first : first + width] = 0
        for begin in range(0, count, TERMS):
            sums[:, :width] = 0
            for r in range(begin, min(begin + TERMS, padded), AT_ONCE):
                own, own_places, weighted = limbs[r : r + AT_ONCE], places[r : r + AT_ONCE], np.uint64(0)
                for i in range(AT_ONCE):
                    for limb in range(LIMBS):
                        weighted |= own[i, limb]
                if weighted == 0:
                    continue
                at = 0
                while at + _BLOCK // 8 <= width:
                    last = at + _BLOCK // 8
                    while at < last:
                        at += add_products(sums, at, rows, own_places, first + at, own)
                while at < width:
                    at += add_product(sums, at, rows, own_places, first + at, own)
            low, high = sums[:LIMBS], sums[LIMBS:]
            c0, c1 = out[0, first : first + width], out[1, first : first + width]
            for c in range(width):
                c0[c] = plus(c0[c], reduced(low, c))
                c1[c] = plus(c1[c], reduced(high, c))


@kernel(void(MATRIX, MATRIX, MATRIX, WORD, WORD))
def _combine_columns(rows, weights, out, start, stop):  # type: ignore[no-untyped-def]
    # halves below 2^32 are summed: rows of at most 2^32 entries
    for r in range(start, stop):
        low0, high0, low1, high1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        row, w0, w1 = rows[r], weights[0], weights[1]
        for c in range(row.size):
            c0, c1 = times(w0[c], row[c]), times(w1[c], row[c])
            low0 += c0 & MASK
            high0 += c0 >> HALF
            low1 += c1 & MASK
            high1 += c1 >> HALF
        out[0, r], out[1, r] = join(low0, high0), join(low1, high1)


@mirrored(reference.combine_rows)
def combine_rows(weights: Array, rows: Array) -> Array:
    """sum_r weights[r] rows[r]: E-array (2, R) and F-matrix (R, C) to (2, C), R not 0."""
    w, m = np.ascontiguousarray(weights), np.ascontiguousarray(rows)
    if m.ndim != 2 or m.shape[0] == 0 or w.shape != (2, m.shape[0]):
        raise ValueError(f"weights {w.shape} for rows {m.shape}")
    out = np.empty((2, m.shape[1]), dtype=np.uint64)

    def work(start: int, stop: int) -> None:
        if len(m) < _MANY:
            _combine_few(w[:, None], m[None], out[:, None], 0, 1, start, stop)
        else:
            _combine_rows(w, m, out, start, stop)

    parallel(work, m.shape[1], max(64, (1 << 15) // max(1, m.shape[0])))
    return out


@mirrored(reference.combine_columns)
def combine_columns(rows: Array, weights: Array) -> Array:
    """sum_c rows[:, c] weights[c]: F-matrix (R, C) and E-array (2, C) to (2, R)."""
    w, m = np.ascontiguousarray(weights), np.ascontiguousarray(rows)
    if m.ndim != 2 or w.shape != (2, m.shape[1]):
        raise ValueError(f"weights {w.shape} for rows {m.shape}")
    out = np.empty((2, m.shape[0]), dtype=np.uint64)
    parallel(
        lambda start, stop: _combine_columns(m, w, out, start, stop),
        m.shape[0],
        max(1, (1 << 15) // max(1, m.shape[1])),
    )
    return out


@mirrored(reference.batched_combine_rows)
def batched_combine_rows(weights: Array, tensor: Array) -> Array:
    """sum_b weights[:, t, b] tensor[t, b]: (2, T, B) and (T, B, C) to (2, T, C)."""
    steps, batch, width = tensor.shape
    if weights.shape != (2, steps, batch):
        raise ValueError(f"weights {weights.shape} for tensor {tensor.shape}")
    out = np.empty((2, steps, width), dtype=np.uint64)
    w, m = np.ascontiguousarray(weights), np.ascontiguousarray(tensor)

    def work(start: int, stop: int) -> None:
        if batch < _MANY:
            _combine_few(w, m, out, start, stop, 0, width)
            return
        for t in range(start, stop):
            part = np.empty((2, width), dtype=np.uint64)
            _combine_rows(np.ascontiguousarray(w[:, t]), m[t], part, 0, width)
            out[:, t] = part

    parallel(work, steps, max(1, (1 << 15) // max(1, batch * width)))
    return out


@kernel(void(PLANES, ROW, SCALAR, SCALAR, WORD, WORD))
def _add_multiple(target, values, f0, f1, start, stop):  # type: ignore[no-untyped-def]
    # every operation takes and gives canonical values, so nothing overflows
    a, c0, c1 = values[start:stop], target[0][start:stop], target[1][start:stop]
    for i in range(a.size):
        c0[i], c1[i] = plus(c0[i], times(a[i], f0)), plus(c1[i], times(a[i], f1))


def add_multiple(target: Array, values: Array, factor: Ext) -> None:
    """target += factor * values, an E-array and an F-array; a prover's, so it has no slow twin."""
    if values.ndim != 1 or target.shape != (2, values.size) or not target.flags.c_contiguous:
        raise ValueError(f"shapes {target.shape}, strides {target.strides}, and {values.shape}")
    c, a = planes(target), np.ascontiguousarray(values)
    f0, f1 = np.uint64(factor.c0), np.uint64(factor.c1)
    parallel(lambda start, stop: _add_multiple(c, a, f0, f1, start, stop), a.size, 1 << 14)


@kernel(void(_CUBE, _CUBE, MATRIX, WORD, WORD))
def _add_products(left, right, out, start, stop):  # type: ignore[no-untyped-def]
    # out is written block by block of columns so that its cache lines stay near
    for first in range(start, stop, 512):
        last = min(first + 512, stop)
        c0, c1 = out[0, first:last], out[1, first:last]
        c0[:] = 0
        c1[:] = 0
        for r in range(left.shape[0]):
            a0, a1 = left[r, 0, first:last], left[r, 1, first:last]
            b0, b1 = right[r, 0, first:last], right[r, 1, first:last]
            for c in range(c0.size):
                p0, p1 = ext_times(a0[c], a1[c], b0[c], b1[c])
                c0[c], c1[c] = plus(c0[c], p0), plus(c1[c], p1)


@mirrored(reference.sum_of_ext_products)
def sum_of_ext_products(left: Array, right: Array) -> Array:
    """sum_r left[r] right[r], entry by entry: R E-arrays each, (R, 2, C) and (R, 2, C) to (2, C)."""
    a, b = np.ascontiguousarray(left), np.ascontiguousarray(right)
    if a.ndim != 3 or a.shape[1] != 2 or a.shape != b.shape:
        raise ValueError(f"shapes {left.shape} and {right.shape}")
    out = np.empty((2, a.shape[2]), dtype=np.uint64)
    parallel(
        lambda start, stop: _add_products(a, b, out, start, stop),
        a.shape[2],
        max(64, (1 << 14) // max(1, a.shape[0])),
    )
    return out
