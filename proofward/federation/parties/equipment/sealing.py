"""A member with a seat on a chain: it says its chain key, and seals the outcome of every round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from proofward.federation.history.state.history_state import ANY_PHASE, HistoryState
from proofward.federation.history.steps.chain import binding_payload
from proofward.federation.messages.records.catalogue import ChainKeySaid, Message, RoundSeal, VerdictReceipt
from proofward.federation.storage.objects import Objects


class Sealer(Protocol):
    """A member's key on the chain, see `proofward.chain.seals`."""

    @property
    def curve(self) -> str:
        """Kind of the key."""
        ...

    @property
    def point(self) -> bytes:
        """The public key: x and y, 32 bytes each."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """ECDSA with SHA-256: r and s, 32 bytes each."""
        ...

    def seal(self, history: HistoryState, number: int) -> RoundSeal | None:
        """The seal of a round whose outcome is recorded; None where there can be no anchor."""
        ...

    def verdict(
        self, history: HistoryState, objects: Objects, name: str, hospital: str
    ) -> VerdictReceipt | None:
        """A verdict of the round under way for the chain; None where there can be no anchor."""
        ...


def unsealed_verdicts(name: str, sealer: Sealer | None, history: HistoryState) -> list[str]:
    """Hospitals on whose uploads a verifier owes the chain a verdict that it has said."""
    terms, state = history.rules.chain, history.current
    if sealer is None or terms is None or not terms.receipts or state is None or name not in terms.seats:
        return []
    if name not in history.chain_keys or history.chain_keys[name].record.key != sealer.point:
        return []
    return [about for by, about in state.verdicts if by == name and (name, about) not in state.receipts]


def owed_to_chain(name: str, sealer: Sealer | None, history: HistoryState) -> Iterator[Message]:
    """What a member owes for the anchor: its key, then a seal of every round that lacks its own."""
    terms = history.rules.chain
    if sealer is None or terms is None or name not in terms.seats or history.phase not in ANY_PHASE:
        return
    if name not in history.chain_keys:
        if history.current is None and not history.closed:
            payload = binding_payload(
                history.rules.digest, terms.chain_id, name, history.keys[name], sealer.curve
            )
            yield ChainKeySaid(sealer.curve, sealer.point, sealer.sign(payload))
        return
    if history.chain_keys[name].record.key != sealer.point:
        return
    for number in history.outcomes:
        if (number, name) not in history.seals and (seal := sealer.seal(history, number)) is not None:
            yield seal
