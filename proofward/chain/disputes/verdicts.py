"""Verdicts that anybody can refute: a verifier's word on an upload under its chain key, with the receipt.

The verifier verifies the proof again in its own process, which gives the receipt, and signs what its recorded
verdict says. Verification, receipt and signature are deterministic, so it never signs two different verdicts.
A proof that is refused before its columns are opened, or is larger than the contract reads, has no receipt.
"""

from __future__ import annotations

import hashlib

from proofward.chain.basics.anchor import anchor_of
from proofward.chain.contract.errors import ChainError
from proofward.chain.contract.keys import ChainKey, Signature
from proofward.chain.contract.typed_data import Verdict
from proofward.chain.disputes.receipt import Receipt, watched
from proofward.federation.history.proving.proofs import RelationProofs, judge_round
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.records.catalogue import Verdict as Said
from proofward.federation.messages.records.catalogue import VerdictReceipt
from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import TrainingError

NOTHING = bytes(32)


def typed_verdict(history: HistoryState, state: RoundState, said: Said, receipt: bytes) -> Verdict:
    """What the chain key signs of a verdict of this round. receipt: its bytes, b"" for none."""
    return Verdict(
        round=state.number,
        attempt=state.attempt,
        hospital=list(history.enrolled).index(said.hospital),
        upload=said.upload,
        accepted=said.accepted,
        finding=NOTHING if said.accepted else hashlib.sha256(said.check.encode()).digest(),
        receipt=Receipt.from_bytes(receipt).digest() if receipt else NOTHING,
    )


def receipt_bytes(history: HistoryState, objects: Objects, hospital: str) -> bytes:
    """The receipt of a hospital's proof in the round under way, b"" where there is none; raises Refusal."""
    try:
        job = round_job(history, objects, hospital)
    except TrainingError:
        return b""
    _, opened = watched(lambda: judge_round(RelationProofs(), job))
    try:
        return b"" if opened is None else Receipt.of(opened).to_bytes()
    except ChainError:
        return b""


def sealed_verdict(
    key: ChainKey, history: HistoryState, objects: Objects, name: str, hospital: str
) -> VerdictReceipt | None:
    """The message of a verifier on an upload that it has judged; None where there can be no anchor."""
    try:
        domain = anchor_of(history).domain
    except ChainError:
        return None
    said = history.round.verdicts[name, hospital]
    receipt = receipt_bytes(history, objects, hospital)
    seal = key.sign(domain.digest(typed_verdict(history, history.round, said, receipt)))
    return VerdictReceipt(hospital, said.upload, receipt, seal.to_bytes())


def verdict_holds(
    history: HistoryState,
    state: RoundState,
    name: str,
    record: VerdictReceipt,
    seats: tuple[bytes, ...] = (),
) -> bool:
    """Whether a recorded message of this round is signed by its sender's seat, over its verdict.

    seats: as a chain shows them, where one was given another key since.
    """
    anchor, said = anchor_of(history).as_seated(seats), state.verdicts[name, record.hospital]
    try:
        digest = anchor.domain.digest(typed_verdict(history, state, said, record.receipt))
        return Signature.from_bytes(record.seal).seat(digest) == anchor.seats[anchor.names.index(name)]
    except ChainError:
        return False
