"""The one typed error for everything that comes from outside and is not accepted."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.catalogue.refusals import REFUSALS

TRANSPORT = "transport"


@dataclass(eq=True, unsafe_hash=True)
class Refusal(Exception):
    """`check` names the check that failed, `culprit` the member it speaks against (or "transport").

    expected and actual are short printable descriptions.
    """

    check: str
    culprit: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.check} ({self.culprit}): expected {self.expected}, found {self.actual}"

    @property
    def demand(self) -> str:
        """What the check demands, in a sentence; "" for a check that a proof's verifier names."""
        return REFUSALS.get(self.check, "")


class FederationHalted(Exception):
    """A party cannot go on: what it met, and whose fault it is; nothing more is sent by it."""

    def __init__(self, party: str, reason: Refusal) -> None:
        super().__init__(f"{party} halted: {reason}")
        self.party = party
        self.reason = reason


def describe(value: object, limit: int = 120) -> str:
    """Printable, bounded form of a value for `expected` and `actual`.

    Bytes are written in hexadecimal, and all but printable ASCII is escaped. Refusals are compared, so the
    form is the same with every interpreter.
    """
    several = isinstance(value, tuple | list | dict | set | frozenset)
    text = value.hex() if isinstance(value, bytes) else ascii(value) if several else str(value)
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def require(passed: bool, check: str, culprit: str, expected: object, actual: object) -> None:
    """Raises Refusal unless `passed`."""
    if not passed:
        raise Refusal(check, culprit, describe(expected), describe(actual))
