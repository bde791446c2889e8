"""Plain values from outside as what they have to be: integers in a range, mappings with given keys."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from proofward.layers.basics.errors import ConfigurationError

MILLION = 10**6
"""Numbers that are no integers are counted in millionths."""

MOST_CLASSES = 64
"""Of a network's outputs, and of labels."""


def integer(field: str, value: object, low: int, high: int) -> int:
    """The value as an integer in [low, high]; raises ConfigurationError."""
    if type(value) is not int or not low <= value <= high:
        raise ConfigurationError(field, f"an integer in [{low}, {high}]", value)
    return value


def exactly(what: str, values: object, names: tuple[str, ...]) -> dict[str, object]:
    """A mapping with exactly these keys; raises ConfigurationError."""
    if not isinstance(values, Mapping) or set(values) != set(names):
        found = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
        raise ConfigurationError(what, f"a mapping with exactly the keys {sorted(names)}", found)
    return dict(values)


def millionths(value: object) -> int | None:
    """A number as people write it, in millionths; None for what is none, or no whole number of them.

    What a file gives as a float has one shortest decimal form, and that is meant.
    """
    if type(value) not in (int, float):
        return None
    exact = Decimal(repr(value))
    if not exact.is_finite() or abs(exact) > MILLION or exact * MILLION % 1:
        return None
    return int(exact * MILLION)


def shown(value: int) -> str:
    """A number of millionths as people write it."""
    return f"{value // MILLION}.{value % MILLION:06d}".rstrip("0").rstrip(".")
