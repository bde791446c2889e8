"""Correlations of lists of integers."""

from __future__ import annotations

from proofward.field.reference.extension import Planes
from proofward.field.scalar import P


def correlated(values: Planes, factors: list[int]) -> Planes:
    """sum over j of factors[j] values[i + j], of entries that there are, by planes."""
    c0, c1 = ([_at(plane, factors, i) for i in range(len(plane))] for plane in values)
    return [c0, c1]


def _at(plane: list[int], factors: list[int], first: int) -> int:
    return sum(factor * value for factor, value in zip(factors, plane[first:], strict=False)) % P
