"""Transactions for a chain, not signed, in a file: from a site without a network to somebody who has one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from proofward.chain.basics.abi import WORD, selector
from proofward.chain.basics.anchor import anchor_of
from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.nodes.node import Transaction
from proofward.chain.state.state_proof import MOST_SEATS, AnchoredState
from proofward.federation.history.state.history_state import HistoryState

FORMAT = "proofward/chain-transactions/v1"
MAX_FILE = 1 << 24
DISPUTES = "dispute_column", "dispute_row"
_ROUND, _PACKED, _SEAT = 3, 4, 7
"""Places of words in a call: the outcome's round, the offset of the weights, the seat behind a verdict."""


@dataclass(frozen=True)
class Carried:
    """What a file holds. contract: its address; rounds, seats: how many of them a proof has to open."""

    chain_id: int
    contract: bytes
    rounds: int
    seats: int
    due: list[Transaction]


def carried_of(history: HistoryState, due: Sequence[Transaction]) -> Carried:
    """Transactions of a ledger's anchor."""
    anchor, rounds = anchor_of(history), max(history.outcomes, default=0)
    return Carried(anchor.domain.chain_id, anchor.address, rounds, len(anchor.seats), list(due))


def to_json(carried: Carried) -> str:
    """The file's text."""
    told = {
        "format": FORMAT,
        "chain_id": carried.chain_id,
        "contract": carried.contract.hex(),
        "rounds": carried.rounds,
        "seats": carried.seats,
        "transactions": [
            {"what": one.what, "to": f"0x{one.to.hex()}", "value": "0x0", "data": f"0x{one.data.hex()}"}
            for one in carried.due
        ],
    }
    return json.dumps(told, indent=1) + "\n"


def from_json(text: str) -> Carried:
    """Inverse of `to_json`, also for files that name no seats; raises NotAnchored."""
    try:
        told: dict[str, Any] = json.loads(text)
        numbers = told["chain_id"], told["rounds"], told.get("seats", 0)
        if told["format"] != FORMAT or any(type(number) is not int for number in numbers):
            raise ValueError(f"format {str(told['format'])[:60]!r}")
        if not 0 <= numbers[2] <= MOST_SEATS:
            raise ValueError(f"{numbers[2]} seats")
        due = [
            Transaction(str(one["what"]), _bytes(one["to"]), _bytes(one["data"]))
            for one in told["transactions"]
        ]
        return Carried(numbers[0], bytes.fromhex(told["contract"]), numbers[1], numbers[2], due)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
        raise NotAnchored("the file", f"transactions of format {FORMAT}", found[:120]) from None


def is_there(one: Transaction, contract: bytes, state: AnchoredState) -> bool:
    """Whether the chain has taken this already, or gone beyond it, so that a file may be sent again.

    What a transaction does is read off its data, not off its name: it deploys the contract, sets weights,
    closes a round, or disputes a seat's verdict.
    """
    if one.to != contract:
        return state.deployed
    chosen, words = one.data[:4], one.data[4:]
    if chosen == _selector("close_round"):
        return 0 < _number(words, _ROUND) <= state.closed
    if chosen == _selector("set_weights"):
        at = _number(words, _PACKED) // WORD
        length = _number(words, at)
        packed = words[WORD * (at + 1) :][:length]
        said = _number(words, 0), words[WORD : 2 * WORD], keccak256(packed)
        return said == (state.size, state.root, state.weights) or 0 < said[0] < state.size
    if chosen in map(_selector, DISPUTES):
        seat = _number(words, _SEAT)
        return seat < 256 and bool(state.gone >> seat & 1)
    return False


@cache
def _selector(function: str) -> bytes:
    return selector(next(one for one in anchor_artifact().abi if one.get("name") == function))


def _number(words: bytes, place: int) -> int:
    return int.from_bytes(words[WORD * place :][:WORD], "big")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
