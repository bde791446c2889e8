"""A seat given another key: asked for by its member, sealed by a quorum, executed by the contract.

A request is a file. Its member signs it twice, with the new chain key and with the Ed25519 key that the
ledger has of it now, over the consortium, the chain, the number of the replacement and the chain's roster:

    payload = H(label, consortium, chain, member, key, curve, point, number, roster)
    roster' = H(label, roster, SHA-256(payload || proof || signature))

Each seal is a seat's signature over (number, seat, new key, roster'), so a request is good for one
replacement, in the state that it was made for. The contract takes it with a quorum of the present seats.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proofward.chain.basics.abi import calldata
from proofward.chain.basics.anchor import Anchor, anchor_of, point_of, seat_of
from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.errors import ChainError
from proofward.chain.contract.keys import ChainKey, Seal, Signature
from proofward.chain.contract.typed_data import Replacement
from proofward.chain.nodes.node import Transaction
from proofward.chain.seals import KeySealer
from proofward.chain.state.state_proof import AnchoredState
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.chain import is_signed
from proofward.federation.messages.basics.refusal import describe
from proofward.federation.messages.beacon import hash_parts
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

FORMAT = "proofward/chain-seat/v1"
MAX_FILE = 1 << 18
_LABEL, _CONTEXT = b"proofward/chain-seat/v1", b"chain-seat"
_BYTES = ("consortium", "point", "roster", "proof", "signature")


@dataclass(frozen=True)
class SeatRequest:
    """See the module. proof: of the new key, r and s. seals: by the names of those who have sealed."""

    consortium: bytes
    member: str
    curve: str
    point: bytes
    number: int
    roster: bytes
    proof: bytes = b""
    signature: bytes = b""
    seals: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def seat(self) -> bytes:
        """What the contract is to have in place of the present key."""
        return seat_of(self.curve, self.point)

    def payload(self, chain_id: int, key: bytes) -> bytes:
        """What is signed. key: the member's Ed25519 key."""
        numbers = chain_id.to_bytes(8, "big"), self.number.to_bytes(8, "big")
        texts = self.member.encode(), key, self.curve.encode()
        return hash_parts(_LABEL, self.consortium, numbers[0], *texts, self.point, numbers[1], self.roster)

    def next_roster(self, payload: bytes) -> bytes:
        """The digest that the contract then has."""
        said = hashlib.sha256(payload + self.proof + self.signature).digest()
        return hash_parts(_LABEL, self.roster, said)

    def to_json(self) -> str:
        """The file's text."""
        told = {"format": FORMAT, "member": self.member, "curve": self.curve, "number": self.number}
        plain = {name: getattr(self, name).hex() for name in _BYTES}
        seals = {"seals": {name: seal.hex() for name, seal in self.seals.items()}}
        return json.dumps({**told, **plain, **seals}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> SeatRequest:
        """Inverse of `to_json`; raises NotAnchored."""
        try:
            told: dict[str, Any] = json.loads(text)
            number = told["number"]
            if told["format"] != FORMAT or type(number) is not int or not 0 <= number < 1 << 63:
                raise ValueError(f"format {str(told['format'])[:60]!r}")
            seals = {str(name): bytes.fromhex(seal) for name, seal in told["seals"].items()}
            values = {name: bytes.fromhex(told[name]) for name in _BYTES}
            return cls(
                member=str(told["member"]), curve=str(told["curve"]), number=number, seals=seals, **values
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            found = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
            raise NotAnchored("the file", f"a request of format {FORMAT}", found[:120]) from None


def present_anchor(history: HistoryState, state: AnchoredState) -> Anchor:
    """The anchor with the seats' present keys; raises NotAnchored where the chain has not shown them."""
    anchor = anchor_of(history)
    if not state.deployed:
        raise NotAnchored("the chain", f"a contract at 0x{anchor.address.hex()}", "none yet")
    if len(state.seats) != len(anchor.seats):
        expected = "one that shows the seats, as `chain verify --proof` writes it"
        raise NotAnchored("the proof of the chain", expected, "none of them")
    return anchor.as_seated(state.seats)


def request(
    history: HistoryState, state: AnchoredState, member: str, new: ChainKey, key: SigningKey
) -> SeatRequest:
    """A member's request to have a new key in its seat; raises NotAnchored."""
    anchor = present_anchor(history, state)
    made = SeatRequest(
        history.rules.digest, member, new.kind, point_of(new), state.replacements, state.roster
    )
    payload = made.payload(anchor.domain.chain_id, key.public.raw)
    made = replace(made, proof=KeySealer(new).sign(payload), signature=sign(payload, key, _CONTEXT))
    checked(history, state, made)
    return made


def checked(history: HistoryState, state: AnchoredState, asked: SeatRequest) -> tuple[Anchor, Replacement]:
    """What a seat seals of a request, once it is found to be in order; raises NotAnchored."""
    anchor, member = present_anchor(history, state), asked.member
    own, names = history.rules.digest, ", ".join(anchor.names)
    _require(asked.consortium == own, "consortium", own.hex(), asked.consortium)
    _require(member in anchor.names, "member", f"one of {names}", member)
    place = anchor.names.index(member)
    _require(not state.gone >> place & 1, "seat", "one that is not lost", f"that of {member}, which is")
    now = f"replacement {state.replacements}, roster {state.roster.hex()}"
    said = f"replacement {asked.number}, roster {asked.roster.hex()}: make a new request"
    _require((asked.number, asked.roster) == (state.replacements, state.roster), "chain", now, said)
    kinds = " or ".join(CHAIN_KEY_KINDS)
    _require(asked.curve in CHAIN_KEY_KINDS, "kind of key", kinds, asked.curve)
    payload = asked.payload(anchor.domain.chain_id, history.keys[member])
    lengths = len(asked.point), len(asked.proof)
    proved = lengths == (64, 64) and is_signed(asked.curve, asked.point, payload, asked.proof)
    _require(proved, "new key", "its signature over the request", "another")
    try:
        verify(payload, asked.signature, PublicKey.known(history.keys[member]), _CONTEXT)
    except SignatureInvalid as error:
        raise NotAnchored("request", f"a signature by {member}", "another") from error
    _require(asked.seat not in anchor.seats, "new key", "one that no seat has", "one that has a seat")
    return anchor, Replacement(asked.number, place, asked.seat, asked.next_roster(payload))


def sealed(
    history: HistoryState, state: AnchoredState, asked: SeatRequest, name: str, key: ChainKey
) -> SeatRequest:
    """The request with the seal of another seat; raises NotAnchored."""
    anchor, record = checked(history, state, asked)
    seats = dict(zip(anchor.names, anchor.seats, strict=True))
    _require(seats.get(name) == key.seat, "chain key", f"the one that has the seat of {name}", "another")
    seal = key.sign(anchor.domain.digest(record)).to_bytes()
    return replace(asked, seals={**asked.seals, name: seal})


def good_seals(
    history: HistoryState, state: AnchoredState, asked: SeatRequest
) -> tuple[Anchor, Replacement, list[Seal]]:
    """The seals that count; raises NotAnchored for a request that is not in order."""
    anchor, record = checked(history, state, asked)
    digest, found = anchor.domain.digest(record), []
    for place, name in enumerate(anchor.names):
        if name not in asked.seals or state.gone >> place & 1:
            continue
        try:
            signature = Signature.from_bytes(asked.seals[name])
            if signature.seat(digest) == anchor.seats[place]:
                found.append(Seal(place, signature))
        except ChainError:
            continue
    return anchor, record, found


def replacement(history: HistoryState, state: AnchoredState, asked: SeatRequest) -> Transaction:
    """The transaction; raises NotAnchored with fewer seals than a quorum."""
    anchor, record, seals = good_seals(history, state, asked)
    _require(len(seals) >= anchor.quorum, "seals", f"{anchor.quorum} that count", str(len(seals)))
    arguments = (record.seat, record.key, record.roster, [seal.as_tuple() for seal in seals])
    data = calldata(anchor_artifact().abi, "replace_seat", arguments)
    return Transaction(f"replace_seat: {asked.member}", anchor.address, data)


def _require(holds: bool, subject: str, expected: str, found: str | bytes) -> None:
    if not holds:
        raise NotAnchored(subject, expected, describe(found, 200))
