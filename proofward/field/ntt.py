"""Number-theoretic transforms of many rows.

Values are in BIT-REVERSED order: entry i belongs to the point w^(reverse of i).

Forward by decimation in frequency, inverse by decimation in time, so no row is ever permuted; whoever needs
the points asks `domain`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.butterflies import backward, forward
from proofward.field.goldilocks import scale
from proofward.field.jit import MATRIX, ROW, SCALAR, WORD, kernel, void
from proofward.field.memory import large_empty
from proofward.field.reference import mirrored
from proofward.field.reference import ntt as reference
from proofward.field.scalar import P, minus, plus, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

COSET_SHIFT = 7
"""Generates the multiplicative group of F, so its coset is disjoint from every subgroup of roots of unity
below the full order.
"""


@lru_cache(maxsize=64)
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
def _shift_powers(base: int, count: int) -> Array:
    return _powers(base, count)


def bit_reversal(size: int) -> npt.NDArray[np.int64]:
    """The permutation that reverses the bits of 0 .. size - 1."""
    order = np.zeros(1, dtype=np.int64)
    while order.size < size:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


@lru_cache(maxsize=8)
def domain(size: int) -> Array:
    """The points of the subgroup of order `size` in the order of a transform's values: to be read only."""
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


@kernel("void(uint64[:, ::1], uint64[::1], uint64[::1], int64, int64)")
def _forward(rows, twiddles, cubes, start, stop):  # type: ignore[no-untyped-def]
    for r in range(start, stop):
        forward(rows[r], twiddles, cubes)


@kernel("void(uint64[:, ::1], uint64[::1], uint64[::1], uint64, int64, int64)")
def _backward(rows, twiddles, cubes, factor, start, stop):  # type: ignore[no-untyped-def]
    for r in range(start, stop):
        row = rows[r]
        backward(row, twiddles, cubes)
        for j in range(row.size):
            row[j] = times(row[j], factor)


@kernel()
def _extend_row(coefficients, shifts, turned, twiddles, cubes, values):  # type: ignore[no-untyped-def]
    """Values on the coset of one row's polynomial of at most as many coefficients as there are points.

    The first stage makes x_j + x_(j + n/2) and w^j (x_j - x_(j + n/2)) of x_j = c_j s^j, s being the coset's
    shift. So `shifts` are the powers of s, and `turned` those of w s, since w^(j + n/2) = - w^j.
    """
    half = values.size // 2
    low, high = values[:half], values[half:]
    middle = min(half, coefficients.size)
    for j in range(middle):
        c = coefficients[j]
        low[j], high[j] = times(c, shifts[j]), times(c, turned[j])
    low[middle:] = 0
    high[middle:] = 0
    for j in range(half, coefficients.size):
        c = coefficients[j]
        low[j - half] = plus(low[j - half], times(c, shifts[j]))
        high[j - half] = plus(high[j - half], times(c, turned[j]))
    forward(low, twiddles, cubes)
    forward(high, twiddles, cubes)


@kernel(void(MATRIX, ROW, ROW, ROW, ROW, MATRIX, WORD, WORD))
def _extend(coefficients, shifts, turned, twiddles, cubes, values, start, stop):  # type: ignore[no-untyped-def]
    for r in range(start, stop):
        _extend_row(coefficients[r], shifts, turned, twiddles, cubes, values[r])


@kernel(void(MATRIX, MATRIX, ROW, ROW, SCALAR, MATRIX, WORD, WORD))
def _blinded(data, blinding, twiddles, cubes, factor, coefficients, start, stop):  # type: ignore[no-untyped-def]
    k = data.shape[1]
    for r in range(start, stop):
        row, added = coefficients[r], blinding[r]
        row[:k] = data[r]
        backward(row[:k], twiddles, cubes)
        for j in range(k):
            row[j] = times(row[j], factor)
        row[k:] = added
        for j in range(added.size):
            row[j] = minus(row[j], added[j])


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
    out = large_empty(rows, size)
    _extend_rows(np.ascontiguousarray(coefficients), out)
    return out


def _extend_rows(coefficients: Array, out: Array) -> None:
    count, size = coefficients.shape[1], out.shape[1]
    if size == 1:
        out[:] = coefficients if count else 0
        return
    shifts, turned = (
        _shift_powers(COSET_SHIFT, count),
        _shift_powers(COSET_SHIFT * domain_generator(size) % P, count),
    )
    twiddles, cubes = _twiddles(size // 2, False), _cubes(size // 2, False)
    parallel(
        lambda start, stop: _extend(coefficients, shifts, turned, twiddles, cubes, out, start, stop),
        out.shape[0],
        max(1, (1 << 14) // size),
    )


def blinded_coefficients(data: Array, blinding: Array) -> Array:
    """Coefficients of rows with blinding; a prover's. `low_degree_extend` makes code words of them.

    A row's polynomial is the interpolation of its k data plus (X^k - 1) B(X), B with the coefficients
    `blinding`.
    """
    rows, k = data.shape
    if blinding.shape[0] != rows:
        raise ValueError(f"blinding {blinding.shape} for data {data.shape}")
    coefficients = large_empty(rows, k + blinding.shape[1])
    inside, added = np.ascontiguousarray(data), np.ascontiguousarray(blinding)
    twiddles, cubes, factor = _twiddles(k, True), _cubes(k, True), np.uint64(pow(k, -1, P))
    parallel(
        lambda start, stop: _blinded(inside, added, twiddles, cubes, factor, coefficients, start, stop),
        rows,
        max(1, (1 << 14) // k),
    )
    return coefficients
