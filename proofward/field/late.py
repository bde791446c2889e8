"""Sums of many products with few factors, reduced modulo P only now and then.

A weight is cut into limbs of 22 bits, the last of 20. A limb times half an entry, of 32 bits, is below 2^54,
so TERMS = 2^10 of them add up to less than 2^64, without a reduction. A weight has three limbs and an entry
two halves: six sums, whose products with 1, 2^22, 2^44 and 2^32, 2^54, 2^76 are the sum of the products.
That is six products and sums an entry, about a third of what one reduced product takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from proofward.field.jit import intrinsic, kernel
from proofward.field.scalar import P, plus, times
from proofward.field.wide_vectors import lanes

TERMS = 1 << 10
"""Products that a sum may take before it is reduced."""
AT_ONCE = 4
"""Rows whose products are added in one go."""
LIMBS = 6
"""Of the two words of a weight over E."""
_LIMB_BITS, _HALF_BITS = 22, 32
_LIMB, _SHIFT = np.uint64((1 << _LIMB_BITS) - 1), np.uint64(_LIMB_BITS)
_PLACES = np.array(
    [pow(2, _LIMB_BITS * limb + _HALF_BITS * half, P) for limb in range(3) for half in range(2)],
    dtype=np.uint64,
)


@kernel()
def cut(word, limbs):  # type: ignore[no-untyped-def]
    """The limbs of one word."""
    limbs[0], limbs[1], limbs[2] = word & _LIMB, word >> _SHIFT & _LIMB, word >> _SHIFT >> _SHIFT


@kernel()
def reduced(sums, c):  # type: ignore[no-untyped-def]
    """The element that six sums in column c, any words, stand for."""
    total = times(sums[0, c], _PLACES[0])
    for i in range(1, 6):
        total = plus(total, times(sums[i, c], _PLACES[i]))
    return total


def adding(single: bool) -> Any:
    """An intrinsic that adds the products of AT_ONCE rows' entries from `column` on to the sums from `at` on.

    `places` are the rows, `limbs` those of their weights, LIMBS a row; two sums a limb. It does one entry or
    as many as a vector holds, and returns how many.
    """

    def declare(context: Any, sums: Any, at: Any, rows: Any, places: Any, column: Any, limbs: Any) -> Any:
        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            word = ir.IntType(64)
            count = 1 if single else lanes(64)
            vector = word if single else ir.VectorType(word, count)

            def constant(value: int) -> Any:
                return ir.Constant(vector, value if single else [value] * count)

            def array(index: int) -> Any:
                return context.make_array(signature.args[index])(context, b, arguments[index])

            def entry(index: int, row: Any, start: Any) -> Any:
                of = array(index)
                width = b.extract_value(of.shape, 1)
                return b.gep(of.data, [b.add(b.mul(row, width), start)])

            def splat(value: Any) -> Any:
                if single:
                    return value
                one = b.insert_element(ir.Constant(vector, ir.Undefined), value, word(0))
                mask = ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count)
                return b.shuffle_vector(one, one, mask)

            targets = [
                b.bitcast(entry(0, word(i), arguments[1]), vector.as_pointer()) for i in range(2 * LIMBS)
            ]
            totals = [b.load(target, align=8) for target in targets]
            half, shift = constant((1 << _HALF_BITS) - 1), constant(_HALF_BITS)
            for i in range(AT_ONCE):
                row = b.load(b.gep(array(3).data, [word(i)]))
                values = b.load(b.bitcast(entry(2, row, arguments[4]), vector.as_pointer()), align=8)
                halves = b.and_(values, half), b.lshr(values, shift)
                for limb in range(LIMBS):
                    # a limb is below 2^32, which tells LLVM that one instruction multiplies it
                    factor = b.and_(splat(b.load(b.gep(array(5).data, [word(LIMBS * i + limb)]))), half)
                    for which in range(2):
                        total = 2 * limb + which
                        totals[total] = b.add(totals[total], b.mul(factor, halves[which]))
            for target, total in zip(targets, totals, strict=True):
                b.store(total, target, align=8)
            return word(count)

        from numba import types

        return types.int64(sums, at, rows, places, column, limbs), generate

    return intrinsic(declare)


add_products, add_product = adding(False), adding(True)
