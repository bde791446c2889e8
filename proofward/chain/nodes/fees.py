"""What a transaction may cost: the fee that a node names, within the payer's own bound.

A node can name any fee. Where blocks have a base fee (EIP-1559), the chain itself takes no more than base fee
and tip, whatever the sender allows; elsewhere the sender pays all that it allows. Both are refused above the
bound, and never is more allowed than the bound.
"""

from __future__ import annotations

from typing import Any

from proofward.chain.basics.errors import NotAnchored

GWEI = 10**9
USUAL_MOST = 100
"""Gwei for a unit of gas, unless the payer names another bound.

It is fixed, since all that could be asked for a better one is the node that is to be bounded.
"""
MOST_TIP = GWEI


def fees(what: str, block: dict[str, Any], price: int, most: int) -> dict[str, int]:
    """The fees of a transaction. block: the latest one; price, most: wei for a unit of gas.

    price is the node's. Raises NotAnchored where it is above the bound.
    """
    if "baseFeePerGas" not in block:
        _require_within(what, price, most)
        return {"gasPrice": price}
    base, tip = int(block["baseFeePerGas"], 16), min(price, MOST_TIP)
    _require_within(what, base + tip, most)
    return {"maxFeePerGas": min(2 * base + tip, most), "maxPriorityFeePerGas": tip}


def _require_within(what: str, named: int, most: int) -> None:
    if named > most:
        expected = f"a fee of at most {most / GWEI:g} gwei for a unit of gas (--max-fee allows another)"
        raise NotAnchored(what, expected, f"{named / GWEI:g} gwei, as the node names it: nothing was sent")
