"""Errors of the encryption layer. Every one carries what was expected and what was found."""

from __future__ import annotations


class LatticeError(Exception):
    """Base of every error raised by `proofward.lattice`."""

    def __init__(self, message: str, expected: object, actual: object) -> None:
        super().__init__(f"{message}: expected {expected}, got {actual}")
        self.expected = expected
        self.actual = actual


class ArgumentRefused(LatticeError):
    """A shape, type or range of an argument is not admissible; `field` names the argument."""

    def __init__(self, field: str, expected: object, actual: object) -> None:
        super().__init__(field, expected, actual)
        self.field = field


class DecodingFailed(LatticeError):
    """The sum of ciphertexts and the sum of secrets do not belong together, or one of them was altered."""


class SharesInsufficient(LatticeError):
    """Fewer shares than the threshold needs."""


class SharesInconsistent(LatticeError):
    """More shares are wrong than the surplus of shares can identify."""


class SealBroken(LatticeError):
    """A sealed share does not open under the key of its pair."""


class ComplaintRefused(LatticeError):
    """A complaint does not show a fault of the dealer; `reason` says why."""

    def __init__(self, reason: str, expected: object, actual: object) -> None:
        super().__init__(reason, expected, actual)
        self.reason = reason
