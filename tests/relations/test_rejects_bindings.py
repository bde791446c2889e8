"""A prover that says other values of the sharing polynomial than the committed ones: shares of another key fit them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from proofward.field.goldilocks import random_field, to_signed
from proofward.lattice.parameters import RING_DEGREE
from proofward.relations.counting_rounds import counting_round
from proofward.relations.evaluations import evaluation_round
from proofward.relations.proofs.counts_proof import verify_counts
from proofward.relations.proofs.evaluation_proof import verify_evaluation
from proofward.relations.proofs.prove import verify_round
from proofward.relations.training_rounds import training_round
from tests.proof.cheats import Recorder, SumsOthers, refusal, summing_other_columns
from tests.proof.toy import seeded
from tests.relations import counting_cases, evaluation_cases
from tests.relations.cases import config, make_case, prove_with, round_witness

Say = Callable[[Any], Callable[[], object]]


def training() -> Say:
    case = make_case(config())
    witness, encryption = round_witness(case, seeded(3))

    def say(prover: Any) -> Callable[[], object]:
        told = prove_with(case, witness, encryption.ciphertext, prover, seeded(4))
        return lambda: verify_round(case.statement, encryption.ciphertext, *told)

    return say


def evaluation() -> Say:
    made = evaluation_cases.evaluated()

    def say(prover: Any) -> Callable[[], object]:
        told = evaluation_cases.says(made, prover)
        return lambda: verify_evaluation(made.statement, *told)

    return say


def counts() -> Say:
    made = counting_cases.counted()

    def say(prover: Any) -> Callable[[], object]:
        told = counting_cases.says(made, prover)
        return lambda: verify_counts(made.statement, *told)

    return say


@pytest.mark.parametrize(
    ("script", "where"),
    [(training, training_round), (evaluation, evaluation_round), (counts, counting_round)],
    ids=["training", "evaluation", "counts"],
)
@pytest.mark.parametrize("column", ["secret", "sharing coefficient 1"])
def test_rejects_other_values_of_the_sharing_polynomial(script: Callable[[], Say], where: Any, column: str) -> None:
    say = script()
    say(Recorder)()
    other = to_signed(random_field(RING_DEGREE, seeded(9))) if column != "secret" else np.ones(RING_DEGREE, np.int64)
    prover = summing_other_columns({column: other}, dict(Recorder.last.columns))
    say(prover)()
    with prover.during(where, "bind_shares"):
        verify = say(prover)
    assert issubclass(prover, SumsOthers) and refusal(verify) == "column queries"
