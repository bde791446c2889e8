"""What a node may name as a fee, and what is allowed of it."""

from __future__ import annotations

import pytest

from proofward.chain.basics.errors import NotAnchored
from proofward.chain.nodes.fees import GWEI, MOST_TIP, USUAL_MOST, fees

MOST = USUAL_MOST * GWEI


@pytest.mark.parametrize(
    ("base", "price", "allowed"),
    [(7, 9, 23), (7, 5 * GWEI, 14 + MOST_TIP), (MOST - MOST_TIP, MOST, MOST), (MOST - 1, 1, MOST)],
)
def test_no_more_is_allowed_than_the_bound(base: int, price: int, allowed: int) -> None:
    told = fees("round 1", {"baseFeePerGas": hex(base)}, price, MOST)
    assert told == {"maxFeePerGas": allowed, "maxPriorityFeePerGas": min(price, MOST_TIP)}
    assert told["maxFeePerGas"] <= MOST


@pytest.mark.parametrize("block", [{}, {"baseFeePerGas": hex(MOST)}])
def test_a_node_that_names_more_is_refused_in_words(block: dict[str, str]) -> None:
    with pytest.raises(NotAnchored, match=r"round 1: expected a fee of at most 100 gwei .*--max-fee.*found 10[01]"):
        fees("round 1", block, MOST + 1, MOST)


def test_without_a_base_fee_the_named_price_is_paid() -> None:
    assert fees("deploy", {}, MOST, MOST) == {"gasPrice": MOST}
