"""Predictions: simulated conversations are accepted, and real ones are as uniform as those."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from proofward.proof.commitment.ligero.simulated import SimulatedTableau
from proofward.proof.errors import ProofRejected
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from proofward.relations.predictions.inference import InferenceWitness, inference
from proofward.relations.predictions.inference_statement import InferenceStatement
from proofward.relations.predictions.predict import (
    ProvedPrediction,
    check_prediction,
    inference_plan,
    prove_prediction,
    verify_prediction,
)
from tests.proof.identities import identities_hold
from tests.proof.tableaux import code_of, tableau_rows
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS, Sample, differences, flaws
from tests.relations.inference_cases import NETWORKS, proved, public_model, some_records, witness_of

COUNT = 16


def simulated(about: InferenceStatement, seed: int) -> tuple[InferenceStatement, bytes]:
    """A conversation without records, about a commitment to nothing."""
    plan, rng = inference_plan(about.forward_pass), seeded(seed)
    nothing = SimulatedTableau(tableau_rows(plan)[0], code_of(plan).n, rng)
    statement = replace(about, commitment=nothing.tree.root)
    witness = InferenceWitness(cast(Any, None), cast(Any, nothing), [])
    told = Simulator(Coins(COINS), plan, rng).run(lambda party: inference(party, statement, witness))
    return statement, told


@pytest.mark.parametrize("name", NETWORKS)
def test_a_simulated_prediction_is_accepted(name: str) -> None:
    made = proved(name, 3)
    statement, told = simulated(made.statement, 1)
    assert len(told) == pytest.approx(len(made.proof), rel=0.03)
    assert check_prediction(statement, told, Coins(COINS)).soundness_bits >= 100
    for coins in (b"", b"other coins"):
        with pytest.raises(ProofRejected):
            check_prediction(statement, told, Coins(coins))
    with pytest.raises(ProofRejected):
        verify_prediction(statement, told)


def test_a_simulation_of_a_false_score_is_accepted_too() -> None:
    """Coins that are known beforehand convince nobody: a simulator needs no true statement."""
    made = proved("mlp", 3)
    statement, told = simulated(replace(made.statement, scores=made.statement.scores + 1), 1)
    check_prediction(statement, told, Coins(COINS))


@pytest.mark.slow
def test_real_and_simulated_columns_agree_with_all_polynomials() -> None:
    statement, witness = witness_of(proved("pooled", 1))
    plan = inference_plan(statement.forward_pass)
    real = Prover(Coins(COINS), plan, seeded(2)).run(lambda party: inference(party, statement, witness))
    for about, told in ((statement, real), simulated(statement, 1)):
        assert identities_hold(told, lambda party, own=about: inference(party, own, None), plan)  # type: ignore[misc]


def sample(made: ProvedPrediction, first: int) -> Sample:
    """Proofs of one statement, without the commitment, which is one and the same in all of them."""
    statement, witness = witness_of(made)
    plan, told = inference_plan(statement.forward_pass), []
    for i in range(COUNT):
        party = Prover(Coins(COINS), plan, seeded(first + i))
        told.append(party.run(lambda own: inference(own, statement, witness)))
    found = Sample.of(told, lambda own: inference(own, statement, None), plan)
    return Sample({kind: words for kind, words in found.kinds.items() if not kind.endswith("records")})


@pytest.mark.slow
def test_predictions_for_different_records_are_alike() -> None:
    """Records near zero, and others near the ends of the range, which the model gives one score."""
    network = NETWORKS["window"]
    model = public_model(network, np.zeros(network.parameters, dtype=np.int64))
    made = [
        prove_prediction(model, some_records(network, 4, 1, spread), seeded(spread)) for spread in (3, 2000)
    ]
    samples = [sample(own, 100 * i) for i, own in enumerate(made)]
    for own in samples:
        assert len(own.kinds) > 20
        assert flaws(own) == {}
    assert differences(*samples) == {}
