"""E-arrays as pairs of lists of integers; an element is a pair (c0, c1)."""

from __future__ import annotations

from typing import Any

from proofward.field.reference.goldilocks import P

Planes = list[list[int]]
Pair = tuple[int, int]


def times(a: Pair, b: Pair) -> Pair:
    """(a0 + a1 phi)(b0 + b1 phi), phi^2 = 7."""
    return (a[0] * b[0] + 7 * a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P


def plus(a: Pair, b: Pair) -> Pair:
    return (a[0] + b[0]) % P, (a[1] + b[1]) % P


def minus(a: Pair, b: Pair) -> Pair:
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


def pairs(planes: Planes) -> list[Pair]:
    """The elements of an E-array; ValueError unless it has two planes."""
    c0, c1 = planes
    return list(zip(c0, c1, strict=True))


def planes(elements: list[Pair]) -> Planes:
    """The E-array of elements."""
    return [[a for a, _ in elements], [b for _, b in elements]]


def total(elements: list[Pair]) -> Pair:
    return sum(a for a, _ in elements) % P, sum(b for _, b in elements) % P


def ext_mul(left: Planes, right: Planes) -> Planes:
    return planes([times(a, b) for a, b in zip(pairs(left), pairs(right), strict=True)])


def ext_scale(values: Planes, factor: Any) -> Planes:
    return planes([times(a, (factor.c0, factor.c1)) for a in pairs(values)])


def ext_add_scaled(target: Planes, values: Planes, factor: Any) -> Planes:
    scaled = pairs(ext_scale(values, factor))
    return planes([plus(a, b) for a, b in zip(pairs(target), scaled, strict=True)])


def ext_dot(left: Planes, right: Planes) -> Pair:
    return total([times(a, b) for a, b in zip(pairs(left), pairs(right), strict=True)])
