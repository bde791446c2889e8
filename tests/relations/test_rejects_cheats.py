"""Each rule of enrolment and round against a prover that breaks just this rule and forges whatever it can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from proofward.lattice.parameters import ERROR_ETA
from proofward.layers.averaging.aggregation import quantise_update, squared_norm
from proofward.layers.local_training.training import Trainer
from proofward.layers.rules.schedule import schedule
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.prover import Prover
from proofward.relations.proofs.prove import verify_round
from proofward.relations.training_rounds.training_round import RoundWitness
from proofward.relations.training_rounds.update import UpdateWitness
from tests.proof.cheats import Recorder, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.relations.cases import (
    Case,
    ciphertext_of,
    prove_with,
    round_witness,
    with_update,
)

Cheat = Callable[[Case], tuple[RoundWitness, np.ndarray]]


def honest_columns(case: Case) -> dict[tuple[int, int], np.ndarray]:
    """All columns of an honest round."""
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    return dict(Recorder.last.columns)


def stopped(case: Case, witness: RoundWitness, ciphertext: np.ndarray) -> str:
    """The verifier's refusal of the best forgery; the honest prover's code must not prove it either."""
    with pytest.raises((WitnessError, ProofRejected)):
        verify_round(case.statement, ciphertext, *prove_with(case, witness, ciphertext, Prover, seeded(4)))
    forger = replacing_columns({}, honest_columns(case))
    proof = prove_with(case, witness, ciphertext, forger, seeded(4))
    return refusal(lambda: verify_round(case.statement, ciphertext, *proof))


def with_other_update(case: Case, update: UpdateWitness):  # type: ignore[no-untyped-def]
    witness, _ = round_witness(case, seeded(3))
    changed, encryption = with_update(case, seeded(3), case.features, case.labels, witness.trace, update)
    return changed, encryption.ciphertext


def trained_update(case: Case) -> UpdateWitness:
    return round_witness(case, seeded(3))[0].update


def flipped_label(case: Case):  # type: ignore[no-untyped-def]
    labels = case.labels.copy()
    labels[2] = 1 - labels[2]
    witness, encryption = round_witness(case, seeded(3), labels=labels)
    return witness, encryption.ciphertext


def flipped_label_in_the_training_alone(case: Case):  # type: ignore[no-untyped-def]
    witness, ciphertext = flipped_label(case)
    return replace(witness, labels=case.labels), ciphertext


def changed_feature(case: Case):  # type: ignore[no-untyped-def]
    features = case.features.copy()
    features[4, 1] += 1
    witness, encryption = round_witness(case, seeded(3), features=features)
    return witness, encryption.ciphertext


def skipped_training(case: Case):  # type: ignore[no-untyped-def]
    rules = case.config
    random = np.random.default_rng(1).integers(-(1 << 20), 1 << 20, rules.model.parameters)
    multiplier, submitted = case.statement.rule.submit(random)
    return with_other_update(case, UpdateWitness(random, submitted, multiplier))


def no_update(case: Case):  # type: ignore[no-untyped-def]
    zeros = np.zeros(case.config.model.parameters, dtype=np.int64)
    return with_other_update(case, UpdateWitness(zeros, zeros, case.statement.rule.full))


def one_step_less(case: Case):  # type: ignore[no-untyped-def]
    rules, statement = case.config, case.statement
    steps = rules.training.steps_for(statement.rows)
    trainer = Trainer(rules.model, rules.scales, rules.training, statement.rows, statement.initial_weights)
    for chosen in statement.schedule()[: steps - 1]:
        trainer.step(case.features[chosen], case.labels[chosen])
    delta = trainer.weights() - statement.initial_weights
    multiplier = statement.rule.full
    return with_other_update(
        case, UpdateWitness(delta, quantise_update(delta, multiplier, statement.rule.shift), multiplier)
    )


def scaled_update(case: Case):  # type: ignore[no-untyped-def]
    update = trained_update(case)
    return with_other_update(case, replace(update, update=2 * update.update))


def scaled_delta(case: Case):  # type: ignore[no-untyped-def]
    update = trained_update(case)
    scaled = quantise_update(2 * update.delta, update.multiplier, case.statement.rule.shift)
    return with_other_update(case, replace(update, delta=2 * update.delta, update=scaled))


def larger_multiplier(case: Case):  # type: ignore[no-untyped-def]
    update = trained_update(case)
    scaled = quantise_update(update.delta, 2 * update.multiplier, case.statement.rule.shift)
    return with_other_update(case, replace(update, update=scaled, multiplier=2 * update.multiplier))


def multiplier_larger_by_one(case: Case):  # type: ignore[no-untyped-def]
    update = trained_update(case)
    more = update.multiplier + 1
    return with_other_update(
        case,
        replace(
            update, update=quantise_update(update.delta, more, case.statement.rule.shift), multiplier=more
        ),
    )


def rounded_the_other_way(case: Case):  # type: ignore[no-untyped-def]
    update = trained_update(case)
    changed = update.update.copy()
    changed[0] += 1
    return with_other_update(case, replace(update, update=changed))


def chosen_batches(case: Case):  # type: ignore[no-untyped-def]
    order = schedule(b"mine" * 8, "h1", case.statement.rows, case.config.training)
    witness, encryption = round_witness(case, seeded(3), batches=order)
    return witness, encryption.ciphertext


def two_batches_swapped(case: Case):  # type: ignore[no-untyped-def]
    order = case.statement.schedule().copy()
    order[[0, 1]] = order[[1, 0]]
    witness, encryption = round_witness(case, seeded(3), batches=order)
    return witness, encryption.ciphertext


def shrunk_multiplier(case: Case):  # type: ignore[no-untyped-def]
    witness, encryption = round_witness(case, seeded(3), multiplier=case.statement.rule.full >> 1)
    return witness, encryption.ciphertext


def multiplier_of_zero(case: Case):  # type: ignore[no-untyped-def]
    witness, encryption = round_witness(case, seeded(3), multiplier=0)
    return witness, encryption.ciphertext


CHEATS: dict[str, Cheat] = {
    "label flipped after enrolment": flipped_label,
    "label flipped in the training alone": flipped_label_in_the_training_alone,
    "feature changed after enrolment": changed_feature,
    "skipped training": skipped_training,
    "no update": no_update,
    "one step less": one_step_less,
    "scaled update": scaled_update,
    "scaled difference of the weights": scaled_delta,
    "larger multiplier": larger_multiplier,
    "multiplier larger by one": multiplier_larger_by_one,
    "rounded the other way": rounded_the_other_way,
    "batches chosen by the hospital": chosen_batches,
    "two batches swapped": two_batches_swapped,
    "shrunk multiplier below the bound": shrunk_multiplier,
    "multiplier of zero": multiplier_of_zero,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHEATS)
def test_rejects_a_round(case: Case, name: str) -> None:
    assert stopped(case, *CHEATS[name](case)) == "column queries"


@pytest.mark.slow
def test_rejects_a_norm_above_the_bound(clipped_case: Case) -> None:
    full = clipped_case.statement.rule.full
    witness, encryption = round_witness(clipped_case, seeded(3), multiplier=full)
    bound = clipped_case.statement.rule.bound
    assert squared_norm(witness.update.update) > bound**2
    assert stopped(clipped_case, witness, encryption.ciphertext) == "column queries"


def test_rejects_a_clipped_update_that_is_shrunk_further(clipped_case: Case) -> None:
    case = clipped_case
    honest = trained_update(case)
    bound, low = case.statement.rule.bound, case.statement.rule.low
    assert low > 0 and honest.multiplier < case.statement.rule.full
    smaller = honest.multiplier // 2
    witness, encryption = round_witness(case, seeded(3), multiplier=smaller)
    assert 0 < squared_norm(witness.update.update) < low**2 < bound**2
    assert stopped(case, witness, encryption.ciphertext) == "column queries"


def with_key(case: Case, change: Callable[[np.ndarray, np.ndarray], None]):  # type: ignore[no-untyped-def]
    """A witness whose secret and errors are changed in place, with the ciphertext that they give."""
    witness, encryption = round_witness(case, seeded(3))
    secret, error = encryption.secret.copy(), encryption.error.copy()
    honest = ciphertext_of(case.statement, secret, error, witness.update.update)
    assert np.array_equal(honest, encryption.ciphertext)
    change(secret, error)
    key = replace(witness.encryption, secret=secret, error=error)
    return replace(witness, encryption=key), ciphertext_of(
        case.statement, secret, error, witness.update.update
    )


@pytest.mark.parametrize("value", [2, -2, 100])
def test_rejects_a_key_that_is_not_ternary(case: Case, value: int) -> None:
    def change(secret: np.ndarray, error: np.ndarray) -> None:
        secret[1000] = value

    assert stopped(case, *with_key(case, change)) == "column queries"


@pytest.mark.parametrize("value", [ERROR_ETA + 1, -ERROR_ETA - 1, 127])
@pytest.mark.parametrize("position", [0, -1])
def test_rejects_an_error_that_is_too_large(case: Case, value: int, position: int) -> None:
    def change(secret: np.ndarray, error: np.ndarray) -> None:
        error[position] = value

    assert stopped(case, *with_key(case, change)) == "column queries"


def test_accepts_the_largest_error(case: Case) -> None:
    def change(secret: np.ndarray, error: np.ndarray) -> None:
        error[0], error[-1] = ERROR_ETA, -ERROR_ETA

    witness, ciphertext = with_key(case, change)
    verify_round(case.statement, ciphertext, *prove_with(case, witness, ciphertext, Prover, seeded(4)))


def test_rejects_the_ciphertext_of_another_update(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    other = witness.update.update.copy()
    other[3] += 1
    ciphertext = ciphertext_of(case.statement, encryption.secret, encryption.error, other)
    assert stopped(case, witness, ciphertext) == "column queries"


@pytest.mark.parametrize("value", [1, -1, 1 << 20])
@pytest.mark.parametrize("place", ["first added entry", "last entry"])
def test_rejects_a_message_in_an_added_entry(case: Case, value: int, place: str) -> None:
    """The ciphertext of the update and of something behind it: nothing is committed to that could hold it."""
    witness, encryption = round_witness(case, seeded(3))
    longer = np.zeros(encryption.ciphertext.size, np.int64)
    longer[: witness.update.update.size] = witness.update.update
    longer[witness.update.update.size if place == "first added entry" else -1] = value
    ciphertext = ciphertext_of(case.statement, encryption.secret, encryption.error, longer)
    assert stopped(case, witness, ciphertext) == "column queries"


@pytest.mark.slow
def test_rejects_the_ciphertext_under_another_rounds_masks(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    later = replace(case.statement, round=2)
    ciphertext = ciphertext_of(later, encryption.secret, encryption.error, witness.update.update)
    assert stopped(case, witness, ciphertext) == "column queries"
