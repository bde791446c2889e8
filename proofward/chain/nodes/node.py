"""What the anchor needs of a chain, whoever speaks to it: its number, proofs of state, transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from proofward.chain.state.state_proof import StateProof


@dataclass(frozen=True)
class Transaction:
    """Not signed: what it is, to whom it goes, what it says."""

    what: str
    to: bytes
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """Of a transaction that the chain took."""

    what: str
    digest: bytes
    block: int
    gas: int


@dataclass(frozen=True)
class Tried:
    """What a transaction would come to now: the gas that it takes, and what the contract answers."""

    gas: int
    answer: bytes


class Node(Protocol):
    """Someone who speaks to a chain. Raises NotAnchored for what the chain refuses, with its reason."""

    @property
    def chain_id(self) -> int:
        """The chain's number."""
        ...

    def has_code(self, address: bytes) -> bool:
        """Whether a contract is there now."""
        ...

    def state_proof(self, address: bytes, slots: Sequence[bytes]) -> StateProof:
        """Of the block that counts: the last one that is final, unless it was agreed otherwise."""
        ...

    def tried(self, transaction: Transaction) -> Tried:
        """What a transaction would come to, which is not sent."""
        ...

    def settle(self) -> None:
        """Waits until all that the account has sent before, in calls that were interrupted, is in a block."""
        ...

    def send(self, transaction: Transaction) -> Receipt:
        """Sends a transaction, and returns when the chain has taken it."""
        ...
