"""Number-theoretic transforms of many rows.

Values are in BIT-REVERSED order: entry i belongs to the point w^(reverse of i).

Forward by decimation in frequency, inverse by decimation in time, so no row is ever permuted; whoever needs
the points asks `domain`.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import numpy.typing as npt

from proofward.field.butterflies import backward, forward
from proofward.field.goldilocks import scale
from proofward.field.reference import mirrored
from proofward.field.reference import ntt as reference
from proofward.field.scalar import P, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

COSET_SHIFT = 7
"""Generates the multiplicative group of F, so its coset is disjoint from every subgroup of roots of unity
below the full order.
"""


def domain_generator(size: int) -> int:
    """A root of unity of order `size`, a power of two up to 2^32; ValueError for other sizes."""
    reference.check_size(size)
    return pow(7, (P - 1) // size, P)


def _powers(base: int, count: int) -> Array:
    table = np.ones(1, dtype=np.uint64)
    while table.size < count:
        table = np.concatenate([table, scale(table, pow(base, table.size, P))])
    return np.ascontiguousarray(table[:count])


@lru_cache(maxsize=32)
def _twiddles(size: int, inverse: bool) -> Array:
    """For every stage of half-length h the powers w_(2h)^0 .. w_(2h)^(h-1), at offset h."""
    reference.check_size(size)
    table = np.zeros(max(2, size), dtype=np.uint64)
    half = 1
    while half < size:
        root = domain_generator(2 * half)
        table[half : 2 * half] = _powers(pow(root, -1, P) if inverse else root, half)
        half *= 2
    return table


@lru_cache(maxsize=32)
def _shift_powers(count: int) -> Array:
    return _powers(COSET_SHIFT, count)


def bit_reversal(size: int) -> npt.NDArray[np.int64]:
    """The permutation that reverses the bits of 0 .. size - 1."""
    order = np.zeros(1, dtype=np.int64)
    while order.size < size:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def domain(size: int) -> Array:
    """The points of the subgroup of order `size` in the order of a transform's values."""
    return np.ascontiguousarray(_powers(domain_generator(size), size)[bit_reversal(size)])


@lru_cache(maxsize=32)
def _cubes(size: int, inverse: bool) -> Array:
    """For every double stage of quarter-length q the powers w_(4q)^(3j), j < q, at offset q."""
    table = np.zeros(max(2, size // 2), dtype=np.uint64)
    quarter = 1
    while 4 * quarter <= size:
        root = pow(domain_generator(4 * quarter), 3, P)
        table[quarter : 2 * quarter] = _powers(pow(root, -1, P) if inverse else root, quarter)
        quarter *= 2
    return table


@numba.njit("void(uint64[:, ::1], uint64[::1], uint64[::1], int64, int64)", cache=True, nogil=True)
def _forward(rows, twiddles, cubes, start, stop):  # type: ignore[no-untyped-def]
    for r in range(start, stop):
        forward(rows[r], twiddles, cubes)


@numba.njit("void(uint64[:, ::1], uint64[::1], uint64[::1], uint64, int64, int64)", cache=True, nogil=True)
def _backward(rows, twiddles, cubes, factor, start, stop):  # type: ignore[no-untyped-def]
    for r in range(start, stop):
        row = rows[r]
        backward(row, twiddles, cubes)
        for j in range(row.size):
            row[j] = times(row[j], factor)


@numba.njit("void(uint64[:, ::1], uint64[::1], uint64[:, ::1], int64, int64)", cache=True, nogil=True)
def _shifted(coefficients, powers, out, start, stop):  # type: ignore[no-untyped-def]
    for r in range(start, stop):
        row, target = coefficients[r], out[r]
        for j in range(row.size):
            target[j] = times(row[j], powers[j])


def _forward_rows(rows: Array) -> None:
    twiddles, cubes = _twiddles(rows.shape[1], False), _cubes(rows.shape[1], False)
    parallel(
        lambda start, stop: _forward(rows, twiddles, cubes, start, stop),
        rows.shape[0],
        max(1, (1 << 14) // rows.shape[1]),
    )


@mirrored(reference.ntt)
def ntt(rows: Array) -> Array:
    """Values of each row's polynomial at the roots of unity.

    Coefficients (R, n) to values (R, n), n a power of two; ValueError for other lengths.
    """
    out = np.array(rows, dtype=np.uint64, order="C")
    _forward_rows(out)
    return out


@mirrored(reference.intt)
def intt(rows: Array) -> Array:
    """Coefficients from values: the inverse of `ntt`."""
    out = np.array(rows, dtype=np.uint64, order="C")
    twiddles, cubes = _twiddles(out.shape[1], True), _cubes(out.shape[1], True)
    factor = np.uint64(pow(out.shape[1], -1, P))
    parallel(
        lambda start, stop: _backward(out, twiddles, cubes, factor, start, stop),
        out.shape[0],
        max(1, (1 << 14) // out.shape[1]),
    )
    return out


@mirrored(reference.low_degree_extend)
def low_degree_extend(coefficients: Array, size: int) -> Array:
    """Values of each row's polynomial at the `size` points of the coset COSET_SHIFT <w_size>.

    Coefficients (R, K), K <= size, to values (R, size). ValueError for more coefficients than points or a
    size that is no power of two.
    """
    rows, count = coefficients.shape
    if count > size:
        raise ValueError(f"{count} coefficients, {size} points")
    reference.check_size(size)
    out = np.zeros((rows, size), dtype=np.uint64)
    values, powers = np.ascontiguousarray(coefficients), _shift_powers(count)
    parallel(
        lambda start, stop: _shifted(values, powers, out, start, stop),
        rows,
        max(1, (1 << 14) // max(1, count)),
    )
    _forward_rows(out)
    return out
