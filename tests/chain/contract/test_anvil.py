"""The contract on a real node: the same gas as in one process, and seats of P-256 under Osaka's rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proofward.chain.contract.keys import P256_ORDER
from proofward.chain.contract.typed_data import Checkpoint
from proofward.chain.disputes.dispute import dispute_arguments, row_disagrees, row_dispute_arguments
from proofward.federation.messages.consortium.usual import P256, SECP256K1
from tests.chain.contract.anchored import Anchored, refused
from tests.chain.contract.anvil import ANVIL, WITHOUT, AnvilChain
from tests.chain.contract.disputed import without_training

pytestmark = [pytest.mark.slow, pytest.mark.skipif(ANVIL is None, reason=WITHOUT)]


@pytest.fixture(scope="module")
def node() -> Iterator[AnvilChain]:
    chain = AnvilChain()
    yield chain
    chain.stop()


def rounds(anchored: Anchored) -> list[int]:
    """Gas of what a consortium sends."""
    weights = [100, 200, 300, 0, 500]
    done = [anchored.anchor(3), anchored.set_weights(20, weights), anchored.anchor(31)]
    done += [anchored.close_round(size, weights, (0, 1, 4)) for size in (40, 77)]
    return [anchored.gas, *(one.gas for one in done)]


def test_a_node_takes_the_gas_of_the_chain_in_one_process(node: AnvilChain):
    there, here = Anchored(chain=node), Anchored()
    on_a_node, in_one_process = rounds(there), rounds(here)
    # the contract's address is part of the signed data: signatures differ, and with them the zeros in the calldata
    assert on_a_node == pytest.approx(in_one_process, abs=200)
    assert there.get("closed") == 2


def test_a_quorum_of_p256_seals_with_the_precompile_of_osaka(node: AnvilChain):
    anchored = Anchored(kinds=(P256, SECP256K1, P256), chain=node)
    anchored.anchor(5, seals=anchored.seals(Checkpoint(5, anchored.log.root(5)), 0, 2))
    assert anchored.get("size") == 5
    record = Checkpoint(9, anchored.log.root(9))
    first, (seat, v, r, s, x, y) = anchored.seals(record, 1, 0)
    for wrong in ((seat, v, r, P256_ORDER - s, x, y), (seat, v, r ^ 1, s, x, y), (seat, v, r, s, x ^ 1, y)):
        with refused("signature"):
            anchored.get("anchor", *anchored.place(9), [first, wrong])
    anchored.anchor(9, seals=[first, (seat, v, r, s, x, y)])


def test_a_node_refuses_a_history_that_every_seat_has_rewritten(node: AnvilChain):
    anchored = Anchored(chain=node)
    anchored.anchor(20)
    record = Checkpoint(12, anchored.log.root(12))
    with refused("consistency"):
        anchored.get("anchor", 12, record.root, [], anchored.seals(record, 0, 1, 2))


def test_a_node_takes_the_seat_of_who_accepts_a_round_without_training(node: AnvilChain):
    anchored, forged = Anchored(chain=node), without_training()
    position = row_disagrees(forged.opened)
    assert position is not None
    honest, false = forged.receipt, forged.false_receipt(position)
    said = forged.said(anchored, honest)
    assert anchored.get("dispute_column", *dispute_arguments(forged.opened, honest, position, *said)) is False
    assert anchored.get("dispute_row", *row_dispute_arguments(forged.opened, honest, position, *said)) is True
    lied = forged.said(anchored, false, seat=2)
    done = anchored.send("dispute_column", *dispute_arguments(forged.opened, false, position, *lied))
    assert done.answer is True and done.gas < 300_000 and anchored.get("gone") == 0b100
