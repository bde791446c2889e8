"""Polynomials over F as lists of integers, lowest degree first, and Gao's Reed-Solomon decoder."""

from __future__ import annotations

from collections.abc import Sequence

from proofward.lattice.parameters import MODULUS

Polynomial = list[int]


def trimmed(a: Polynomial) -> Polynomial:
    """Without leading zero coefficients; the zero polynomial is the empty list."""
    end = len(a)
    while end and a[end - 1] == 0:
        end -= 1
    return a[:end]


def evaluate(a: Sequence[int], x: int) -> int:
    """a(x) modulo P."""
    value = 0
    for coefficient in reversed(a):
        value = (value * x + coefficient) % MODULUS
    return value


def multiply(a: Polynomial, b: Polynomial) -> Polynomial:
    """a b; both trimmed."""
    if not a or not b:
        return []
    result = [0] * (len(a) + len(b) - 1)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            result[i + j] += left * right
    return [value % MODULUS for value in result]


def subtract(a: Polynomial, b: Polynomial) -> Polynomial:
    """a - b, trimmed."""
    length = max(len(a), len(b))
    left, right = a + [0] * (length - len(a)), b + [0] * (length - len(b))
    return trimmed([(x - y) % MODULUS for x, y in zip(left, right, strict=True)])


def divide(a: Polynomial, b: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Quotient and remainder of a by b, both trimmed; b is trimmed and not zero."""
    remainder, quotient = list(a), [0] * max(0, len(a) - len(b) + 1)
    inverse = pow(b[-1], -1, MODULUS)
    for shift in range(len(a) - len(b), -1, -1):
        factor = remainder[shift + len(b) - 1] * inverse % MODULUS
        quotient[shift] = factor
        if factor:
            for i, coefficient in enumerate(b):
                remainder[shift + i] = (remainder[shift + i] - factor * coefficient) % MODULUS
    return trimmed(quotient), trimmed(remainder)


def vanishing(points: Sequence[int]) -> Polynomial:
    """The product of X - x over all points."""
    result = [1]
    for x in points:
        result = [(low - x * high) % MODULUS for low, high in zip([0, *result], [*result, 0], strict=True)]
    return result


def interpolate(points: Sequence[int], values: Sequence[int]) -> Polynomial:
    """The polynomial of degree < len(points) with these values at distinct points (divided differences)."""
    table = list(values)
    for level in range(1, len(points)):
        for i in range(len(points) - 1, level - 1, -1):
            gap = (points[i] - points[i - level]) % MODULUS
            table[i] = (table[i] - table[i - 1]) * pow(gap, -1, MODULUS) % MODULUS
    result: Polynomial = []
    for x, coefficient in zip(reversed(points), reversed(table), strict=True):
        shifted = [0, *result]
        for i, value in enumerate(result):
            shifted[i] = (shifted[i] - x * value) % MODULUS
        shifted[0] = (shifted[0] + coefficient) % MODULUS
        result = shifted
    return trimmed(result)


def decode_reed_solomon(points: Sequence[int], values: Sequence[int], dimension: int) -> list[int] | None:
    """The places whose values are wrong, or None if no polynomial of degree < dimension is near enough.

    "Near enough" is at most (len(points) - dimension) / 2 wrong places, and then the polynomial is unique.
    The extended Euclidean algorithm on the vanishing and the interpolating polynomial stops at degree
    (len(points) + dimension) / 2; the remainder over the cofactor is the polynomial.
    """
    older, old = vanishing(points), interpolate(points, values)
    older_factor: Polynomial = []
    old_factor: Polynomial = [1]
    while 2 * (len(old) - 1) >= len(points) + dimension:
        quotient, remainder = divide(older, old)
        older, old = old, remainder
        older_factor, old_factor = old_factor, subtract(older_factor, multiply(quotient, old_factor))
    message, rest = divide(old, old_factor)
    if rest or len(message) > dimension:
        return None
    wrong = [i for i, (x, y) in enumerate(zip(points, values, strict=True)) if evaluate(message, x) != y]
    return wrong if 2 * len(wrong) <= len(points) - dimension else None
