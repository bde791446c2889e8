"""Forged evaluations whose scores are not those of the last layer, though all before and behind it is right."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from proofward.layers.local_training.training import forward_pass
from proofward.layers.networks.network import mlp
from proofward.relations.evaluations import counted_scores
from proofward.relations.evaluations.counted_cells import Claims
from proofward.relations.evaluations.evaluation_round import evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.networks.forward_relation import ForwardRelation
from proofward.relations.proofs.evaluation_proof import verify_evaluation
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.scores.score_layout import ScoreLayout
from tests.proof.cheats import Inventory, Recorder, refusal, replacing_columns, summing_other_columns
from tests.relations.cases import Signed
from tests.relations.evaluation_cases import Evaluated, evaluated, says, statement_of


def public(classes: int) -> EvaluationStatement:
    return statement_of(mlp((5, 4, classes)), layout=ScoreLayout(classes, 6, 1))


def named(name: str, classes: int) -> Signed:
    """A column of an honest proof."""
    statement = public(classes)
    counter = Inventory(evaluation_plan(statement).scheme)
    nothing = np.zeros_like(evaluated(statement).ciphertext)
    counter.run(lambda party: evaluation_round(party, statement, nothing, lambda _: (), None) and None)
    column = next(own for own in counter.columns if own.name == name)
    return cast(Signed, honest(classes)[column.commitment, column.index].astype(np.int64))


@cache
def honest(classes: int) -> dict[tuple[int, int], Any]:
    says(evaluated(public(classes)), Recorder)
    return dict(Recorder.last.columns)


def counted_of(statement: EvaluationStatement, record: int, change: Signed) -> Evaluated:
    """What a prover has, with other logits of a record: counts follow, and hidden layers do not."""

    def otherwise(*known: Any) -> Any:
        passed = forward_pass(*known)
        last = passed.sums[-1].copy()
        last.reshape(1 << statement.forward_pass.log_records, -1)[record, : len(change)] += change
        return replace(passed, sums=[*passed.sums[:-1], last])

    with mock.patch("proofward.relations.proofs.evaluation_proof.forward_pass", otherwise):
        return evaluated(statement)


def says_otherwise(made: Evaluated) -> bool:
    return bool((made.counts != evaluated(made.statement).counts).any())


@pytest.mark.parametrize("classes", [2, 3])
def test_rejects_a_score_that_the_last_layer_does_not_give(classes: int) -> None:
    """Of one record, for the second class: its bin, what it is taken for and the counts follow."""
    statement = public(classes)
    change = np.zeros(classes, dtype=np.int64)
    change[1] = -(1 << 34) if classes == 2 else 1 << 35
    made = counted_of(statement, 0, change)
    said = says(made, replacing_columns({}, honest(classes)))
    assert says_otherwise(made) and refusal(lambda: verify_evaluation(statement, *said)) == "column queries"


@pytest.mark.parametrize("classes", [2, 3])
def test_rejects_a_hidden_value_that_its_columns_do_not_give(classes: int) -> None:
    """In the sums of the last layer a unit of one record has another value, the largest; what follows does."""
    statement, fallback = public(classes), honest(classes)
    inside, low = named("layer 1 inside", classes), named("layer 1 low, limb 0", classes)
    weights = statement.config.model.unflatten(statement.weights)[-1][0].reshape(classes, 4)
    for place in np.flatnonzero(inside[: 4 * statement.records]):
        other = low.copy()
        other[place] = (1 << 12) - 1
        made = counted_of(statement, place // 4, (other[place] - low[place]) * weights[:, place % 4])
        if says_otherwise(made):
            break
    prover = summing_other_columns({"layer 1 low, limb 0": other}, fallback)
    with prover.during(ForwardRelation, "prove"):
        said = says(made, prover)
    assert says_otherwise(made) and refusal(lambda: verify_evaluation(statement, *said)) == "column queries"


def test_rejects_another_class_in_the_confusion_table_alone() -> None:
    """Of three classes: the histograms count a record as what it is, and the confusion table as another."""
    statement, true = public(3), evaluated(public(3))
    own = int(true.witness.classes[0])
    other = (own + 1) % 3
    table = true.counts[2 * 6 * 3 :].reshape(3, 3)
    taken = int(np.flatnonzero(table[own])[0])
    sample = next(
        place
        for place in range(statement.records)
        if true.witness.classes[place] == own and named("classes taken, limb 0", 3)[place] == taken + 1
    )
    change = np.zeros(len(true.counts), dtype=np.int64)
    for row, step in ((own, -1), (other, 1)):
        change[2 * 6 * 3 + 3 * row + taken] += step

    def claims(*known: Any) -> Claims:
        found = claims_of(*known)

        def numbers() -> Signed:
            told = found.classes().copy()
            told[sample] = other
            return cast(Signed, told)

        return replace(found, classes=numbers)

    claims_of = counted_scores._claims
    with mock.patch.object(counted_scores, "_claims", claims):
        said = says(evaluated(statement, change=change), replacing_columns({}, honest(3)))
    assert refusal(lambda: verify_evaluation(statement, *said)) == "column queries"
