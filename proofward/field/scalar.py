"""Scalar arithmetic modulo P inside Numba kernels, as intrinsics.

They are branch-free instructions that LLVM inlines and vectorises.

Canonical operands (below P) give canonical results. P = 2^64 - 2^32 + 1, EPSILON = 2^32 - 1 = 2^64 mod P.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

P = 2**64 - 2**32 + 1
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

_WORD = ir.IntType(64)
_EPSILON = ir.Constant(_WORD, 2**32 - 1)
_ZERO = ir.Constant(_WORD, 0)
_MODULUS = ir.Constant(_WORD, P)
_SHIFT = ir.Constant(_WORD, 32)


def _binary(emit: Callable[[Any, Any, Any], Any]) -> Any:
    """An intrinsic (uint64, uint64) -> uint64 from a function that emits its instructions."""

    def declare(typing_context: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return emit(builder, *arguments)

        return types.uint64(types.uint64, types.uint64), generate

    return intrinsic(declare)


def _select_below(b: Any, x: Any, y: Any, value: Any) -> Any:
    """value where x < y, else 0."""
    return b.select(b.icmp_unsigned("<", x, y), value, _ZERO)


def _emit_minus(b: Any, x: Any, y: Any) -> Any:
    # a borrow is repaid by P
    return b.add(b.sub(x, y), _select_below(b, x, y, _MODULUS))


def _emit_plus(b: Any, x: Any, y: Any) -> Any:
    # x - (P - y), where a borrow is repaid by P; y <= P. After a borrow, x + y < P, the result is x + y;
    # without one it is x + y - P, which is below P for x, y < P.
    return _emit_minus(b, x, b.sub(_MODULUS, y))


def _emit_reduce(b: Any, low: Any, high: Any) -> Any:
    # With high = h1 2^32 + h0 the value low + 2^64 high is low - h1 + h0 EPSILON mod P. A borrow is repaid by
    # P: low < h1 < 2^32, so the difference is then below P. In any case it is below 2^64, and h0 EPSILON is
    # at most (2^32 - 1)^2 = P - 2^32. So their sum as in `_emit_plus` is below P after a borrow, and without
    # one at most 2^64 - 1 + P - 2^32 - P = P - 2.
    h0, h1 = b.and_(high, _EPSILON), b.lshr(high, _SHIFT)
    return _emit_plus(b, _emit_minus(b, low, h1), b.sub(b.shl(h0, _SHIFT), h0))


def _emit_times(b: Any, x: Any, y: Any) -> Any:
    # any x, y < 2^64. Halves of 32 bits: cross <= 2 (2^32 - 1) + (2^32 - 1)^2 < 2^64, and the upper sum is
    # the product's high word: nothing overflows
    x0, x1 = b.and_(x, _EPSILON), b.lshr(x, _SHIFT)
    y0, y1 = b.and_(y, _EPSILON), b.lshr(y, _SHIFT)
    bottom, side, top = b.mul(x0, y0), b.mul(x0, y1), b.mul(x1, y1)
    cross = b.add(b.add(b.lshr(bottom, _SHIFT), b.and_(side, _EPSILON)), b.mul(x1, y0))
    low = b.or_(b.and_(bottom, _EPSILON), b.shl(cross, _SHIFT))
    high = b.add(b.add(top, b.lshr(side, _SHIFT)), b.lshr(cross, _SHIFT))
    return _emit_reduce(b, low, high)


def _emit_seven(b: Any, x: Any, y: Any) -> Any:
    # x + 7 y for x, y < P: 7 y = high 2^64 + low with high < 7, from halves of 32 bits times 7 < 2^35
    seven = ir.Constant(_WORD, 7)
    low = b.mul(y, seven)
    upper = b.add(b.mul(b.lshr(y, _SHIFT), seven), b.lshr(b.mul(b.and_(y, _EPSILON), seven), _SHIFT))
    return _emit_plus(b, x, _emit_reduce(b, low, b.lshr(upper, _SHIFT)))


plus = _binary(_emit_plus)
minus = _binary(_emit_minus)
times = _binary(_emit_times)
plus_seven = _binary(_emit_seven)


@numba.njit(inline="always")
def ext_times(a0, a1, b0, b1):  # type: ignore[no-untyped-def]
    """(a0 + a1 phi)(b0 + b1 phi), phi^2 = 7, with three products (Karatsuba)."""
    low, high = times(a0, b0), times(a1, b1)
    both = times(plus(a0, a1), plus(b0, b1))
    return plus_seven(low, high), minus(minus(both, low), high)


@numba.njit(inline="always")
def inverse(value):  # type: ignore[no-untyped-def]
    """1 / value by Fermat, value^(P - 2); 0 for 0. P - 2 has 32 ones, a zero and 31 ones in binary."""
    result, square = value, value
    for bit in range(1, 64):
        square = times(square, square)
        if bit != 32:
            result = times(result, square)
    return result


@numba.njit(inline="always")
def join(low, high):  # type: ignore[no-untyped-def]
    """The sum of values whose halves of 32 bits were summed to `low` and `high`.

    Both sums are below 2^64, which holds for up to 2^32 values.
    """
    return plus(times(low, np.uint64(1)), times(high, np.uint64(1 << 32)))
