"""Small federations with rounds that count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.equipment.counting import CountingTask
from proofward.relations.rules.counting import Counting, untrained
from tests.federation.fakes import datasets, plan

SCORES = Counting("scores", "what every entry counts", 6, 10, (1, 3), (3, 3), 3, within_rows=True)
LINEAR = "linear constraints"
ALONE = replace(SCORES, rounds=(1,), within_rows=False)


def own_counts(task: CountingTask) -> np.ndarray:
    """Two counts of 3 and more, two smaller ones, and nothing in the remainders."""
    return np.array([int(task.hospital[-1]) + 3, 1, 0, 0, 5, 0], dtype=np.int64)


def sum_of(numbers: tuple[int, ...]) -> list[int]:
    """Of the counts of these hospitals, as they are told."""
    return [sum(number + 3 for number in numbers), 0, len(numbers), 0, 5 * len(numbers), 0]


def mixed_plan(hospitals: int = 3, counting: Counting = SCORES, rounds: int = 3):
    found = plan(hospitals=hospitals, verifiers=1, rounds=rounds, threshold=1)
    return replace(found, counting=(counting,))


def counts_only_plan(counting: Counting = ALONE, rounds: int = 1):
    found = plan(hospitals=3, verifiers=1, rounds=rounds, threshold=1)
    return replace(found, config=untrained(3, 1, 40, True), counting=(counting,))


def federation(folder, told, source=own_counts, **options) -> InProcessFederation:
    data = {} if len(told.counting[0].rounds) == told.rounds else datasets(told, 9)
    return InProcessFederation(
        folder, told, data, seed=b"s", counts=dict.fromkeys(told.hospitals, source), **options
    )


def flaws(engine: InProcessFederation, proofs=None) -> list[str]:
    verdicts = Auditor(engine.folder.ledger, proofs or RelationProofs()).run()
    return [str(verdict) for verdict in verdicts if not verdict.passed]
