"""Typed errors of what a contract is given. Each carries what was expected and what was found."""

from __future__ import annotations


class ChainError(Exception):
    """Base of the errors in `proofward.chain.contract`."""

    def __init__(self, subject: str, expected: str, actual: str) -> None:
        super().__init__(f"{subject}: expected {expected}, found {actual}")
        self.subject = subject
        self.expected = expected
        self.actual = actual


class ChainSignatureInvalid(ChainError):
    """A signature is no key's over this digest, or is not in the one encoding that it may have."""


class NotPackable(ChainError):
    """Weights or a set of hospitals have no form in words, or words are not in the one form."""


class ReceiptInvalid(ChainError):
    """Bytes are no receipt, or a receipt is larger than the contract's bounds."""
