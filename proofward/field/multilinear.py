"""Multilinear tables: 2^n values, the first variable the most significant bit.

Fixing the first variable combines the two halves of a table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from proofward.field.extension import PLANES, WORD, Ext, ext_scale, lift, planes
from proofward.field.reference import mirrored
from proofward.field.reference import multilinear as reference
from proofward.field.scalar import ext_times, minus, plus, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

_GRAIN = 1 << 13


@numba.njit(numba.void(PLANES, numba.uint64, numba.uint64, PLANES, WORD, WORD), cache=True, nogil=True)
def _fold(table, r0, r1, out, start, stop):  # type: ignore[no-untyped-def]
    half = table[0].size // 2
    a0, a1 = table[0][start:stop], table[1][start:stop]
    b0, b1 = table[0][half + start : half + stop], table[1][half + start : half + stop]
    c0, c1 = out[0][start:stop], out[1][start:stop]
    for i in range(c0.size):
        d0, d1 = ext_times(minus(b0[i], a0[i]), minus(b1[i], a1[i]), r0, r1)
        c0[i], c1[i] = plus(a0[i], d0), plus(a1[i], d1)


@numba.njit("void(uint64[::1], uint64, uint64, uint64[:, ::1], int64, int64)", cache=True, nogil=True)
def _fold_base(table, r0, r1, out, start, stop):  # type: ignore[no-untyped-def]
    half = table.shape[0] // 2
    a, b, c0, c1 = (
        table[start:stop],
        table[half + start : half + stop],
        out[0, start:stop],
        out[1, start:stop],
    )
    for i in range(a.size):
        difference = minus(b[i], a[i])
        c0[i], c1[i] = plus(a[i], times(difference, r0)), times(difference, r1)


@mirrored(reference.tensor_table)
def tensor_table(weights: Sequence[tuple[Ext, Ext]]) -> Array:
    """The tensor product of per-variable weights (w0, w1): an E-array of length 2^n."""
    table = np.empty((2, 1 << len(weights)), dtype=np.uint64)
    table[0, 0], table[1, 0] = 1, 0
    size = 1
    for low, high in reversed(weights):
        part = np.ascontiguousarray(table[:, :size])
        table[:, size : 2 * size] = ext_scale(part, high)
        table[:, :size] = ext_scale(part, low)
        size *= 2
    return table


def eq_table(point: Sequence[Ext]) -> Array:
    """eq(point, x) over all x: an E-array of length 2^n."""
    return tensor_table([(1 - r, r) for r in point])


@mirrored(reference.fold)
def fold(table: Array, challenge: Ext) -> Array:
    """table[x] + challenge (table[x + N/2] - table[x]): an E-array (2, N), N even and not 0, to (2, N/2)."""
    values, half = planes(table), table.shape[1] // 2
    if half == 0 or table.shape[1] % 2:
        raise ValueError(f"table of {table.shape[1]} entries has no variable to fix")
    out = np.empty((2, half), dtype=np.uint64)
    folded = planes(out)
    r0, r1 = np.uint64(challenge.c0), np.uint64(challenge.c1)
    parallel(lambda start, stop: _fold(values, r0, r1, folded, start, stop), half, _GRAIN)
    return out


@mirrored(reference.evaluate)
def _evaluate_pair(table: Array, point: Sequence[Ext]) -> tuple[int, int]:
    if table.shape[-1] != 1 << len(point):
        raise ValueError(f"table of {table.shape[-1]} entries at a point of {len(point)} coordinates")
    rest = list(point)
    if table.ndim == 1 and rest:
        values, half = np.ascontiguousarray(table), table.size // 2
        first = np.empty((2, half), dtype=np.uint64)
        r0, r1 = np.uint64(rest[0].c0), np.uint64(rest[0].c1)
        parallel(lambda start, stop: _fold_base(values, r0, r1, first, start, stop), half, _GRAIN)
        table, rest = first, rest[1:]
    elif table.ndim == 1:
        table = lift(table)
    for coordinate in rest:
        table = fold(table, coordinate)
    return int(table[0, 0]), int(table[1, 0])


def evaluate(table: Array, point: Sequence[Ext]) -> Ext:
    """The multilinear extension of an F-array or E-array of length 2^n at a point of n coordinates."""
    return Ext(*_evaluate_pair(table, point))
