"""The audit of an anchor: does the ledger continue what a chain holds of it, and are the rounds the same?"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.chain.basics.anchor import Anchor, anchor_of
from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.errors import ChainError
from proofward.chain.relay import require_continued
from proofward.chain.seals import outcome_record
from proofward.chain.state.state_proof import AnchoredState, StateProof, proved_state
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.clock import in_utc
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.parties.checking.audit_verdict import AuditVerdict

NOBODY = "nobody"
MOST = 400


def anchor_verdicts(history: HistoryState, proof: StateProof) -> Iterator[AuditVerdict]:
    """Of what a proof shows: that the ledger continues it, and a verdict for every round that is anchored."""
    try:
        anchor, state = anchor_of(history), anchored_state(history, proof)
    except ChainError as error:
        yield AuditVerdict("anchor", "the ledger", _refusal(error))
        return
    yield AuditVerdict("anchor", "the ledger", detail=in_words(history, proof, state))
    for number, found in enumerate(state.outcomes, 1):
        yield _round(history, number, found)
    if state.gone:
        lost = [name for place, name in enumerate(anchor.names) if state.gone >> place & 1]
        yield AuditVerdict("anchor", "seats", detail=f"lost by contradicting themselves: {', '.join(lost)}")


def anchored_state(history: HistoryState, proof: StateProof) -> AnchoredState:
    """What a proof shows of this ledger.

    Raises ChainError unless it is of the ledger's anchor, and the ledger continues it.
    """
    anchor = anchor_of(history)
    _require_own(anchor, proof)
    state = proved_state(proof)
    if not state.deployed:
        expected = f"a contract at 0x{anchor.address.hex()} in block {state.block}"
        raise NotAnchored("the chain", expected, "none: this ledger is not anchored there")
    if state.log_split:
        raise NotAnchored("the log", "one history under its host's key", "two, as the chain has noted")
    require_continued(history, state)
    if state.closed > len(history.outcomes):
        raise NotAnchored("the ledger", f"{state.closed} rounds, as anchored", f"{len(history.outcomes)}")
    return state


def in_words(history: HistoryState, proof: StateProof, state: AnchoredState) -> str:
    """For people: how much of a ledger is anchored, where and by when."""
    rounds = f"{state.closed} round{'s' if state.closed > 1 else ''}" if state.closed else "no round"
    return (
        f"{state.size} of {history.size} entries and {rounds} anchored on chain {proof.chain_id} at "
        f"0x{proof.address.hex()}, by block {state.block} of {in_utc(state.timestamp)}, "
        f"hash 0x{state.block_hash.hex()}"
    )


def _require_own(anchor: Anchor, proof: StateProof) -> None:
    chain = anchor.domain.chain_id
    if proof.chain_id != chain:
        raise NotAnchored("the proof", f"one of chain {chain}, as the rules say", f"chain {proof.chain_id}")
    if proof.address != anchor.address:
        expected = f"of the contract 0x{anchor.address.hex()}, which follows from this ledger"
        raise NotAnchored("the proof", expected, f"of 0x{proof.address.hex()}")


def _round(history: HistoryState, number: int, found: bytes) -> AuditVerdict:
    record = outcome_record(history.outcomes[number])
    if record.struct_hash() == found:
        detail = f"{record.total_weight} records, model {record.next_model.hex()[:16]}"
        return AuditVerdict("anchor", f"round {number}", detail=detail)
    expected = f"the anchored outcome {found.hex()}"
    refusal = Refusal("anchor", NOBODY, expected, record.struct_hash().hex())
    return AuditVerdict("anchor", f"round {number}", refusal)


def _refusal(error: ChainError) -> Refusal:
    expected = describe(f"{error.subject}: {error.expected}", MOST)
    return Refusal("anchor", NOBODY, expected, describe(error.actual, MOST))


def unreadable(name: str, error: Exception) -> AuditVerdict:
    """What is said of a file that is no proof."""
    refusal = Refusal("anchor", NOBODY, "a proof of a chain's state", describe(str(error), MOST))
    return AuditVerdict("anchor", name, refusal)
