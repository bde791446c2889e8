"""The stages of a transform of one row, two at a time.

The four entries of a double stage lie a quarter of a block of 4 q apart. With w of order 4 q, x_0 .. x_3 at
j, j + q, j + 2 q and j + 3 q, and i = w^q = 2^48, the forward double stage makes of them
    (x_0 + x_2) + (x_1 + x_3)              w^2j ((x_0 + x_2) - (x_1 + x_3))
    w^j ((x_0 - x_2) + i (x_1 - x_3))      w^3j ((x_0 - x_2) - i (x_1 - x_3))
which are three products and a shift instead of four products. The inverse undoes it from the last line up.

Every operation takes and gives canonical values, so nothing overflows. Tables of powers are those of `ntt`:
w^0 .. w^(h-1) of order 2 h at offset h, and their cubes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from proofward.field.jit import ROW, intrinsic, kernel, void
from proofward.field.scalar import (
    emit_minus,
    emit_plus,
    emit_root,
    emit_times,
    minus,
    plus,
    times,
    times_root,
)

_VECTOR = ir.VectorType(ir.IntType(64), 4)


def _transposed(b: Any, rows: list[Any]) -> list[Any]:
    """Four vectors of four as the columns of a matrix."""

    def shuffled(left: Any, right: Any, *lanes: int) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 4), list(lanes))
        return b.shuffle_vector(left, right, mask)

    pairs = [shuffled(rows[i], rows[i + 1], *lanes) for lanes in ((0, 4, 2, 6), (1, 5, 3, 7)) for i in (0, 2)]
    return [
        shuffled(pairs[i], pairs[i + 1], *lanes) for lanes in ((0, 1, 4, 5), (2, 3, 6, 7)) for i in (0, 2)
    ]


def _emit_split(b: Any, x: list[Any]) -> list[Any]:
    even, odd, difference = emit_plus(b, x[0], x[2]), emit_plus(b, x[1], x[3]), emit_minus(b, x[0], x[2])
    turned = emit_root(b, emit_minus(b, x[1], x[3]))
    return [
        emit_plus(b, even, odd),
        emit_minus(b, even, odd),
        emit_plus(b, difference, turned),
        emit_minus(b, difference, turned),
    ]


def _emit_merge(b: Any, z: list[Any]) -> list[Any]:
    even, odd, total = emit_plus(b, z[0], z[1]), emit_minus(b, z[0], z[1]), emit_plus(b, z[2], z[3])
    turned = emit_root(b, emit_minus(b, z[2], z[3]))
    return [
        emit_plus(b, even, total),
        emit_minus(b, odd, turned),
        emit_minus(b, even, total),
        emit_plus(b, odd, turned),
    ]


def _sixteen(inverse: bool) -> Any:
    """An intrinsic for the double stages of quarter-lengths 4 and 1, on the 16 entries from `at` on."""

    def declare(typing_context: Any, row: Any, twiddles: Any, cubes: Any, at: Any) -> Any:
        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            def places(index: int, first: Any, *steps: int) -> list[Any]:
                array = context.make_array(signature.args[index])(context, b, arguments[index])
                entries = [b.add(first, ir.Constant(first.type, step)) for step in steps]
                return [b.bitcast(b.gep(array.data, [entry]), _VECTOR.as_pointer()) for entry in entries]

            zero = ir.Constant(arguments[3].type, 0)
            targets = places(0, arguments[3], 0, 4, 8, 12)
            powers = [*places(1, zero, 4, 8), *places(2, zero, 4)]
            factors = [b.load(power, align=8) for power in powers]
            values = [b.load(target, align=8) for target in targets]

            def scaled() -> list[Any]:
                scaled = [emit_times(b, value, f) for value, f in zip(values[1:], factors, strict=True)]
                return [values[0], *scaled]

            if inverse:
                values = _transposed(b, _emit_merge(b, _transposed(b, values)))
                values = _emit_merge(b, scaled())
            else:
                values = _emit_split(b, values)
                values = _transposed(b, _emit_split(b, _transposed(b, scaled())))
            for target, value in zip(targets, values, strict=True):
                b.store(value, target, align=8)
            return context.get_dummy_value()

        from numba import types

        return types.void(row, twiddles, cubes, at), generate

    return intrinsic(declare)


_split_sixteen = _sixteen(inverse=False)
_merge_sixteen = _sixteen(inverse=True)


@kernel()
def _split(x0, x1, x2, x3):  # type: ignore[no-untyped-def]
    """The forward double stage before the products."""
    even, odd, difference = plus(x0, x2), plus(x1, x3), minus(x0, x2)
    turned = times_root(minus(x1, x3))
    return plus(even, odd), minus(even, odd), plus(difference, turned), minus(difference, turned)


@kernel()
def _merge(z0, z1, z2, z3):  # type: ignore[no-untyped-def]
    """The inverse double stage after the products; powers of the inverse of w, so i is - 2^48."""
    even, odd, total = plus(z0, z1), minus(z0, z1), plus(z2, z3)
    turned = times_root(minus(z2, z3))
    return plus(even, total), minus(odd, turned), minus(even, total), plus(odd, turned)


@kernel(void(ROW, ROW, ROW))
def forward(row, twiddles, cubes):  # type: ignore[no-untyped-def]
    """All stages by decimation in frequency: coefficients to values in bit-reversed order."""
    size = row.size
    half = size // 2
    stages = 0
    while (1 << stages) < size:
        stages += 1
    if stages & 1:
        a, b, factors = row[:half], row[half:], twiddles[half : 2 * half]
        for j in range(half):
            u, v = a[j], b[j]
            a[j] = plus(u, v)
            b[j] = times(minus(u, v), factors[j])
        half //= 2
    quarter = half // 2
    while quarter > 4:
        first, second, third = (
            twiddles[2 * quarter : 3 * quarter],
            twiddles[quarter : 2 * quarter],
            cubes[quarter : 2 * quarter],
        )
        for start in range(0, size, 4 * quarter):
            a, b = row[start : start + quarter], row[start + quarter : start + 2 * quarter]
            c, d = (
                row[start + 2 * quarter : start + 3 * quarter],
                row[start + 3 * quarter : start + 4 * quarter],
            )
            for j in range(quarter):
                y0, y1, y2, y3 = _split(a[j], b[j], c[j], d[j])
                a[j] = y0
                b[j] = times(y1, second[j])
                c[j] = times(y2, first[j])
                d[j] = times(y3, third[j])
        quarter //= 4
    if quarter == 4:
        for at in range(0, size, 16):
            _split_sixteen(row, twiddles, cubes, at)
    if quarter == 1:
        for i in range(size // 4):
            y0, y1, y2, y3 = _split(row[4 * i], row[4 * i + 1], row[4 * i + 2], row[4 * i + 3])
            row[4 * i], row[4 * i + 1], row[4 * i + 2], row[4 * i + 3] = y0, y1, y2, y3


@kernel(void(ROW, ROW, ROW))
def backward(row, twiddles, cubes):  # type: ignore[no-untyped-def]
    """All stages by decimation in time: n times the coefficients, from values in bit-reversed order."""
    size = row.size
    if 4 <= size < 16:
        for i in range(size // 4):
            x0, x1, x2, x3 = _merge(row[4 * i], row[4 * i + 1], row[4 * i + 2], row[4 * i + 3])
            row[4 * i], row[4 * i + 1], row[4 * i + 2], row[4 * i + 3] = x0, x1, x2, x3
    elif size >= 16:
        for at in range(0, size, 16):
            _merge_sixteen(row, twiddles, cubes, at)
    quarter = 16
    while 4 * quarter <= size:
        first, second, third = (
            twiddles[2 * quarter : 3 * quarter],
            twiddles[quarter : 2 * quarter],
            cubes[quarter : 2 * quarter],
        )
        for start in range(0, size, 4 * quarter):
            a, b = row[start : start + quarter], row[start + quarter : start + 2 * quarter]
            c, d = (
                row[start + 2 * quarter : start + 3 * quarter],
                row[start + 3 * quarter : start + 4 * quarter],
            )
            for j in range(quarter):
                z1, z2, z3 = times(b[j], second[j]), times(c[j], first[j]), times(d[j], third[j])
                a[j], b[j], c[j], d[j] = _merge(a[j], z1, z2, z3)
        quarter *= 4
    stages = 0
    while (1 << stages) < size:
        stages += 1
    if stages & 1:
        half = size // 2
        a, b, factors = row[:half], row[half:], twiddles[half : 2 * half]
        for j in range(half):
            u, v = a[j], times(b[j], factors[j])
            a[j] = plus(u, v)
            b[j] = minus(u, v)
