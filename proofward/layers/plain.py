"""Plain values from outside as what they have to be: integers in a range, mappings with given keys."""

from __future__ import annotations

from collections.abc import Mapping

from proofward.layers.errors import ConfigurationError

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
