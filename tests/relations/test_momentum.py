"""Rounds with momentum: honest ones pass, and a training with any other coefficient does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.local_training.training import Trainer
from proofward.proof.prover import Prover
from proofward.proof.transcript import Coins
from proofward.relations.proofs.prove import check_round as check
from proofward.relations.proofs.prove import verify_round
from proofward.relations.training_rounds.update import UpdateWitness
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with, with_update
from tests.relations.test_rejects_cheats import stopped
from tests.relations.test_round import HEAD, chain, check_round, conv, dense
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round


def made_with(momentum: int, **rest) -> Case:
    rules = config(**rest)
    return make_case(replace(rules, training=replace(rules.training, momentum=momentum)), rows=9)


@pytest.fixture(scope="module")
def moved() -> Case:
    """Three steps, proved as four, with r = 4, 8, 11, 14."""
    return made_with(900_000, steps=3)


@pytest.mark.slow
def test_accepts_an_honest_round(moved: Case) -> None:
    """The reference verifier says the same."""
    assert moved.config.training.rates(9).increments == (4, 4, 3, 3)
    check_round(moved)
    result = moved.result
    with reference_arithmetic():
        verify_round(moved.statement, result.ciphertext, result.sealed_shares, result.proof)


@pytest.mark.slow
def test_accepts_convolutions_and_increments_of_zero() -> None:
    layers = [conv(4, 2, 1, 1, groups=2), dense(3), HEAD]
    made = made_with(700_000, network=chain((2, 3, 3), layers), steps=6, batch=2, rate=1)
    assert made.config.training.rates(9).increments == (1, 1, 0, 1)
    check_round(made)


def test_a_simulated_round_is_accepted(moved: Case) -> None:
    statement, ciphertext, told = simulated_round(moved, 1)
    assert check(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40


def trained(case: Case, change: Callable[[Trainer], None], behind: int = 99) -> tuple:
    """The witness and ciphertext of a training whose trainer is changed before its step `behind` or at first."""
    rules, statement = case.config, case.statement
    batches, steps = statement.schedule(), rules.training.steps_for(statement.rows)
    trace = TrainingTrace.allocate(rules.model, *batches.shape)
    trainer = Trainer(rules.model, rules.scales, rules.training, statement.rows, statement.initial_weights)
    if behind == 99:
        change(trainer)
    delta = np.zeros_like(statement.initial_weights)
    for step, chosen in enumerate(batches):
        if step == behind:
            change(trainer)
        trainer.step(case.features[chosen], case.labels[chosen], trace, step)
        if step == steps - 1:
            delta = trainer.weights() - statement.initial_weights
    multiplier, submitted = statement.rule.submit(delta)
    update = UpdateWitness(delta, submitted, multiplier)
    witness, encryption = with_update(case, seeded(3), case.features, case.labels, trace, update)
    return witness, encryption.ciphertext


def increments(*own: int) -> Callable[[Trainer], None]:
    def change(trainer: Trainer) -> None:
        trainer.increments = own
        trainer.kept = [deque(maxlen=len(own)) for _ in trainer.layers]

    return change


def carried(trainer: Trainer) -> None:
    """A velocity from before the round."""
    for index, kept in enumerate(trainer.kept):
        layer = trainer.model.layers[index]
        delta, inputs = np.zeros((4, layer.gives.padded_size)), np.zeros((4, layer.takes.padded_size))
        delta[0, 0] = inputs[0, 0] = 1.0
        kept.appendleft((delta, inputs))


def forgotten(trainer: Trainer) -> None:
    for kept in trainer.kept:
        kept.clear()


def test_the_honest_training_is_what_is_proved(moved: Case) -> None:
    """`trained` without a change makes a witness that passes: refusals below are for the change alone."""
    witness, ciphertext = trained(moved, lambda trainer: None)
    verify_round(moved.statement, ciphertext, *prove_with(moved, witness, ciphertext, Prover, seeded(4)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "behind"),
    [
        (increments(4), 99),
        (increments(4, 3, 3, 3), 99),
        (increments(4, 4, 2, 3), 99),
        (carried, 99),
        (forgotten, 2),
    ],
    ids=["left out", "a smaller momentum", "another third coefficient", "another start", "begun anew"],
)
def test_rejects_another_momentum(moved: Case, change: Callable[[Trainer], None], behind: int) -> None:
    assert stopped(moved, *trained(moved, change, behind)) == "column queries"
