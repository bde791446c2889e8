"""The relayer: the anchor's transactions from the ledger alone. Anyone may send them, and none is trusted.

What is due follows from the ledger and from what the chain holds: the contract, the weights where they
changed, then every round that has enough seals, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from proofward.chain.basics.abi import calldata
from proofward.chain.basics.anchor import Anchor, anchor_of
from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import Seal
from proofward.chain.nodes.node import Node, Receipt, Transaction
from proofward.chain.seals import bitmap, outcome_record, packed_weights, seals_of
from proofward.chain.state.state_proof import AnchoredState, StateProof, proved_state, slots_for
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_outcome import RoundOutcome
from proofward.ledger.merkle_log import consistency_proof

DEPLOYMENT = "deploy"
NOTHING_YET = AnchoredState(0, bytes(32), 0, deployed=False)


def deployment(anchor: Anchor) -> Transaction:
    """The transaction that makes the contract, by the factory."""
    return Transaction(DEPLOYMENT, anchor.factory, anchor.deployment)


def transactions(history: HistoryState, state: AnchoredState) -> Iterator[Transaction]:
    """Everything that is due, in order.

    Raises NotAnchored where the ledger does not continue what is anchored.
    """
    anchor = anchor_of(history).as_seated(state.seats)
    if not state.deployed:
        yield deployment(anchor)
    require_continued(history, state)
    for number in range(state.closed + 1, max(history.outcomes, default=0) + 1):
        outcome = history.outcomes[number]
        digest = keccak256(packed_weights(outcome))
        found = seals_of(history, anchor, number, state.gone)
        if len(found.outcome) < anchor.quorum:
            return
        place = outcome.size, outcome.root
        if digest != state.weights:
            if len(found.weights) < anchor.quorum:
                return
            said = len(outcome.hospitals), packed_weights(outcome), _tuples(found.weights)
            shown = (*place, _proof(history, state, outcome), *said)
            yield _call(anchor, f"weights of round {number}", "set_weights", shown)
            state = replace(state, size=outcome.size, root=outcome.root, weights=digest)
        sums = outcome_record(outcome).as_tuple(), bitmap(outcome), packed_weights(outcome)
        arguments = (*place, _proof(history, state, outcome), *sums, _tuples(found.outcome))
        yield _call(anchor, f"round {number}", "close_round", arguments)
        state = replace(state, size=outcome.size, root=outcome.root, closed=number)


def _tuples(seals: Sequence[Seal]) -> list[tuple[int, ...]]:
    return [seal.as_tuple() for seal in seals]


def _proof(history: HistoryState, state: AnchoredState, outcome: RoundOutcome) -> list[bytes]:
    return consistency_proof(state.size, outcome.size, history.tree.node)


def _call(anchor: Anchor, what: str, function: str, arguments: tuple[object, ...]) -> Transaction:
    return Transaction(what, anchor.address, calldata(anchor_artifact().abi, function, arguments))


def require_continued(history: HistoryState, state: AnchoredState) -> None:
    """Raises NotAnchored unless the ledger continues the anchored one."""
    if state.size > history.size:
        raise NotAnchored("the ledger", f"{state.size} entries, as anchored", f"{history.size} entries")
    if state.size and history.roots[state.size] != state.root:
        expected = f"the anchored root {state.root.hex()} of {state.size} entries"
        raise NotAnchored("the ledger", expected, f"{history.roots[state.size].hex()}: it was rewritten")


def asked_proof(history: HistoryState, node: Node) -> StateProof:
    """What the chain holds for this ledger, as its node proves it; raises ChainError.

    A node on another chain than the rules name is not asked.
    """
    anchor = anchor_of(history)
    if node.chain_id != anchor.domain.chain_id:
        expected = f"number {anchor.domain.chain_id}, as the rules say"
        raise NotAnchored("the chain", expected, str(node.chain_id))
    return node.state_proof(anchor.address, slots_for(max(history.outcomes, default=0), len(anchor.seats)))


def state_of(history: HistoryState, node: Node) -> AnchoredState:
    """The same, read; raises ChainError."""
    return proved_state(asked_proof(history, node))


def relay(history: HistoryState, node: Node, only_deploy: bool = False) -> Iterator[Receipt]:
    """Sends what is due; raises ChainError."""
    node.settle()
    for transaction in transactions(history, state_of(history, node)):
        if only_deploy and transaction.what != DEPLOYMENT:
            return
        if transaction.what == DEPLOYMENT:
            if not node.has_code(transaction.to):
                expected = f"a factory of contracts at 0x{transaction.to.hex()}, see docs/chain.md"
                raise NotAnchored("the chain", expected, "nothing there")
            if node.has_code(anchor_of(history).address):
                continue  # there already, in a block that is not final yet
        yield node.send(transaction)
