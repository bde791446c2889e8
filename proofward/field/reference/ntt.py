"""Transforms by their definition: values at the powers of a root of unity, in bit-reversed order."""

from __future__ import annotations

from proofward.field.reference.goldilocks import P

Rows = list[list[int]]


def bit_reversed(index: int, size: int) -> int:
    """The index with its bits in reverse order; size is a power of two."""
    return int(format(index, f"0{max(1, size.bit_length() - 1)}b")[::-1], 2) if size > 1 else 0


def _points(size: int, shift: int) -> list[int]:
    root = pow(7, (P - 1) // size, P)
    return [shift * pow(root, bit_reversed(i, size), P) % P for i in range(size)]


def _value(coefficients: list[int], point: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % P
    return value


def ntt(rows: Rows) -> Rows:
    return [[_value(row, point) for point in _points(len(row), 1)] for row in rows]


def intt(rows: Rows) -> Rows:
    result = []
    for row in rows:
        size = len(row)
        points = _points(size, 1)
        inverse = pow(size, -1, P)
        result.append(
            [
                sum(v * pow(x, -j, P) for v, x in zip(row, points, strict=True)) * inverse % P
                for j in range(size)
            ]
        )
    return result


def low_degree_extend(coefficients: Rows, size: int) -> Rows:
    points = _points(size, 7)
    return [[_value(row, point) for point in points] for row in coefficients]
