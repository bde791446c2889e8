"""Polynomials over E on the subgroup H, as the opening needs them.

Coefficients are E-arrays, the constant first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.contract import sum_of_ext_products
from proofward.field.extension import Ext, ext_add, ext_dot, ext_sub, powers, zeros
from proofward.field.goldilocks import invert, mul, scale, sub
from proofward.field.ntt import domain, intt, ntt
from proofward.field.scalar import P
from proofward.proof.forms import ONE

Array = npt.NDArray[np.uint64]

_PRODUCTS_AT_ONCE = 16


def power(base: Ext, exponent: int) -> Ext:
    """base^exponent by repeated squaring."""
    result = ONE
    while exponent:
        if exponent & 1:
            result = result * base
        base = base * base
        exponent >>= 1
    return result


def evaluate_polynomial(coefficients: Array, z: Ext) -> Ext:
    """The polynomial's value at z."""
    return ext_dot(coefficients, powers(z, coefficients.shape[1]))


def sum_over_subgroup(coefficients: Array, k: int) -> Ext:
    """The sum of the polynomial's values over the subgroup of order k.

    It is k times the sum of the coefficients at multiples of k.
    """
    planes = [sum(int(value) for value in plane[::k]) for plane in coefficients]
    return Ext(planes[0] * k % P, planes[1] * k % P)


def sum_of_products(products: list[tuple[Array, Array]], length: int) -> Array:
    """sum of L W: `length` = k + K coefficients, L given by k values on H and W by K coefficients.

    Of each W 2 k coefficients are taken at a time. Products with them are found from values at 2 k points,
    hence modulo X^(2k) - 1. What has a degree of 2 k or more comes from the highest coefficients of both, and
    is a short product where a W is little longer than k.
    """
    total = zeros(length)
    for first in range(0, len(products), _PRODUCTS_AT_ONCE):
        group = products[first : first + _PRODUCTS_AT_ONCE]
        inside, polynomials = np.stack([left for left, _ in group]), np.stack([right for _, right in group])
        k, dimension = inside.shape[2], polynomials.shape[2]
        left = intt(inside.reshape(-1, k))
        if first == 0:
            total = zeros(length + 2 * k)
        for start in range(0, dimension, 2 * k):
            right = polynomials[:, :, start : start + 2 * k].reshape(2 * len(group), -1)
            _add_products(total[:, start:], left, right)
    return np.ascontiguousarray(total[:, :length])


def _add_products(total: Array, left: Array, right: Array) -> None:
    """Add the products of polynomials over E, two rows each: of k coefficients and of at most 2 k."""
    k, high = left.shape[1], right.shape[1] - left.shape[1]
    total[:, : 2 * k] = ext_add(total[:, : 2 * k], _products_by_values(left, right, 2 * k))
    if high > 0:
        size = 1 << (2 * high - 1).bit_length()
        above = _products_by_values(left[:, k - high :], right[:, k:], size)[:, high : 2 * high]
        total[:, :high] = ext_sub(total[:, :high], above)
        total[:, 2 * k : 2 * k + high] = ext_add(total[:, 2 * k : 2 * k + high], above)


def _products_by_values(left: Array, right: Array, size: int) -> Array:
    """The sum of products of polynomials over E, two rows each, modulo X^size - 1."""
    factors = (values_of(rows, size).reshape(-1, 2, size) for rows in (left, right))
    return intt(sum_of_ext_products(*factors))


def values_of(coefficients: Array, size: int) -> Array:
    """Values of each row's polynomial at `size` roots of unity, at least as many as coefficients."""
    padded = np.zeros((coefficients.shape[0], size), dtype=np.uint64)
    padded[:, : coefficients.shape[1]] = coefficients
    return ntt(padded)


def lagrange_at(z: Ext, k: int) -> Array:
    """The Lagrange basis of the subgroup H of order k at z in E, not in F: (z^k - 1) h / (k (z - h)).

    An E-array in the order of `domain(k)`. 1 / (a + b phi) = (a - b phi) / (a^2 - 7 b^2), and the norm is not
    zero since z is not in F.
    """
    points = domain(k)
    a = sub(np.full(k, z.c0, dtype=np.uint64), points)
    norm = sub(mul(a, a), np.full(k, 7 * z.c1 * z.c1 % P, dtype=np.uint64))
    common = mul(points, invert(norm))
    factor = (power(z, k) - 1) * pow(k, -1, P)
    # (a - b phi) (f0 + f1 phi) = a f0 - 7 b f1 + (a f1 - b f0) phi
    real = sub(scale(a, factor.c0), np.full(k, 7 * z.c1 * factor.c1 % P, dtype=np.uint64))
    imaginary = sub(scale(a, factor.c1), np.full(k, z.c1 * factor.c0 % P, dtype=np.uint64))
    return np.stack([mul(real, common), mul(imaginary, common)])


def plane_weights(weights: Array) -> Array:
    """Weights of rows over E as weights of their two planes: (2, R) to (2, 2R).

    w (a + b phi) = w a + (w phi) b.
    """
    result = np.empty((2, 2 * weights.shape[1]), dtype=np.uint64)
    result[:, 0::2] = weights
    result[0, 1::2] = scale(np.ascontiguousarray(weights[1]), 7)
    result[1, 1::2] = weights[0]
    return result


def as_array(values: list[Ext]) -> Array:
    """A list of elements of E as an E-array."""
    return np.array(
        [[value.c0 for value in values], [value.c1 for value in values]], dtype=np.uint64
    ).reshape(2, len(values))


def add_at(array: Array, index: int, value: Ext) -> None:
    """Add to one element of an E-array, in place."""
    array[0, index] = (int(array[0, index]) + value.c0) % P
    array[1, index] = (int(array[1, index]) + value.c1) % P


def element(array: Array, index: int) -> Ext:
    """One element of an E-array."""
    return Ext(array.item(0, index), array.item(1, index))
