"""The field F = GF(P) on arrays: F-arrays are C-contiguous np.uint64 with canonical entries in [0, P).

All functions take canonical operands and give canonical results; `is_canonical` is the check for values from
outside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofward.field.jit import kernel
from proofward.field.reference import goldilocks as reference
from proofward.field.reference import mirrored
from proofward.field.scalar import P, inverse, minus, plus, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

_GRAIN = 1 << 17
_FEW = 1 << 15
_P, _MIDDLE, _ZERO, _SIGN = np.uint64(P), np.uint64(P // 2), np.uint64(0), np.uint64(63)
_UNARY = "void(uint64[::1], uint64[::1])"
_BINARY = "void(uint64[::1], uint64[::1], uint64[::1])"


@kernel(_BINARY)
def _add(left, right, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = plus(left[i], right[i])


@kernel(_BINARY)
def _sub(left, right, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = minus(left[i], right[i])


@kernel(_BINARY)
def _mul(left, right, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = times(left[i], right[i])


@kernel("void(uint64[::1], uint64, uint64[::1])")
def _scale(values, factor, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = times(values[i], factor)


@kernel(_UNARY)
def _from_signed(values, out):  # type: ignore[no-untyped-def]
    """v + P for v < 0, modulo 2^64: v is its two's complement v + 2^64, so the sum is v + P, in [0, P)."""
    for i in range(out.size):
        out[i] = values[i] + (_P if values[i] >> _SIGN else _ZERO)


@kernel(_UNARY)
def _centred(values, out):  # type: ignore[no-untyped-def]
    """The two's complement of v - P for v > P / 2, at least -P / 2 > -2^63."""
    for i in range(out.size):
        out[i] = values[i] - (_P if values[i] > _MIDDLE else _ZERO)


def _binary(kernel: Callable[..., None], left: Array, right: Array) -> Array:
    if left.shape != right.shape:
        raise ValueError(f"shapes {left.shape} and {right.shape}")
    out = np.empty(left.shape, dtype=np.uint64)
    if left.flags.c_contiguous and right.flags.c_contiguous:
        _binary_into(kernel, left.reshape(-1), right.reshape(-1), out.reshape(-1))
    elif left.ndim == 2 and left.shape[0] == 2:
        # half of a table of E: its planes are contiguous, the whole is not
        _binary_into(kernel, left[0], right[0], out[0])
        _binary_into(kernel, left[1], right[1], out[1])
    else:
        _binary_into(kernel, left.reshape(-1), right.reshape(-1), out.reshape(-1))
    return out


def _binary_into(kernel: Callable[..., None], left: Array, right: Array, out: Array) -> None:
    a, b = np.ascontiguousarray(left), np.ascontiguousarray(right)
    parallel(lambda start, stop: kernel(a[start:stop], b[start:stop], out[start:stop]), out.size, _GRAIN)


@mirrored(reference.add)
def add(left: Array, right: Array) -> Array:
    """left + right, entry by entry, any equal shapes."""
    return _binary(_add, left, right)


@mirrored(reference.sub)
def sub(left: Array, right: Array) -> Array:
    """left - right, entry by entry, any equal shapes."""
    return _binary(_sub, left, right)


@mirrored(reference.mul)
def mul(left: Array, right: Array) -> Array:
    """left * right, entry by entry, any equal shapes."""
    return _binary(_mul, left, right)


