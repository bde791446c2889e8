"""F-arrays in the smallest integers that hold them.

Nearly all columns of a large proof hold bits, or limbs of some bits, which take an eighth or a quarter of the
memory as bytes or words of two bytes. They are kept so, and widened piece by piece where they are used.
Unsigned integers stand for themselves, and signed ones below 0 for what P is more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field, to_signed
from proofward.field.memory import large_empty
from proofward.field.threads import in_parts

Array = npt.NDArray[np.uint64]
Narrow = npt.NDArray[Any]
"""A C-contiguous array of integers of 8, 16, 32 or 64 bits; an F-array is one."""

_FROM = 1 << 15
"""Shorter arrays stay as they are."""
_UNSIGNED, _SIGNED = (np.uint8, np.uint16, np.uint32), (np.int8, np.int16, np.int32)


def narrowed(values: Array) -> Narrow:
    """The same elements in the smallest integers that hold them."""
    if values.size < _FROM or values.dtype != np.uint64:
        return values
    largest = _extremes(values, signed=False)[1]
    for unsigned in _UNSIGNED:
        if largest <= np.iinfo(unsigned).max:
            return _cast(values, unsigned)
    least, largest = _extremes(values, signed=True)
    for signed in _SIGNED:
        if np.iinfo(signed).min <= least and largest <= np.iinfo(signed).max:
            return _cast(values, signed)
    return values


def widened(values: Narrow) -> Array:
    """As an F-array, which is not copied if it is one already."""
    if values.dtype == np.uint64:
        return values
    out = large_empty(*values.shape)
    widen_into(values, out)
    return out


def as_signed(values: Narrow) -> npt.NDArray[np.int64]:
    """The integers that they stand for, those from P / 2 on as negative ones."""
    return to_signed(values) if values.dtype == np.uint64 else values.astype(np.int64)


def widen_into(values: Narrow, out: Array) -> None:
    """`widened` into a contiguous F-array of the same size."""
    source, target = values.reshape(-1), out.reshape(-1)
    signed = source.dtype.kind == "i"

    def part(start: int, stop: int) -> None:
        own = source[start:stop]
        target[start:stop] = to_field(own.astype(np.int64)) if signed else own

    in_parts(part, source.size)


def _extremes(values: Array, *, signed: bool) -> tuple[int, int]:
    """The least and the largest element, as numbers below P or around 0."""
    flat, found = values.reshape(-1), list[tuple[int, int]]()

    def part(start: int, stop: int) -> None:
        own = to_signed(flat[start:stop]) if signed else flat[start:stop]
        found.append((int(own.min()) if signed else 0, int(own.max())))

    in_parts(part, flat.size)
    return min(least for least, _ in found), max(largest for _, largest in found)


def _cast(values: Array, kind: type[np.integer[Any]]) -> Narrow:
    """Elements that integers of this kind hold."""
    out = np.empty(values.shape, dtype=kind)
    source, target = np.ascontiguousarray(values).reshape(-1), out.reshape(-1)
    signed = np.issubdtype(kind, np.signedinteger)

    def part(start: int, stop: int) -> None:
        target[start:stop] = to_signed(source[start:stop]) if signed else source[start:stop]

    in_parts(part, source.size)
    return out
