"""The extension E = F[X]/(X^2 - 7): elements as `Ext`, and arrays of them.

An E-array is np.uint64 of shape (2, N); plane 0 holds the constant parts. Outside `field/` and `proof/`
nothing knows that the degree is 2: there it is DEGREE, an element's words are its `limbs`, and `zeros` makes
tables.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import add, shift, sub
from proofward.field.jit import PLANES, ROW, SCALAR, WORD, kernel, void
from proofward.field.memory import large_empty
from proofward.field.reference import extension as reference
from proofward.field.reference import mirrored
from proofward.field.scalar import HALF, MASK, P, ext_times, join, plus
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

DEGREE = 2
"""Limbs of an element, and planes of an E-array."""
ELEMENT_BYTES = 8 * DEGREE
_GRAIN = 1 << 15
_COPIED = 1 << 17
"""Entries from which on two cores copy faster than one."""


_new = object.__new__


class Ext:
    """c0 + c1 phi, phi^2 = 7; immutable, canonical."""

    __slots__ = ("c0", "c1")

    def __init__(self, c0: int, c1: int = 0) -> None:
        self.c0 = c0 % P
        self.c1 = c1 % P

    # The operators make their result without a call of __init__: a proof has thousands of them.

    def __add__(self, other: Ext | int) -> Ext:
        result: Ext = _new(Ext)
        if isinstance(other, Ext):
            result.c0 = (self.c0 + other.c0) % P
            result.c1 = (self.c1 + other.c1) % P
        else:
            result.c0 = (self.c0 + other) % P
            result.c1 = self.c1
        return result

    def __sub__(self, other: Ext | int) -> Ext:
        result = _new(Ext)
        if isinstance(other, Ext):
            result.c0 = (self.c0 - other.c0) % P
            result.c1 = (self.c1 - other.c1) % P
        else:
            result.c0 = (self.c0 - other) % P
            result.c1 = self.c1
        return result

    def __rsub__(self, other: int) -> Ext:
        return Ext(other - self.c0, -self.c1)

    def __neg__(self) -> Ext:
        return Ext(-self.c0, -self.c1)

    def __mul__(self, other: Ext | int) -> Ext:
        result = _new(Ext)
        a0, a1 = self.c0, self.c1
        if isinstance(other, Ext):
            b0, b1 = other.c0, other.c1
            if b1 == 0 and b0 == 1:
                return self
            result.c0 = (a0 * b0 + 7 * a1 * b1) % P
            result.c1 = (a0 * b1 + a1 * b0) % P
        else:
            result.c0 = a0 * other % P
            result.c1 = a1 * other % P
        return result

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ext) and self.c0 == other.c0 and self.c1 == other.c1

    def __hash__(self) -> int:
        return hash((self.c0, self.c1))

    def __repr__(self) -> str:
        return f"Ext({self.c0}, {self.c1})"

    @property
    def limbs(self) -> tuple[int, ...]:
        """Its words, by plane."""
        return self.c0, self.c1

    @staticmethod
    def of_limbs(limbs: Iterable[int]) -> Ext:
        """The element of these integers, DEGREE of them."""
        c0, c1 = limbs
        return Ext(c0, c1)

    def inverse(self) -> Ext:
        """1 / self; ZeroDivisionError for 0. The norm c0^2 - 7 c1^2 is 0 for 0 only, since 7 is no square."""
        if self.c1 == 0 and self.c0 == 1:
            return self
        norm = (self.c0 * self.c0 - 7 * self.c1 * self.c1) % P
        if norm == 0:
            raise ZeroDivisionError("inverse of 0 in E")
        scale = pow(norm, -1, P)
        return Ext(self.c0 * scale, -self.c1 * scale)

    def to_bytes(self) -> bytes:
        """16 bytes: c0, c1, little endian."""
        return self.c0.to_bytes(8, "little") + self.c1.to_bytes(8, "little")

    @staticmethod
    def from_bytes(data: bytes) -> Ext:
        """Inverse of `to_bytes`; ValueError unless canonical."""
        c0, c1 = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")
        if len(data) != 16 or c0 >= P or c1 >= P:
            raise ValueError(f"expected 16 bytes of two words below P, got {data.hex()}")
        return Ext(c0, c1)


def elements(values: Array) -> list[Ext]:
    """The elements of an E-array."""
    result = []
    for c0, c1 in zip(*values.tolist(), strict=True):
        element = _new(Ext)
        element.c0, element.c1 = c0, c1
        result.append(element)
    return result


def planes(values: Array) -> tuple[Array, Array]:
    """Both planes of an E-array as contiguous F-arrays; half of a table needs no copy.

    ValueError unless (2, N).
    """
    if values.ndim != 2 or values.shape[0] != 2:
        raise ValueError(f"expected an E-array (2, N), got {values.shape}")
    if values.strides[-1] != values.itemsize and values.shape[-1] > 1:
        values = np.ascontiguousarray(values)
    return values[0], values[1]


@kernel(void(PLANES, PLANES, PLANES, WORD, WORD))
def _mul(left, right, out, start, stop):  # type: ignore[no-untyped-def]
    # slices of planes, so that indices start at 0 and the loop is vectorised
    a0, a1, b0, b1 = left[0][start:stop], left[1][start:stop], right[0][start:stop], right[1][start:stop]
    c0, c1 = out[0][start:stop], out[1][start:stop]
    for i in range(a0.size):
        c0[i], c1[i] = ext_times(a0[i], a1[i], b0[i], b1[i])


@kernel(void(PLANES, SCALAR, SCALAR, PLANES, WORD, WORD))
def _scale(values, f0, f1, out, start, stop):  # type: ignore[no-untyped-def]
    a0, a1, c0, c1 = values[0][start:stop], values[1][start:stop], out[0][start:stop], out[1][start:stop]
    for i in range(a0.size):
        c0[i], c1[i] = ext_times(a0[i], a1[i], f0, f1)


@kernel(void(PLANES, PLANES, WORD, WORD, ROW))
def _dot(left, right, start, stop, out):  # type: ignore[no-untyped-def]
    # sums of halves below 2^32: at most 2^32 terms stay below 2^64
    low0, high0, low1, high1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    a0, a1, b0, b1 = left[0][start:stop], left[1][start:stop], right[0][start:stop], right[1][start:stop]
    for i in range(a0.size):
        c0, c1 = ext_times(a0[i], a1[i], b0[i], b1[i])
        low0 += c0 & MASK
        high0 += c0 >> HALF
        low1 += c1 & MASK
        high1 += c1 >> HALF
    out[0], out[1] = join(low0, high0), join(low1, high1)


def ext_add(left: Array, right: Array) -> Array:
    """left + right."""
    return add(left, right)


def ext_sub(left: Array, right: Array) -> Array:
    """left - right."""
    return sub(left, right)


@mirrored(reference.ext_mul)
def ext_mul(left: Array, right: Array) -> Array:
    """left * right, E-arrays of one length."""
    if left.shape != right.shape:
        raise ValueError(f"shapes {left.shape} and {right.shape}")
    out = np.empty(left.shape, dtype=np.uint64)
    a, b, c = planes(left), planes(right), planes(out)
    parallel(lambda start, stop: _mul(a, b, c, start, stop), a[0].size, _GRAIN)
    return out


@mirrored(reference.ext_scale)
def ext_scale(values: Array, factor: Ext) -> Array:
    """values * factor."""
    a = planes(values)
    out = np.empty(values.shape, dtype=np.uint64)
    c = planes(out)
    f0, f1 = np.uint64(factor.c0), np.uint64(factor.c1)
    parallel(lambda start, stop: _scale(a, f0, f1, c, start, stop), a[0].size, _GRAIN)
    return out


@kernel(void(PLANES, PLANES, SCALAR, SCALAR, WORD, WORD))
def _add_scaled(target, values, f0, f1, start, stop):  # type: ignore[no-untyped-def]
    a0, a1, c0, c1 = (
        values[0][start:stop],
        values[1][start:stop],
        target[0][start:stop],
        target[1][start:stop],
    )
    for i in range(a0.size):
        p0, p1 = ext_times(a0[i], a1[i], f0, f1)
        c0[i], c1[i] = plus(c0[i], p0), plus(c1[i], p1)


def add_scaled(target: Array, values: Array, factor: Ext) -> None:
    """target += factor * values, in place; a prover's, so it has no slow twin."""
    if target.shape != values.shape or (target.shape[1] > 1 and target.strides[1] != target.itemsize):
        raise ValueError(f"shapes {target.shape}, strides {target.strides}, and {values.shape}")
    c, a = planes(target), planes(values)
    f0, f1 = np.uint64(factor.c0), np.uint64(factor.c1)
    parallel(lambda start, stop: _add_scaled(c, a, f0, f1, start, stop), a[0].size, _GRAIN)


