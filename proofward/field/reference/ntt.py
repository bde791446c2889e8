"""Transforms by their definition: values at the powers of a root of unity, in bit-reversed order.

Only `low_degree_extend`, most of the work of a verifier, splits polynomials into even and odd parts instead.
"""

from __future__ import annotations

from proofward.field.reference.goldilocks import P

Rows = list[list[int]]


def bit_reversed(index: int, size: int) -> int:
    """The index with its bits in reverse order; size is a power of two."""
    return int(format(index, f"0{max(1, size.bit_length() - 1)}b")[::-1], 2) if size > 1 else 0


def check_size(size: int) -> None:
    """ValueError unless a root of unity of this order exists and its powers can be bit-reversed."""
    if size < 1 or size & (size - 1) or size > 1 << 32:
        raise ValueError(f"expected a power of two up to 2^32, got {size}")


def _points(size: int) -> list[int]:
    check_size(size)
    root = pow(7, (P - 1) // size, P)
    return [pow(root, bit_reversed(i, size), P) for i in range(size)]


def _value(coefficients: list[int], point: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % P
    return value


def ntt(rows: Rows) -> Rows:
    return [[_value(row, point) for point in _points(len(row))] for row in rows]


def intt(rows: Rows) -> Rows:
    result = []
    for row in rows:
        size = len(row)
        points = _points(size)
        inverse = pow(size, -1, P)
        result.append(
            [
                sum(v * pow(x, -j, P) for v, x in zip(row, points, strict=True)) * inverse % P
                for j in range(size)
            ]
        )
    return result


def at_powers(coefficients: list[int], root: int) -> list[int]:
    """f(root^j) for j = 0 .. n - 1, root of order n = len(coefficients), a power of two.

    f(x) = even(x^2) + x odd(x^2), and root^(j + n/2) = -root^j.
    """
    half = len(coefficients) // 2
    if half == 0:
        return coefficients
    square = root * root % P
    even, odd = at_powers(coefficients[0::2], square), at_powers(coefficients[1::2], square)
    power = 1
    for j in range(half):
        odd[j] = odd[j] * power % P
        power = power * root % P
    return [(e + o) % P for e, o in zip(even, odd, strict=True)] + [
        (e - o) % P for e, o in zip(even, odd, strict=True)
    ]


def low_degree_extend(coefficients: Rows, size: int) -> Rows:
    """Values at 7 w^j; f(7 x) has the coefficients 7^i f_i."""
    check_size(size)
    root = pow(7, (P - 1) // size, P)
    result = []
    for row in coefficients:
        if len(row) > size:
            raise ValueError(f"{len(row)} coefficients, {size} points")
        stretched = [c * pow(7, i, P) % P for i, c in enumerate(row)] + [0] * (size - len(row))
        values = at_powers(stretched, root)
        result.append([values[bit_reversed(i, size)] for i in range(size)])
    return result
