"""Multilinear tables: 2^n values, the first variable the most significant bit.

Fixing the first variable combines the two halves of a table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, lift, planes
from proofward.field.jit import PLANES, SCALAR, WORD, kernel, void
from proofward.field.reference import mirrored
from proofward.field.reference import multilinear as reference
from proofward.field.scalar import ext_times, minus, plus, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

_GRAIN = 1 << 15
_LOW_VARIABLES = 12


@kernel(void(PLANES, SCALAR, SCALAR, PLANES, WORD, WORD))
def _fold(table, r0, r1, out, start, stop):  # type: ignore[no-untyped-def]
    half = table[0].size // 2
    a0, a1 = table[0][start:stop], table[1][start:stop]
    b0, b1 = table[0][half + start : half + stop], table[1][half + start : half + stop]
    c0, c1 = out[0][start:stop], out[1][start:stop]
    for i in range(c0.size):
        d0, d1 = ext_times(minus(b0[i], a0[i]), minus(b1[i], a1[i]), r0, r1)
        c0[i], c1[i] = plus(a0[i], d0), plus(a1[i], d1)


@kernel("void(uint64[::1], uint64, uint64, uint64[:, ::1], int64, int64)")
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


@kernel("void(uint64[:, ::1], uint64[:, ::1], int64)")
def _tensor(weights, out, first):  # type: ignore[no-untyped-def]
    """Tensor products of the last 0, 1, .. variables: each table lies behind the last one, or over it.

    `first` is 1 for the former, where the table of s variables starts at 2^s, and 0 for the latter.
    """
    start, size = first, 1
    out[0, start], out[1, start] = 1, 0
    for variable in range(weights.shape[0] - 1, -1, -1):
        l0, l1, h0, h1 = weights[variable]
        target = first * 2 * size
        a0, a1 = out[0, start : start + size], out[1, start : start + size]
        b0, b1 = out[0, target : target + size], out[1, target : target + size]
        c0, c1 = out[0, target + size : target + 2 * size], out[1, target + size : target + 2 * size]
        for i in range(size):
            x0, x1 = a0[i], a1[i]
            c0[i], c1[i] = ext_times(x0, x1, h0, h1)
            b0[i], b1[i] = ext_times(x0, x1, l0, l1)
        start, size = target, 2 * size


@kernel("void(uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], int64, int64)")
def _outer(high, low, out, start, stop):  # type: ignore[no-untyped-def]
    size = low.shape[1]
    for h in range(start, stop):
        f0, f1, c0, c1 = (
            high[0, h],
            high[1, h],
            out[0, h * size : (h + 1) * size],
            out[1, h * size : (h + 1) * size],
        )
        for i in range(size):
            c0[i], c1[i] = ext_times(low[0, i], low[1, i], f0, f1)


def _pairs(weights: Sequence[tuple[Ext, Ext]]) -> Array:
    entries = [(low.c0, low.c1, high.c0, high.c1) for low, high in weights]
    return np.array(entries, dtype=np.uint64).reshape(-1, 4)


@mirrored(reference.tensor_table)
def tensor_table(weights: Sequence[tuple[Ext, Ext]]) -> Array:
    """The tensor product of per-variable weights (w0, w1): an E-array of length 2^n."""
    split = max(0, len(weights) - _LOW_VARIABLES)
    low = np.empty((2, 1 << (len(weights) - split)), dtype=np.uint64)
    _tensor(_pairs(weights[split:]), low, 0)
    if split == 0:
        return low
    high, table = tensor_table(weights[:split]), np.empty((2, 1 << len(weights)), dtype=np.uint64)
    grain = max(1, _GRAIN // low.shape[1])
    parallel(lambda start, stop: _outer(high, low, table, start, stop), high.shape[1], grain)
    return table


@mirrored(reference.suffix_tables)
def suffix_tables(weights: Sequence[tuple[Ext, Ext]]) -> Array:
    """The tensor products of the last s variables, s = 0 .. n, at entries 2^s .. 2^(s+1) of an E-array.

    Its length is 2^(n+1), and entry 0 is 0.
    """
    tables = np.zeros((2, 2 << len(weights)), dtype=np.uint64)
    _tensor(_pairs(weights), tables, 1)
    return tables


def eq_table(point: Sequence[Ext]) -> Array:
    """eq(point, x) over all x: an E-array of length 2^n."""
    return tensor_table([(1 - r, r) for r in point])


@mirrored(reference.fold)
def fold(table: Array, challenge: Ext) -> Array:
    """table[x] + challenge (table[x + N/2] - table[x]): an E-array (2, N), N even and not 0, to (2, N/2)."""
    half = table.shape[-1] // 2
    if half == 0 or table.shape[-1] % 2:
        raise ValueError(f"table of {table.shape[-1]} entries has no variable to fix")
    out = np.empty((2, half), dtype=np.uint64)
    fold_into(table, challenge, out)
    return out


def fold_into(table: Array, challenge: Ext, out: Array) -> None:
    """`fold` of a table of 2 N entries into an E-array of N."""
    values, folded = planes(table), planes(out)
    r0, r1 = np.uint64(challenge.c0), np.uint64(challenge.c1)
    parallel(lambda start, stop: _fold(values, r0, r1, folded, start, stop), out.shape[1], _GRAIN)


@kernel("void(uint64[:, ::1], uint64[:, ::1])")
def _fold_all(table, point):  # type: ignore[no-untyped-def]
    """Bind all variables in place; the value is left in the first entry."""
    size = table.shape[1]
    for variable in range(point.shape[0]):
        size //= 2
        r0, r1 = point[variable]
        a0, a1, b0, b1 = (
            table[0, :size],
            table[1, :size],
            table[0, size : 2 * size],
            table[1, size : 2 * size],
        )
        for i in range(size):
            d0, d1 = ext_times(minus(b0[i], a0[i]), minus(b1[i], a1[i]), r0, r1)
            a0[i], a1[i] = plus(a0[i], d0), plus(a1[i], d1)


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
    elif rest:
        table, rest = fold(table, rest[0]), rest[1:]
    while len(rest) > _LOW_VARIABLES:
        table, rest = fold(table, rest[0]), rest[1:]
    if rest:
        _fold_all(table, np.array([(r.c0, r.c1) for r in rest], dtype=np.uint64))
    return int(table[0, 0]), int(table[1, 0])


def evaluate(table: Array, point: Sequence[Ext]) -> Ext:
    """The multilinear extension of an F-array or E-array of length 2^n at a point of n coordinates."""
    return Ext(*_evaluate_pair(table, point))
