"""F on (nested) lists of integers."""

from __future__ import annotations

from typing import Any

P = 2**64 - 2**32 + 1
Nested = Any  # an integer, or a list of Nested


def entrywise(operation: Any, left: Nested, right: Nested) -> Nested:
    """Apply an operation of two integers entry by entry."""
    if isinstance(left, int):
        return operation(left, right)
    if len(left) != len(right):
        raise ValueError(f"lengths {len(left)} and {len(right)}")
    return [entrywise(operation, a, b) for a, b in zip(left, right, strict=True)]


def add(left: Nested, right: Nested) -> Nested:
    return entrywise(lambda a, b: (a + b) % P, left, right)


def sub(left: Nested, right: Nested) -> Nested:
    return entrywise(lambda a, b: (a - b) % P, left, right)


def mul(left: Nested, right: Nested) -> Nested:
    return entrywise(lambda a, b: a * b % P, left, right)


def scale(values: Nested, factor: int) -> Nested:
    return values * factor % P if isinstance(values, int) else [scale(value, factor) for value in values]


def shift(values: Nested, constant: int) -> Nested:
    return (
        (values + constant) % P if isinstance(values, int) else [shift(value, constant) for value in values]
    )


def invert(values: Nested) -> Nested:
    return pow(values, -1, P) if isinstance(values, int) else [invert(value) for value in values]
