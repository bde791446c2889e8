"""Typed errors of the anchor. Each carries what was expected and what was found."""

from __future__ import annotations

from proofward.chain.contract.errors import ChainError


class ProofOfStateInvalid(ChainError):
    """Bytes are no proof of what a chain's state holds, or of another state."""


class NoAnchor(ChainError):
    """The ledger has no anchor on a chain, or cannot have one yet."""


class NotAnchored(ChainError):
    """The chain does not take a transaction, or the state that it shows does not fit the ledger."""


class ChainExtraMissing(Exception):
    """The packages that speak to a chain are not installed."""

    def __init__(self) -> None:
        super().__init__("speaking to a chain needs further packages: pip install 'proofward[chain]'")
