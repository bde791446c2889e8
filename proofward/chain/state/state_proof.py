"""What the anchor holds at one block of a chain, proved: a header, an account, and words of its storage.

    Keccak-256(header) is the block's hash     the header has the root of the state
    account = (.., root of the storage, ..)    under Keccak-256(address) in the tree of the state
    word                                       under Keccak-256(slot) in the tree of the storage

The proof is a file, and is checked without a network and without any package. That the block is one of the
chain, and final, is not in it: its hash is shown, to be compared with what a node that is trusted says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from proofward.chain.basics.errors import ProofOfStateInvalid
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.state.rlp import rlp_decode
from proofward.chain.state.state_trie import value_at

FORMAT = "proofward/chain-proof/v1"
MAX_FILE = 1 << 24
_NAMES = ("size", "root", "closed", "model", "weights", "gone", "log_split")
_OF_SEATS = ("roster", "replacements")
MOST_SEATS = 64
_STATE_ROOT, _NUMBER, _TIMESTAMP = 3, 8, 11


@dataclass(frozen=True)
class StateProof:
    """Of one contract at one block. storage: nodes by slot."""

    chain_id: int
    address: bytes
    header: bytes
    account: tuple[bytes, ...]
    storage: dict[bytes, tuple[bytes, ...]]

    def to_json(self) -> str:
        """The file's text."""
        told = {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "address": self.address.hex(),
            "header": self.header.hex(),
            "account": [node.hex() for node in self.account],
            "storage": {slot.hex(): [node.hex() for node in nodes] for slot, nodes in self.storage.items()},
        }
        return json.dumps(told, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> StateProof:
        """Inverse of `to_json`; raises ProofOfStateInvalid."""
        try:
            told: dict[str, Any] = json.loads(text)
            if told["format"] != FORMAT or type(told["chain_id"]) is not int:
                raise ValueError(f"format {str(told['format'])[:60]!r}")
            storage = {bytes.fromhex(slot): _nodes(nodes) for slot, nodes in told["storage"].items()}
            places = bytes.fromhex(told["address"]), bytes.fromhex(told["header"])
            return cls(told["chain_id"], *places, _nodes(told["account"]), storage)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            found = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
            raise ProofOfStateInvalid("the file", f"a proof of format {FORMAT}", found[:120]) from None


def _nodes(texts: Any) -> tuple[bytes, ...]:
    if not isinstance(texts, list):
        raise TypeError("a list of nodes")
    return tuple(bytes.fromhex(text) for text in texts)


@dataclass(frozen=True)
class AnchoredState:
    """What the contract holds. deployed: whether there is one; outcomes: by round, where there is one.

    closed: how many rounds; gone: bit i is set where seat i is lost

    seats: whose keys they are now, () where the proof does not show it; replacements: how often a seat was
    given another key, and roster: the digest of who has which, b"" where the proof does not show it
    """

    block: int
    block_hash: bytes
    timestamp: int
    deployed: bool
    size: int = 0
    root: bytes = bytes(32)
    closed: int = 0
    model: bytes = bytes(32)
    weights: bytes = bytes(32)
    gone: int = 0
    log_split: bool = False
    outcomes: tuple[bytes, ...] = ()
    seats: tuple[bytes, ...] = ()
    replacements: int = 0
    roster: bytes = b""


def slots_for(rounds: int, seats: int = 0) -> list[bytes]:
    """The slots that a proof opens: the contract's values, the outcomes of so many rounds, so many seats.

    seats: 0 where nobody asks whose keys have the seats now.
    """
    artifact = anchor_artifact()
    outcomes = [artifact.slot_of("outcomes", number) for number in range(1, rounds + 1)]
    of_seats = [*map(artifact.slot, _OF_SEATS), *_seat_slots(seats)] if seats else []
    return [*map(artifact.slot, _NAMES), *outcomes, *of_seats]


def _seat_slots(seats: int) -> list[bytes]:
    """Vyper keeps an array's length in its slot, and its elements behind it."""
    first = anchor_artifact().slots["seats"] + 1
    return [(first + place).to_bytes(32, "big") for place in range(seats)]


def proved_state(proof: StateProof) -> AnchoredState:
    """What a proof shows; raises ProofOfStateInvalid unless it shows all of it."""
    header = rlp_decode(proof.header)
    fields = [part for part in header if isinstance(part, bytes)] if isinstance(header, list) else []
    if len(fields) < 15 or len(fields) != len(header):
        raise ProofOfStateInvalid("header", "the fields of a block's header", f"{len(proof.header)} bytes")
    number, timestamp = (int.from_bytes(fields[place], "big") for place in (_NUMBER, _TIMESTAMP))
    block = number, keccak256(proof.header), timestamp
    found = value_at(fields[_STATE_ROOT], proof.address, proof.account)
    if found is None:
        return AnchoredState(*block, deployed=False)
    account = rlp_decode(found)
    if not isinstance(account, list) or len(account) != 4 or not isinstance(account[2], bytes):
        raise ProofOfStateInvalid("account", "nonce, balance, root and code", found.hex()[:80])
    root, artifact = account[2], anchor_artifact()

    def word(slot: bytes) -> bytes:
        if slot not in proof.storage:
            raise ProofOfStateInvalid("storage", f"a proof of slot {slot.hex()}", "none")
        stored = value_at(root, slot, proof.storage[slot])
        return _word(stored)

    size, log_root, closed, model, weights, gone, split = (word(artifact.slot(name)) for name in _NAMES)
    count = int.from_bytes(closed, "big")
    if count > len(proof.storage):
        raise ProofOfStateInvalid("storage", f"the outcomes of {count} rounds", f"{len(proof.storage)} slots")
    shown = list(takewhile(proof.storage.__contains__, _seat_slots(MOST_SEATS)))
    roster, replaced = (artifact.slot(name) for name in _OF_SEATS)
    return AnchoredState(
        *block,
        deployed=account[3] != keccak256(b""),
        size=int.from_bytes(size, "big"),
        root=log_root,
        closed=count,
        model=model,
        weights=weights,
        gone=int.from_bytes(gone, "big"),
        log_split=any(split),
        outcomes=tuple(word(artifact.slot_of("outcomes", number)) for number in range(1, count + 1)),
        seats=tuple(map(word, shown)),
        replacements=int.from_bytes(word(replaced), "big") if shown else 0,
        roster=word(roster) if shown else b"",
    )


def _word(stored: bytes | None) -> bytes:
    """A word of the storage, which holds it as RLP without leading zeros."""
    if stored is None:
        return bytes(32)
    item = rlp_decode(stored)
    if not isinstance(item, bytes) or len(item) > 32:
        raise ProofOfStateInvalid("storage", "a word", stored.hex()[:80])
    return item.rjust(32, b"\0")