@mirrored(reference.ext_add_scaled)
def ext_add_scaled(target: Array, values: Array, factor: Ext) -> Array:
    """target + factor * values."""
    out = np.array(target, dtype=np.uint64, order="C")
    add_scaled(out, values, factor)
    return out


@mirrored(reference.ext_dot)
def _dot_pair(left: Array, right: Array) -> tuple[int, int]:
    if left.shape != right.shape:
        raise ValueError(f"shapes {left.shape} and {right.shape}")
    a, b = planes(left), planes(right)
    parts: list[tuple[int, int]] = []

    def work(start: int, stop: int) -> None:
        out = np.empty(2, dtype=np.uint64)
        _dot(a, b, start, stop, out)
        parts.append((int(out[0]), int(out[1])))

    parallel(work, left.shape[1], _GRAIN)
    return sum(c0 for c0, _ in parts) % P, sum(c1 for _, c1 in parts) % P


def ext_dot(left: Array, right: Array) -> Ext:
    """sum of left * right."""
    return Ext(*_dot_pair(left, right))


def ext_shift(values: Array, constant: Ext) -> Array:
    """values + constant."""
    out = np.empty(values.shape, dtype=np.uint64)
    out[0], out[1] = shift(values[0], constant.c0), shift(values[1], constant.c1)
    return out


def lift(values: Array) -> Array:
    """An F-array as an E-array."""
    out = large_empty(2, *values.shape)
    source, (target, zero) = values.reshape(-1), out.reshape(2, -1)

    def part(start: int, stop: int) -> None:
        target[start:stop] = source[start:stop]
        zero[start:stop] = 0

    parallel(part, values.size, _COPIED)
    return out


def zeros(*sizes: int) -> Array:
    """Zeros: an E-array of one size, or a table over E with several axes."""
    return np.zeros((DEGREE, *sizes), dtype=np.uint64)


def powers(base: Ext, count: int) -> Array:
    """base^0 .. base^(count - 1), an E-array; by doubling."""
    table = np.array([[1], [0]], dtype=np.uint64)
    step = base
    while table.shape[1] < count:
        table = np.concatenate([table, ext_scale(table, step)], axis=1)
        step = step * step
    return np.ascontiguousarray(table[:, :count])
