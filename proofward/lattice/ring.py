"""Products in R = F[X]/(X^4096 + 1) by the negacyclic number-theoretic transform.

`to_values` maps the coefficients of a ring element to its values at the 4096 odd powers of psi, value k at
psi^(2 bitrev(k) + 1); products in R are entrywise products of values. Reversing the 4096 values replaces X by
1/X, because bitrev(4095 - k) = 4095 - bitrev(k) and 2 (4095 - j) + 1 = -(2 j + 1) modulo 8192: that gives the
transposed product without another transform. Source: Longa and Naehrig, "Speeding up the number theoretic
transform for faster ideal lattice-based cryptography", CANS 2016.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from proofward.lattice import kernels
from proofward.lattice.errors import ArgumentRefused
from proofward.lattice.parameters import MODULUS, RING_DEGREE, ROOT_OF_UNITY

Words = NDArray[np.uint64]
_SCALE = pow(RING_DEGREE, -1, MODULUS)


def _powers(root: int) -> Words:
    bits = RING_DEGREE.bit_length() - 1
    table = [1] * RING_DEGREE
    for k in range(1, RING_DEGREE):
        table[k] = table[k - 1] * root % MODULUS
    return np.array(
        [table[int(format(k, f"0{bits}b")[::-1], 2)] for k in range(RING_DEGREE)], dtype=np.uint64
    )


@cache
def _twiddles() -> tuple[Words, Words]:
    return _powers(ROOT_OF_UNITY), _powers(pow(ROOT_OF_UNITY, -1, MODULUS))


def as_rows(field: str, values: Words) -> Words:
    """A contiguous copy of an F-array (4096,) or (R, 4096) as (R, 4096); else `ArgumentRefused`."""
    if values.dtype != np.uint64 or values.ndim not in (1, 2) or values.shape[-1] != RING_DEGREE:
        raise ArgumentRefused(field, f"uint64 of (R, {RING_DEGREE})", f"{values.dtype} of {values.shape}")
    if values.size and int(values.max()) >= MODULUS:
        raise ArgumentRefused(field, f"entries below {MODULUS}", int(values.max()))
    return np.array(values, dtype=np.uint64, order="C", copy=True).reshape(-1, RING_DEGREE)


def transform_in_place(rows: Words) -> None:
    """Coefficients to values, for C-contiguous uint64 (R, 4096) with entries below P."""
    kernels.transform(rows, _twiddles()[0])


def transform_back_in_place(rows: Words) -> None:
    """Values to coefficients, for C-contiguous uint64 (R, 4096) with entries below P."""
    kernels.transform_back(rows, _twiddles()[1], _SCALE)


def to_values(coefficients: Words) -> Words:
    """Values of each row at the odd powers of psi: F-array (4096,) or (R, 4096), result a new array."""
    rows = as_rows("coefficients", coefficients)
    transform_in_place(rows)
    return rows.reshape(coefficients.shape)


def to_coefficients(values: Words) -> Words:
    """The inverse of `to_values`."""
    rows = as_rows("values", values)
    transform_back_in_place(rows)
    return rows.reshape(values.shape)


def _product(left: Words, right: Words, reverse: bool) -> Words:
    rows, factors = as_rows("left", left), as_rows("right", right)
    if factors.shape[0] not in (1, rows.shape[0]):
        raise ArgumentRefused("right", f"1 or {rows.shape[0]} rows", factors.shape[0])
    transform_in_place(rows)
    transform_in_place(factors)
    if reverse:
        factors = np.ascontiguousarray(factors[:, ::-1])
    kernels.multiply_rows(rows, factors)
    transform_back_in_place(rows)
    return rows.reshape(left.shape)


def product(rows: Words, factors: Words) -> Words:
    """Products in R, row by row; one row of `factors` multiplies every row. Shapes (4096,) or (R, 4096)."""
    return _product(rows, factors, reverse=False)


def transposed_product(weights: Words, a: Words) -> Words:
    """The rows v with <weights, a * s> = <v, s> for every s in R. Shapes as in `product`."""
    return _product(weights, a, reverse=True)
