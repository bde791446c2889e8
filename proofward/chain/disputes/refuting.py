"""A recorded verdict refuted: from the ledger and the proof's bytes to the transaction that costs the seat.

The proof is verified again, which gives the receipt that an honest verdict has. A verdict whose receipt has
another value for a column is refuted by executing that column (`dispute_column`); one that accepts, with the
honest receipt, a proof whose columns do not combine to its row, by evaluating the row there (`dispute_row`).
What else can be wrong with a verdict is said, and is for the verifiers, who have the proof.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

from proofward.chain.basics.abi import calldata
from proofward.chain.basics.anchor import anchor_of
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.errors import ReceiptInvalid
from proofward.chain.contract.keys import Seal, Signature
from proofward.chain.disputes.dispute import (
    dispute_arguments,
    first_difference,
    row_disagrees,
    row_dispute_arguments,
)
from proofward.chain.disputes.receipt import Receipt, watched
from proofward.chain.disputes.verdicts import typed_verdict, verdict_holds
from proofward.chain.nodes.node import Transaction
from proofward.federation.history.proving.proofs import Proofs, judge_round
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.records.catalogue import VerdictReceipt
from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import TrainingError
from proofward.proof.commitment.opened import OpenedColumns

HOLDS = "the proof gives this receipt"


@dataclass(frozen=True)
class Examined:
    """What a verdict for the chain comes to beside its proof.

    words: in a sentence. transaction: what refutes it, None where the contract has nothing to tell. seat: by
    number
    """

    round: int
    verifier: str
    hospital: str
    words: str
    seat: int
    transaction: Transaction | None = None

    @property
    def subject(self) -> str:
        """Whose verdict on whom, in which round."""
        return f"round {self.round}, {self.verifier} on {self.hospital}"


def opened_again(
    history: HistoryState, objects: Objects, proofs: Proofs, state: RoundState, hospital: str
) -> OpenedColumns | None:
    """The columns that a recorded proof opens; None where it is refused before. Raises Refusal.

    The round may be closed long since: what its statement needs is what the ledger had then.
    """
    then = copy(history)
    then.current = state
    try:
        job = round_job(then, objects, hospital)
    except TrainingError:
        return None
    return watched(lambda: judge_round(proofs, job))[1]


def examined(
    history: HistoryState,
    state: RoundState,
    verifier: str,
    said: VerdictReceipt,
    opened: OpenedColumns | None,
    seats: tuple[bytes, ...] = (),
) -> Examined:
    """A verdict beside what the proof opens; raises ChainError where there is no anchor.

    seats: see `verdict_holds`.
    """
    anchor = anchor_of(history)
    plain = Examined(state.number, verifier, said.hospital, HOLDS, anchor.names.index(verifier))
    if not verdict_holds(history, state, verifier, said, seats):
        return replace(plain, words="not signed by the seat's key, so that it binds nobody")
    if not said.receipt or opened is None:
        lacking = "the proof opens no columns" if said.receipt else "no receipt goes with it"
        return replace(plain, words=f"{lacking}, so that the contract has nothing to execute")
    try:
        own, other = Receipt.of(opened), Receipt.from_bytes(said.receipt)
    except ReceiptInvalid as error:
        return replace(plain, words=f"beyond what the contract reads ({error})")
    recorded = state.verdicts[verifier, said.hospital]
    signed = (
        typed_verdict(history, state, recorded, said.receipt),
        Seal(plain.seat, Signature.from_bytes(said.seal)),
    )
    difference = first_difference(own, other)
    if difference is None:
        position = row_disagrees(opened) if recorded.accepted else None
        if position is None:
            return plain
        function, arguments = "dispute_row", row_dispute_arguments(opened, other, position, *signed)
        words = "it accepts a proof whose row has another value at column"
    elif difference.executable:
        function, position = "dispute_column", difference.position
        arguments = dispute_arguments(opened, other, position, *signed)
        words = "it claims another value than the proof has for column"
    else:
        words = f"another receipt than the proof gives ({difference.what}), which verifiers have to look at"
        return replace(plain, words=words)
    data = calldata(anchor_artifact().abi, function, arguments)
    transaction = Transaction(f"{function}: {plain.subject}", anchor.address, data)
    return replace(plain, words=f"FALSE: {words} {own.claims[position][0]}", transaction=transaction)
