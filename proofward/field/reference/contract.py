"""Sums of products of E-vectors with F-matrices and of E-arrays, on lists of integers."""

from __future__ import annotations

from proofward.field.reference.extension import Planes, ext_mul, pairs, planes, total
from proofward.field.reference.goldilocks import P

Matrix = list[list[int]]


def combine_rows(weights: Planes, rows: Matrix) -> Planes:
    if not rows:
        raise ValueError("no rows")
    columns = range(len(rows[0]))
    return [
        [sum(w * row[c] for w, row in zip(plane, rows, strict=True)) % P for c in columns]
        for plane in weights
    ]


def combine_columns(rows: Matrix, weights: Planes) -> Planes:
    return [[sum(w * v for w, v in zip(plane, row, strict=True)) % P for row in rows] for plane in weights]


def batched_combine_rows(weights: list[Matrix], tensor: list[Matrix]) -> list[Matrix]:
    """weights (2, T, B), tensor (T, B, C) to (2, T, C)."""
    steps = zip(*weights, tensor, strict=True)
    parts = [combine_rows([w0, w1], rows) for w0, w1, rows in steps]
    return [[part[plane] for part in parts] for plane in range(2)]


def sum_of_ext_products(left: list[Planes], right: list[Planes]) -> Planes:
    """left and right (R, 2, C) to (2, C)."""
    products = [pairs(ext_mul(a, b)) for a, b in zip(left, right, strict=True)]
    return planes([total(list(entries)) for entries in zip(*products, strict=True)])
