"""Multilinear tables on lists of integers."""

from __future__ import annotations

from typing import Any

from proofward.field.reference.extension import Pair, Planes, minus, pairs, planes, plus, times


def tensor_table(weights: list[Any]) -> Planes:
    """The tensor product of per-variable weights, the first variable the most significant bit."""
    table: list[Pair] = [(1, 0)]
    for low, high in reversed(weights):
        table = [times((w.c0, w.c1), entry) for w in (low, high) for entry in table]
    return planes(table)


def suffix_tables(weights: list[Any]) -> Planes:
    """The tensor products of the last 0 .. n variables one after another, behind one entry 0."""
    tables = [tensor_table(weights[len(weights) - last :]) for last in range(len(weights) + 1)]
    return planes([(0, 0), *(entry for table in tables for entry in pairs(table))])


def fold(table: Planes, challenge: Any) -> Planes:
    entries = pairs(table)
    half = len(entries) // 2
    if half == 0:
        raise ValueError(f"table of {len(entries)} entries has no variable to fix")
    r = (challenge.c0, challenge.c1)
    return planes(
        [plus(a, times(r, minus(b, a))) for a, b in zip(entries[:half], entries[half:], strict=True)]
    )


def evaluate(table: Any, point: list[Any]) -> Pair:
    """The multilinear extension of a table over F (a list) or E (two lists) at a point."""
    values: Planes = table if table and isinstance(table[0], list) else [table, [0] * len(table)]
    if len(values[0]) != 1 << len(point):
        raise ValueError(f"table of {len(values[0])} entries at a point of {len(point)} coordinates")
    for coordinate in point:
        values = fold(values, coordinate)
    return values[0][0], values[1][0]
