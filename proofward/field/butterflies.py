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

from collections.abc import Sequence
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
from proofward.field.wide_vectors import lanes

_FOUR = ir.VectorType(ir.IntType(64), 4)


def _shuffled(b: Any, left: Any, right: Any, order: Sequence[int]) -> Any:
    return b.shuffle_vector(left, right, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order)))


def _transposed(b: Any, rows: list[Any]) -> list[Any]:
    """Four vectors of four as the columns of a matrix; longer ones four by four."""
    count = rows[0].type.count

    def paired(rows: list[Any], one: Sequence[int], other: Sequence[int]) -> list[Any]:
        """Lanes of rows 0 and 1, then of 2 and 3, in one order, then in the other; 4 is the right's first."""
        orders = [
            [first + lane + (count - 4 if lane > 3 else 0) for first in range(0, count, 4) for lane in four]
            for four in (one, other)
        ]
        return [_shuffled(b, rows[i], rows[i + 1], order) for order in orders for i in (0, 2)]

    return paired(paired(rows, (0, 4, 2, 6), (1, 5, 3, 7)), (0, 1, 4, 5), (2, 3, 6, 7))


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


def sixteens(inverse: bool, groups: int | None = None) -> Any:
    """An intrinsic for the double stages of quarter-lengths 4 and 1, on groups of 16 entries from `at` on.

    Without a number it does as many groups as a vector has fours of words. Returns how many entries it did.
    """

    def declare(typing_context: Any, row: Any, twiddles: Any, cubes: Any, at: Any) -> Any:
        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            count = groups or lanes(64) // 4

            def places(index: int, first: Any, *steps: int) -> list[Any]:
                array = context.make_array(signature.args[index])(context, b, arguments[index])
                entries = [b.add(first, ir.Constant(first.type, step)) for step in steps]
                return [b.bitcast(b.gep(array.data, [entry]), _FOUR.as_pointer()) for entry in entries]

            def joined(fours: list[Any]) -> Any:
                one, *more = fours
                return _shuffled(b, one, more[0], range(8)) if more else one

            def part(vector: Any, group: int) -> Any:
                return vector if count == 1 else _shuffled(b, vector, vector, range(4 * group, 4 * group + 4))

            zero = ir.Constant(arguments[3].type, 0)
            powers = [*places(1, zero, 4, 8), *places(2, zero, 4)]
            factors = [joined([b.load(power, align=8)] * count) for power in powers]
            targets = [places(0, arguments[3], *range(step, 16 * count, 16)) for step in (0, 4, 8, 12)]
            values = [joined([b.load(place, align=8) for place in of_groups]) for of_groups in targets]

            def scaled() -> list[Any]:
                scaled = [emit_times(b, value, f) for value, f in zip(values[1:], factors, strict=True)]
                return [values[0], *scaled]

            if inverse:
                values = _transposed(b, _emit_merge(b, _transposed(b, values)))
                values = _emit_merge(b, scaled())
            else:
                values = _emit_split(b, values)
                values = _transposed(b, _emit_split(b, _transposed(b, scaled())))
            for of_groups, value in zip(targets, values, strict=True):
                for group, target in enumerate(of_groups):
                    b.store(part(value, group), target, align=8)
            return ir.Constant(ir.IntType(64), 16 * count)

        from numba import types

        return types.int64(row, twiddles, cubes, at), generate

    return intrinsic(declare)


_split_sixteen, _split_sixteens = sixteens(False, 1), sixteens(False)
_merge_sixteen, _merge_sixteens = sixteens(True, 1), sixteens(True)


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
        at = _split_sixteen(row, twiddles, cubes, 0) if size == 16 else 0
        while at < size:
            at += _split_sixteens(row, twiddles, cubes, at)
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
        at = _merge_sixteen(row, twiddles, cubes, 0) if size == 16 else 0
        while at < size:
            at += _merge_sixteens(row, twiddles, cubes, at)
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
