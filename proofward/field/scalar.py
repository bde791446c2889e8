"""Scalar arithmetic modulo P inside Numba kernels, as intrinsics.

They are branch-free instructions that LLVM inlines and vectorises.

Canonical operands (below P) give canonical results. P = 2^64 - 2^32 + 1, EPSILON = 2^32 - 1 = 2^64 mod P.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from proofward.field.jit import intrinsic, kernel

P = 2**64 - 2**32 + 1
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

_WORD = ir.IntType(64)
_EPSILON = 2**32 - 1


def _like(x: Any, value: int) -> Any:
    """A constant of the type of x, a word or a vector of words."""
    return ir.Constant(x.type, [value] * x.type.count if isinstance(x.type, ir.VectorType) else value)


def _binary(emit: Callable[[Any, Any, Any], Any]) -> Any:
    """An intrinsic (uint64, uint64) -> uint64 from a function that emits its instructions."""

    def declare(typing_context: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return emit(builder, *arguments)

        from numba import types

        return types.uint64(types.uint64, types.uint64), generate

    return intrinsic(declare)


def _unary(emit: Callable[[Any, Any], Any]) -> Any:
    """An intrinsic uint64 -> uint64, likewise."""

    def declare(typing_context: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return emit(builder, *arguments)

        from numba import types

        return types.uint64(types.uint64), generate

    return intrinsic(declare)


def _lower(b: Any, x: Any) -> Any:
    return b.and_(x, _like(x, _EPSILON))


def _upper(b: Any, x: Any) -> Any:
    return b.lshr(x, _like(x, 32))


def _times_epsilon(b: Any, x: Any) -> Any:
    return b.sub(b.shl(x, _like(x, 32)), x)


def emit_minus(b: Any, x: Any, y: Any) -> Any:
    """x - y; the emitting functions take words or vectors of words."""
    # a borrow is repaid by P
    return b.add(b.sub(x, y), b.select(b.icmp_unsigned("<", x, y), _like(x, P), _like(x, 0)))


def emit_plus(b: Any, x: Any, y: Any) -> Any:
    """x + y."""
    # x - (P - y), where a borrow is repaid by P; y <= P. After a borrow, x + y < P, the result is x + y;
    # without one it is x + y - P, which is below P for x, y < P.
    return emit_minus(b, x, b.sub(_like(x, P), y))


def _emit_reduce(b: Any, low: Any, h0: Any, h1: Any) -> Any:
    # low + 2^64 (h1 2^32 + h0) for h0, h1 < 2^32 is low - h1 + h0 EPSILON mod P. A borrow is repaid by P: low
    # < h1 < 2^32, so the difference is then below P. In any case it is below 2^64, and h0 EPSILON is at most
    # (2^32 - 1)^2 = P - 2^32. So their sum as in `emit_plus` is below P after a borrow, and without one at
    # most 2^64 - 1 + P - 2^32 - P = P - 2.
    return emit_plus(b, emit_minus(b, low, h1), _times_epsilon(b, h0))


def emit_times(b: Any, x: Any, y: Any) -> Any:
    """x y."""
    # any x, y < 2^64, in halves of 32 bits: a product of halves is at most (2^32 - 1)^2 = 2^64 - 2^33 + 1, so
    # one more half, twice, stays below 2^64, and so does the product's high word. It is added up in this
    # order since LLVM takes others for a product of 128 bits, and computes that for one lane after another
    x0, x1, y0, y1 = _lower(b, x), _upper(b, x), _lower(b, y), _upper(b, y)
    bottom = b.mul(x0, y0)
    one_cross = b.add(b.mul(x1, y0), _upper(b, bottom))
    both = b.add(b.mul(x0, y1), _lower(b, one_cross))
    low = b.or_(_lower(b, bottom), b.shl(both, _like(x, 32)))
    high = b.add(b.add(b.mul(x1, y1), _upper(b, one_cross)), _upper(b, both))
    return _emit_reduce(b, low, _lower(b, high), _upper(b, high))


def _emit_seven(b: Any, x: Any, y: Any) -> Any:
    # x + 7 y for x, y < P. 7 y = 8 y - y is high 2^64 + low with high < 7: the upper three bits of y, less
    # the borrow. Then high EPSILON < 2^35, and low plus it as in `emit_plus` is below P.
    eight = b.shl(y, _like(y, 3))
    borrow = b.select(b.icmp_unsigned("<", eight, y), _like(y, 1), _like(y, 0))
    high = b.sub(b.lshr(y, _like(y, 61)), borrow)
    return emit_plus(b, x, emit_plus(b, b.sub(eight, y), _times_epsilon(b, high)))


def emit_root(b: Any, x: Any) -> Any:
    """x 2^48, a product with a root of unity of order 4."""
    # any x < 2^64: x 2^48 = (x >> 16) 2^64 + (x 2^48 mod 2^64)
    low, high = b.shl(x, _like(x, 48)), b.lshr(x, _like(x, 16))
    return _emit_reduce(b, low, _lower(b, high), _upper(b, high))


plus = _binary(emit_plus)
minus = _binary(emit_minus)
times = _binary(emit_times)
plus_seven = _binary(_emit_seven)
times_root = _unary(emit_root)


@kernel()
def ext_times(a0, a1, b0, b1):  # type: ignore[no-untyped-def]
    """(a0 + a1 phi)(b0 + b1 phi), phi^2 = 7, with three products (Karatsuba)."""
    low, high = times(a0, b0), times(a1, b1)
    both = times(plus(a0, a1), plus(b0, b1))
    return plus_seven(low, high), minus(minus(both, low), high)


@kernel()
def inverse(value):  # type: ignore[no-untyped-def]
    """1 / value by Fermat, value^(P - 2); 0 for 0. P - 2 has 32 ones, a zero and 31 ones in binary."""
    result, square = value, value
    for bit in range(1, 64):
        square = times(square, square)
        if bit != 32:
            result = times(result, square)
    return result


@kernel()
def join(low, high):  # type: ignore[no-untyped-def]
    """The sum of values whose halves of 32 bits were summed to `low` and `high`.

    Both sums are below 2^64, which holds for up to 2^32 values.
    """
    return plus(times(low, np.uint64(1)), times(high, np.uint64(1 << 32)))
