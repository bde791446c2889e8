"""The typed error of everything that parses bytes or fields."""

from __future__ import annotations


def printable(value: object, limit: int = 80) -> str:
    """Short printable form of any value: bytes in hexadecimal, everything cut to `limit` characters."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes {value[: limit // 4].hex()}{'...' if len(value) > limit // 4 else ''}"
    if type(value) is int and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, tuple | list | dict):
        return f"{type(value).__name__} of {len(value)}"
    text = ascii(value)  # the same with every interpreter
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


class OtherKind:
    """Marks errors about a file or a folder that is of another kind than was asked for: that is wrong use."""


class MalformedMessage(ValueError):
    """Bytes or a field that are not what the record says: which field, what was expected, what was found."""

    def __init__(self, field: str, expected: str, actual: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {actual}")
        self.field = field
        self.expected = expected
        self.actual = actual
