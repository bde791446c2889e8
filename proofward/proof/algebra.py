"""Polynomials over E on the subgroup H, as the opening needs them.

Coefficients are E-arrays, the constant first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.contract import sum_of_ext_products
from proofward.field.extension import Ext, ext_add, ext_dot, powers, zeros
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

    W is cut into parts of k coefficients, so that a product has degree below 2 k - 1 and is found from values
    at 2 k points, which is less work than transforms of length k + K.
    """
    total = zeros(length)
    for first in range(0, len(products), _PRODUCTS_AT_ONCE):
        group = products[first : first + _PRODUCTS_AT_ONCE]
        inside, polynomials = np.stack([left for left, _ in group]), np.stack([right for _, right in group])
        k, dimension = inside.shape[2], polynomials.shape[2]
        left = values_of(intt(inside.reshape(-1, k)), 2 * k)
        parts = range(0, dimension, k)
        if first == 0:
            total = zeros(parts[-1] + 2 * k)
        for start in parts:
            part = polynomials[:, :, start : start + k]
            right = values_of(part.reshape(-1, part.shape[2]), 2 * k)
            values = sum_of_ext_products(left.reshape(-1, 2, 2 * k), right.reshape(-1, 2, 2 * k))
            span = slice(start, start + 2 * k)
            total[:, span] = ext_add(total[:, span], intt(values))
    return np.ascontiguousarray(total[:, :length])


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
