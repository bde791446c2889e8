"""What is sealed of a round for a chain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoundOutcome:
    """size, root: of the ledger up to and with the aggregate, whose envelope has the digest `aggregate`.

    hospitals: in the order of their admission, with `weights`; accepted: positions among them, ascending
    base_model, next_model, ciphertext_sum, update_sum: digests of objects; verdicts: of what verifiers said
    new_weights: whether the round before had other weights, or there is none
    """

    number: int
    attempt: int
    size: int
    root: bytes
    aggregate: bytes
    hospitals: tuple[str, ...]
    weights: tuple[int, ...]
    accepted: tuple[int, ...]
    beacon: bytes
    base_model: bytes
    next_model: bytes
    ciphertext_sum: bytes
    update_sum: bytes
    verdicts: bytes
    new_weights: bool

    @property
    def total_weight(self) -> int:
        """Of the accepted hospitals."""
        return sum(self.weights[place] for place in self.accepted)
