"""Rounds with a schedule of rates: each is proved with its own rate, and with no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.layers.local_training.training import train
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.training_rounds.update import UpdateWitness
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, make_case, sealed, with_update
from tests.relations.test_rejects_cheats import stopped

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first() -> Case:
    """Rate 4 in round 1, 2 in round 2, 8 from round 3 on."""
    rules = config(steps=2)
    training = replace(rules.training, later_rates=((2, 2), (3, 8)))
    return make_case(replace(rules, least_rows=0, most_rows=0, training=training), rows=9)


@pytest.fixture(scope="module")
def second(first: Case) -> Case:
    """The round behind it."""
    statement = replace(first.statement, round=2, dataset_root=first.result.dataset.root)
    made = prove_round(statement, first.result.dataset, seeded(8), sealed)
    return replace(first, statement=statement, result=made, secret=first.result.dataset)


def test_rounds_of_other_rates_pass_and_have_one_plan(first: Case, second: Case) -> None:
    assert (first.statement.training.rate, second.statement.training.rate) == (4, 2)
    for case in (first, second):
        made = case.result
        verify_round(case.statement, made.ciphertext, made.sealed_shares, made.proof)
    assert round_plan(first.statement) is round_plan(second.statement)
    assert first.statement.layer_bounds() == replace(first.statement, round=3).layer_bounds()


def test_bounds_are_those_of_the_largest_rate(first: Case) -> None:
    largest = replace(first.config, training=first.config.training.largest)
    assert largest.training.rate == 8 and largest.weight_limit == first.config.weight_limit
    assert largest.update_rule(9, 0) == first.config.update_rule(9, 0)


@pytest.mark.parametrize("number", [1, 3])
def test_rejects_the_rate_of_another_round(second: Case, number: int) -> None:
    rules, statement = second.config, second.statement
    other = rules.training.in_round(number)
    about = (statement.initial_weights, second.features, second.labels, statement.schedule())
    trained = train(rules.model, rules.scales, other, *about, trace=True)
    multiplier, submitted = statement.rule.submit(trained.update)
    update = UpdateWitness(trained.update, submitted, multiplier)
    witness, encryption = with_update(second, seeded(3), second.features, second.labels, trained.trace, update)
    assert stopped(second, witness, encryption.ciphertext)


def test_rejects_a_proof_in_another_round(second: Case) -> None:
    made = second.result
    with pytest.raises(ProofRejected):
        verify_round(replace(second.statement, round=3), made.ciphertext, made.sealed_shares, made.proof)