@kernel("void(uint64[::1], uint64, uint64[::1])")
def _shift(values, constant, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = plus(values[i], constant)


@mirrored(reference.shift)
def shift(values: Array, constant: int) -> Array:
    """values + constant, constant an integer in [0, P)."""
    out = np.empty(values.shape, dtype=np.uint64)
    a, c, f = np.ascontiguousarray(values).reshape(-1), out.reshape(-1), np.uint64(constant)
    parallel(lambda start, stop: _shift(a[start:stop], f, c[start:stop]), c.size, _GRAIN)
    return out


@kernel("void(uint64, uint64[::1], uint64[::1])")
def _subtract_from(constant, values, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = minus(constant, values[i])


def subtract_from(constant: int, values: Array, out: Array) -> None:
    """out = constant - values for contiguous F-arrays; a prover's, so it has no slow twin."""
    f = np.uint64(constant)
    parallel(lambda start, stop: _subtract_from(f, values[start:stop], out[start:stop]), out.size, _GRAIN)


@mirrored(reference.scale)
def scale(values: Array, factor: int) -> Array:
    """values * factor, factor an integer in [0, P)."""
    out = np.empty(values.shape, dtype=np.uint64)
    a, c, f = np.ascontiguousarray(values).reshape(-1), out.reshape(-1), np.uint64(factor)
    parallel(lambda start, stop: _scale(a[start:stop], f, c[start:stop]), c.size, _GRAIN)
    return out


@kernel(_UNARY)
def _invert(values, out):  # type: ignore[no-untyped-def]
    """One inversion for all: of the product of all values, which products of the others make each one's."""
    product = np.uint64(1)
    for i in range(out.size):
        out[i] = product
        product = times(product, values[i])
    product = inverse(product)
    for i in range(out.size - 1, -1, -1):
        out[i] = times(out[i], product)
        product = times(product, values[i])


@mirrored(reference.invert)
def invert(values: Array) -> Array:
    """Inverses of an F-array's entries. ValueError for a zero."""
    if not values.all():
        raise ValueError("zero has no inverse")
    out = np.empty(values.shape, dtype=np.uint64)
    a, c = np.ascontiguousarray(values).reshape(-1), out.reshape(-1)
    parallel(lambda start, stop: _invert(a[start:stop], c[start:stop]), c.size, _GRAIN)
    return out


def to_field(values: Signed) -> Array:
    """Integers as field elements: int64 of any shape. `to_signed` inverts it for magnitudes below P / 2."""
    wide = np.ascontiguousarray(values, dtype=np.int64)
    if wide.size < _FEW:  # a few numbers need no kernel
        return wide.view(np.uint64) + np.where(wide < 0, np.uint64(P), np.uint64(0))
    out = np.empty(wide.shape, dtype=np.uint64)
    a, c = wide.view(np.uint64).reshape(-1), out.reshape(-1)
    parallel(lambda start, stop: _from_signed(a[start:stop], c[start:stop]), c.size, _GRAIN)
    return out


def to_signed(values: Array) -> Signed:
    """Field elements as the integers in (-P/2, P/2): int64, since P / 2 < 2^63."""
    if values.size < _FEW:
        return (values - np.where(values > np.uint64(P // 2), np.uint64(P), np.uint64(0))).view(np.int64)
    out = np.empty(values.shape, dtype=np.uint64)
    a, c = np.ascontiguousarray(values).reshape(-1), out.reshape(-1)
    parallel(lambda start, stop: _centred(a[start:stop], c[start:stop]), c.size, _GRAIN)
    return out.view(np.int64)


def is_canonical(values: Array) -> bool:
    """Whether every entry is below P."""
    return values.size == 0 or int(values.max()) < P


def _words(count: int, rng: Callable[[int], bytes]) -> Array:
    data = rng(8 * count)
    if len(data) != 8 * count:
        raise ValueError(f"random source: expected {8 * count} bytes, got {len(data)}")
    words, out = np.frombuffer(data, dtype="<u8"), np.empty(count, dtype=np.uint64)

    def part(start: int, stop: int) -> None:
        out[start:stop] = words[start:stop]

    parallel(part, count, 1 << 17)
    return out


def random_field(count: int, rng: Callable[[int], bytes]) -> Array:
    """`count` uniform elements from a random source.

    They are 8-byte little-endian words; those not below P are rejected and drawn again. ValueError for a
    source that returns another number of bytes.
    """
    words = _words(count, rng)
    while not is_canonical(words):
        bad = np.flatnonzero(words >= np.uint64(P))
        words[bad] = _words(bad.size, rng)
    return words
