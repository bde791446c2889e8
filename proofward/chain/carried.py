"""Transactions for a chain, not signed, in a file: from a site without a network to somebody who has one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from proofward.chain.errors import NotAnchored
from proofward.chain.node import Transaction
from proofward.chain.state_proof import AnchoredState

FORMAT = "proofward/chain-transactions/v1"
MAX_FILE = 1 << 24
Carried = tuple[int, bytes, int, list[Transaction]]
"""Chain, contract's address, rounds and transactions of a file."""


def to_json(chain_id: int, address: bytes, rounds: int, due: Sequence[Transaction]) -> str:
    """The file's text. address: of the contract; rounds: how many outcomes a proof has to open."""
    told = {
        "format": FORMAT,
        "chain_id": chain_id,
        "contract": address.hex(),
        "rounds": rounds,
        "transactions": [
            {"what": one.what, "to": f"0x{one.to.hex()}", "value": "0x0", "data": f"0x{one.data.hex()}"}
            for one in due
        ],
    }
    return json.dumps(told, indent=1) + "\n"


def from_json(text: str) -> Carried:
    """Chain, contract, rounds and transactions of a file; raises NotAnchored."""
    try:
        told: dict[str, Any] = json.loads(text)
        if told["format"] != FORMAT or type(told["chain_id"]) is not int or type(told["rounds"]) is not int:
            raise ValueError(f"format {str(told['format'])[:60]!r}")
        due = [
            Transaction(str(one["what"]), _bytes(one["to"]), _bytes(one["data"]))
            for one in told["transactions"]
        ]
        return told["chain_id"], bytes.fromhex(told["contract"]), told["rounds"], due
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
        raise NotAnchored("the file", f"transactions of format {FORMAT}", found[:120]) from None


def still_due(due: Sequence[Transaction], state: AnchoredState) -> Iterator[Transaction]:
    """Those that the chain has not taken yet, so that a file may be sent again after an interruption.

    They go by the names that `relay.transactions` gives: the contract, then what belongs to a round.
    """
    for one in due:
        number = one.what.rpartition(" ")[2]
        taken = int(number) <= state.closed if number.isdecimal() else state.deployed
        if not taken:
            yield one


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
