"""Seals of a round: made by a member's chain key, and those of a ledger that count."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from proofward.chain.basics.anchor import Anchor, anchor_of, point_of
from proofward.chain.contract.errors import ChainError
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import ChainKey, Seal, Signature
from proofward.chain.contract.packing import pack_bitmap, pack_weights
from proofward.chain.contract.typed_data import Outcome, TypedRecord, Weights
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_outcome import RoundOutcome
from proofward.federation.messages.records.catalogue import RoundSeal, VerdictReceipt
from proofward.federation.storage.objects import Objects


def packed_weights(outcome: RoundOutcome) -> bytes:
    """The weights of all hospitals, as the contract reads them."""
    return pack_weights(outcome.weights)


def bitmap(outcome: RoundOutcome) -> bytes:
    """The accepted set, as the contract reads it."""
    return pack_bitmap(outcome.accepted, len(outcome.hospitals))


def outcome_record(outcome: RoundOutcome) -> Outcome:
    """What is sealed of a round."""
    return Outcome(
        size=outcome.size,
        root=outcome.root,
        accepted=keccak256(bitmap(outcome)),
        weights=keccak256(packed_weights(outcome)),
        round=outcome.number,
        attempt=outcome.attempt,
        beacon=outcome.beacon,
        base_model=outcome.base_model,
        next_model=outcome.next_model,
        ciphertext_sum=outcome.ciphertext_sum,
        update_sum=outcome.update_sum,
        verdicts=outcome.verdicts,
        total_weight=outcome.total_weight,
    )


def weights_record(outcome: RoundOutcome) -> Weights:
    """What is sealed of the hospitals' weights."""
    digest = keccak256(packed_weights(outcome))
    return Weights(outcome.size, outcome.root, len(outcome.hospitals), digest)


class KeySealer:
    """A member's chain key at work, see `federation.parties.sealing.Sealer`."""

    def __init__(self, key: ChainKey) -> None:
        self._key = key

    @property
    def curve(self) -> str:
        """See Sealer."""
        return self._key.kind

    @property
    def point(self) -> bytes:
        """See Sealer."""
        return point_of(self._key)

    def sign(self, payload: bytes) -> bytes:
        """See Sealer."""
        made = self._key.sign(hashlib.sha256(payload).digest())
        return made.r.to_bytes(32, "big") + made.s.to_bytes(32, "big")

    def seal(self, history: HistoryState, number: int) -> RoundSeal | None:
        """See Sealer."""
        outcome = history.outcomes[number]
        try:
            anchor = anchor_of(history)
            weights = self._signed(anchor, weights_record(outcome)) if outcome.new_weights else b""
            sealed = self._signed(anchor, outcome_record(outcome))
            return RoundSeal(number, outcome.aggregate, weights, sealed)
        except ChainError:
            return None

    def verdict(
        self, history: HistoryState, objects: Objects, name: str, hospital: str
    ) -> VerdictReceipt | None:
        """See Sealer."""
        from proofward.chain.disputes.verdicts import sealed_verdict

        return sealed_verdict(self._key, history, objects, name, hospital)

    def _signed(self, anchor: Anchor, record: TypedRecord) -> bytes:
        return self._key.sign(anchor.domain.digest(record)).to_bytes()


@dataclass(frozen=True)
class RoundSeals:
    """Of one round: seals that count, over the weights and over the outcome.

    ignored: why others do not, by member
    """

    weights: tuple[Seal, ...]
    outcome: tuple[Seal, ...]
    ignored: dict[str, str]


def seals_of(history: HistoryState, anchor: Anchor, number: int, gone: int = 0) -> RoundSeals:
    """The seals of a round on record. gone: bit i is set where seat i is lost on the chain."""
    outcome = history.outcomes[number]
    sealed, weighed = outcome_record(outcome), weights_record(outcome)
    weights: list[Seal] = []
    outcomes: list[Seal] = []
    ignored: dict[str, str] = {}
    for place, name in enumerate(anchor.names):
        said = history.seals.get((number, name))
        if said is None:
            continue
        if gone >> place & 1:
            ignored[name] = "its seat is lost on the chain"
            continue
        try:
            own = _checked(anchor, place, said.outcome, sealed)
            over = [_checked(anchor, place, said.weights, weighed)] if outcome.new_weights else []
        except ChainError as error:
            ignored[name] = str(error)
            continue
        outcomes.append(own)
        weights += over
    return RoundSeals(tuple(weights), tuple(outcomes), ignored)


def _checked(anchor: Anchor, place: int, data: bytes, record: TypedRecord) -> Seal:
    """The seal of the seat at that place; raises ChainError."""
    signature = Signature.from_bytes(data)
    found = signature.seat(anchor.domain.digest(record))
    if found != anchor.seats[place]:
        raise ChainError("seal", f"one of seat {anchor.seats[place].hex()}", f"one of {found.hex()}")
    return Seal(place, signature)
