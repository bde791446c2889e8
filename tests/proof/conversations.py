"""Conversations of the toy relation under fixed coins, for the tests of zero knowledge."""

from __future__ import annotations

import numpy as np

from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import ExtensionRows
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter
from proofward.proof.prover import Prover
from proofward.proof.transcript import Coins
from tests.proof.tableaux import tableau_rows
from tests.proof.toy import LOG_SIZE, seeded, toy
from tests.proof.uniformity import COINS, Sample

CODE = CodeParameters(log_k=6, log_n=9, queries=40, openings=1)
PLAN = Counter(Ligero(CODE)).run(lambda party: toy(party, None))
ROWS = ExtensionRows(CODE.log_k, PLAN.pads, PLAN.products)
WITNESS_ROWS = tableau_rows(PLAN)[1] - 2 * ROWS.count
MANY, FEW = 40, 12

Witness = tuple[np.ndarray, ...]


def witness(kind: str) -> Witness:
    """All zero, or as large as the ranges allow."""
    size = 1 << LOG_SIZE
    a, b = (np.zeros(size, np.int64),) * 2 if kind == "zeros" else (np.full(size, 63), np.full(size, -8))
    return a, b, a * b, b**2


def conversation(known: Witness, seed: int, prover: type[Prover] = Prover) -> bytes:
    party = prover(Coins(COINS), PLAN, seeded(seed))
    return party.run(lambda own: toy(own, known))


def sample_of(known: Witness, count: int, prover: type[Prover] = Prover, first: int = 0) -> Sample:
    told = [conversation(known, first + i, prover) for i in range(count)]
    return Sample.of(told, lambda party: toy(party, None), PLAN)
