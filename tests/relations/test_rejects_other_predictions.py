"""A proof of a prediction holds for its own statement only: every public field is bound."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from proofward.layers.networks.network import chain, mlp
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Transcript
from proofward.relations.predictions.inference import inference
from proofward.relations.predictions.inference_statement import InferenceStatement
from proofward.relations.predictions.predict import (
    ProvedPrediction,
    inference_plan,
    prove_prediction,
    verify_prediction,
)
from tests.proof.cheats import Region, RegionVerifier
from tests.proof.toy import seeded
from tests.relations.inference_cases import LINEAR, SCALES, conv, proved, public_model, some_records
from tests.relations.test_tamper import MUTANTS, survivors

NETWORK = mlp((4, 7, 2))
SAME_SUMS = chain((1, 2, 2), [conv(7, 2, 1, 0), LINEAR])
DEEPER = mlp((4, 1, 11, 2))


@cache
def made(seed: int = 1) -> ProvedPrediction:
    return prove_prediction(public_model(NETWORK), some_records(NETWORK, 3, seed), seeded(seed))


def one_other_weight(statement: InferenceStatement) -> Any:
    weights = statement.weights.copy()
    weights[-1] += 1
    return weights


def one_other_score(statement: InferenceStatement) -> Any:
    scores = statement.scores.copy()
    scores[-1] -= 1
    return scores


OTHER = {
    "consortium": lambda own: {"consortium": b"e" * 32},
    "round": lambda own: {"round": 4},
    "description": lambda own: {"description": b"e" * 32},
    "weight": lambda own: {"weights": one_other_weight(own)},
    "weights": lambda own: {"weights": -own.weights},
    "network with the same parameters": lambda own: {"model": DEEPER},
    "network with the same sums": lambda own: {"model": SAME_SUMS},
    "scale of weights": lambda own: {"scales": replace(SCALES, weight_bits=25)},
    "range of gradients": lambda own: {"scales": replace(SCALES, gradient_range_bits=8)},
    "result": lambda own: {"scores": one_other_score(own)},
    "order of results": lambda own: {"scores": own.scores[::-1].copy()},
    "fewer results": lambda own: {"scores": own.scores[:2].copy()},
    "more results": lambda own: {"scores": np.append(own.scores, int(own.padded_scores[3]))},
    "commitment": lambda own: {"commitment": made(2).statement.commitment},
}


@pytest.mark.parametrize("name", OTHER)
def test_rejects_a_prediction_under_another_statement(name: str) -> None:
    statement = replace(made().statement, **OTHER[name](made().statement))
    with pytest.raises(ProofRejected):
        verify_prediction(statement, made().proof)
    verify_prediction(made().statement, made().proof)


def test_statements_are_bound_before_anything_else() -> None:
    statement = made().statement
    transcripts = {replace(statement, **OTHER[name](statement)).transcript() for name in OTHER}
    assert len(transcripts | {statement.transcript()}) == len(OTHER) + 1


def test_the_other_networks_have_as_many_parameters() -> None:
    assert NETWORK.parameters == DEEPER.parameters == SAME_SUMS.parameters
    other = replace(made().statement, model=SAME_SUMS)
    same = prove_prediction(
        replace(public_model(NETWORK), model=SAME_SUMS), made().opening.features, seeded(1)
    )
    assert np.array_equal(other.scores, same.statement.scores)


def test_rejects_a_proof_of_another_prediction() -> None:
    for other in (made(2).proof, proved("mlp", 3).proof):
        with pytest.raises(ProofRejected):
            verify_prediction(made().statement, other)


def regions() -> list[Region]:
    """Where everything is in the proof."""
    statement = made().statement
    plan = inference_plan(statement.forward_pass)
    verifier = RegionVerifier(Transcript(statement.transcript()), plan, made().proof)
    verifier.run(lambda party: inference(party, statement, None), 100)
    return verifier.regions


@pytest.mark.slow
def test_no_mutant_is_accepted_and_none_crashes() -> None:
    found, proof = regions(), made().proof
    bad, checks = survivors(lambda data: verify_prediction(made().statement, data), proof, found, MUTANTS, 1)
    assert bad == [] and found[0].start == 0 and found[-1].stop == len(proof)
    assert {"length", "encoding", "linear constraints", "tableau root"} <= checks
