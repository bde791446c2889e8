"""Products of E-arrays with each other, and sums along one axis of many rows, on lists of integers."""

from __future__ import annotations

from proofward.field.reference.extension import Planes, pairs, plus, times, total

Rows = list[list[list[int]]]


def _by_row(planes: Rows) -> list[Planes]:
    """(2, R, W) as R pairs of planes."""
    c0, c1 = planes
    return [[a, b] for a, b in zip(c0, c1, strict=True)]


def ext_products(left: Rows, right: Rows) -> Rows:
    """(2, R, W) and (2, J, W) to (2, R, J)."""
    found = [
        [total([times(a, b) for a, b in zip(pairs(x), pairs(y), strict=True)]) for y in _by_row(right)]
        for x in _by_row(left)
    ]
    return [[[value[plane] for value in row] for row in found] for plane in range(2)]


def shifted_rows(rows: Rows, weights: Planes, places: list[list[int]], length: int) -> Rows:
    """out[r, y] = sum over (y, k, h) of weights[k] rows[r, h]."""
    taps, found = pairs(weights), []
    for row in _by_row(rows):
        values, out = pairs(row), [(0, 0)] * length
        for y, k, h in zip(*places, strict=True):
            if min(y, k, h) < 0:
                raise ValueError("a place below 0")
            out[y] = plus(out[y], times(taps[k], values[h]))
        found.append(out)
    return [[[value[plane] for value in row] for row in found] for plane in range(2)]
