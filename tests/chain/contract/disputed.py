"""A real proof of the preset wdbc, 90 rows, what its verifier has seen of it, and verdicts with receipts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from proofward.chain.contract.keys import Seal
from proofward.chain.contract.typed_data import Verdict
from proofward.chain.disputes.dispute import dispute_arguments, row_dispute_arguments
from proofward.chain.disputes.receipt import Receipt, watched
from proofward.field.scalar import P
from proofward.models import preset
from proofward.proof.commitment.opened import OpenedColumns
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.prove import verify_round
from proofward.relations.rules.config import RoundConfig
from tests.chain.contract.anchored import Anchored, digest, verdict
from tests.relations.cases import Case, make_case
from tests.vector_files import check, load


def wdbc() -> Case:
    """One hospital's round."""
    own = preset("wdbc")
    return make_case(RoundConfig(own.model, own.scales, own.training, own.clip_bound, 5, 2), rows=90)


def opened_of(case: Case, proof: bytes | None = None) -> tuple[object, OpenedColumns | None]:
    """What a verification comes to, and what it has opened."""
    made = case.result
    return watched(lambda: verify_round(case.statement, made.ciphertext, made.sealed_shares, proof or made.proof))


@dataclass(frozen=True)
class Disputed:
    """A proof's columns, the honest receipt, and one whose claim at a position is another."""

    opened: OpenedColumns
    receipt: Receipt

    def false_receipt(self, position: int, change: int = 1) -> Receipt:
        """With one value that is one more in its lower element."""
        claims = list(self.receipt.claims)
        column, value = claims[position]
        claims[position] = (column, value ^ change)
        return replace(self.receipt, claims=tuple(claims))

    def said(self, anchored: Anchored, receipt: Receipt, seat: int = 1) -> tuple[Verdict, Seal]:
        """A seat's accepting verdict with this receipt."""
        record = verdict(receipt=receipt.digest())
        return record, Seal(seat, anchored.keys[seat].sign(anchored.domain.digest(record)))


def without_training() -> Disputed:
    """Of a proof of a round without training, which is refused at the columns."""
    vector = next(one for one in load() if one.relation == "round" and one.name == "skipped training")
    outcome, opened = watched(lambda: check("round", vector.statement, vector.proof_bytes()))
    assert isinstance(outcome, ProofRejected) and outcome.check == "column queries" and opened is not None
    return Disputed(opened, Receipt.of(opened))


def column(anchored: Anchored, real: Disputed, receipt: Receipt, position: int) -> list[Any]:
    return list(dispute_arguments(real.opened, receipt, position, *real.said(anchored, receipt)))


def row(anchored: Anchored, real: Disputed, receipt: Receipt, position: int) -> list[Any]:
    return list(row_dispute_arguments(real.opened, receipt, position, *real.said(anchored, receipt)))


def made_by_hand(elements: list[int]) -> OpenedColumns:
    """A column of one tree of two leaves, whatever its elements are."""
    column, salt, other = np.array([elements], dtype=np.uint64), bytes(32), digest("other leaf")
    leaf = sha256(b"\0" + salt + column.astype("<u8").tobytes()).digest()
    root = sha256(b"\1" + leaf + other).digest()
    weights = np.ones((2, len(elements)), dtype=np.uint64)
    total = sum(elements) % P
    values = np.array([[total], [total]], dtype=np.uint64)
    return OpenedColumns([root], 1, [0], [weights], [column], [salt], values, None, lambda position: [[other]])
