"""Why evidence is not accepted, and why it could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=True, unsafe_hash=True)
class EvidenceRefused(Exception):
    """`check` is a name of the catalogue of refusals; expected and actual are short descriptions."""

    check: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.check}: expected {self.expected}, found {self.actual}"


class CannotVerify(Exception):
    """Nothing can be said of evidence here: the message names the extra that has to be installed."""


def in_words(value: object, limit: int = 120) -> str:
    """A short printable form: bytes in hexadecimal, all but printable ASCII escaped."""
    text = value.hex() if isinstance(value, bytes) else ascii(str(value))[1:-1]
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def demand(passed: bool, check: str, expected: object, actual: object) -> None:
    """Raises EvidenceRefused unless `passed`."""
    if not passed:
        raise EvidenceRefused(check, in_words(expected), in_words(actual))
