"""Trainings whose weights end otherwise, or elsewhere, are refused, whatever else fits; and so is another update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from unittest import mock

import numpy as np
import pytest

from proofward.layers.convolutions.conv2d import Conv2dTrainer
from proofward.layers.local_training.training import Trainer
from proofward.relations.proofs.prove import verify_round
from proofward.relations.training_rounds.update import UpdateWitness
from tests.proof.cheats import refusal, replacing_columns
from tests.proof.toy import seeded
from tests.relations.cases import Case, prove_with, round_witness, with_update
from tests.relations.otherwise import (
    SAMPLE_OR_WHOLE,
    Prepared,
    prepare,
    refuse_changed_entries,
    refuse_changed_messages,
)
from tests.relations.saturating_cases import rules_of, saturating, trace_of

pytestmark = pytest.mark.slow

CASES = {"without momentum": ("eight outputs", 0), "with momentum": ("eight outputs", 600_000)}
update, saturate = Conv2dTrainer.update, Conv2dTrainer.saturate
Method = Callable[..., None]


@lru_cache
def case(name: str) -> tuple[Case, Prepared]:
    """Five steps of eight, each of which changes weights; weights and biases are beyond both ends in both parts."""
    own = saturating(rules_of(*CASES[name]), seed=16)
    for values in (getattr(trace_of(own).stepped[0], kind) for kind in ("weights", "biases")):
        limit = own.config.scales.weight_range
        assert values[:4].max() > limit and values[:4].min() < -limit and abs(values[5:]).max() > limit
    return own, prepare(own)


@contextmanager
def otherwise(own_update: Method | None = None, own_saturate: Method | None = None) -> Iterator[None]:
    """A trainer whose methods are given the step's number first; either may be the usual one."""
    steps = [0]

    def updating(self: Conv2dTrainer, *given: object) -> None:
        (own_update or (lambda step, *rest: update(*rest)))(steps[0], self, *given)

    def saturating_(self: Conv2dTrainer, limit: int) -> None:
        (own_saturate or (lambda step, *rest: saturate(*rest)))(steps[0], self, limit)
        steps[0] += 1

    with (
        mock.patch.object(Conv2dTrainer, "update", updating),
        mock.patch.object(Conv2dTrainer, "saturate", saturating_),
    ):
        yield


def refuse(name: str, own_update: Method | None = None, own_saturate: Method | None = None) -> None:
    """Everything else is done for that other training: its own columns, update, clipping and encryption."""
    own, (witness, _, honest) = case(name)
    with otherwise(own_update, own_saturate):
        other, encryption = round_witness(own, seeded(3))
    assert any(
        (getattr(mine, kind) != getattr(theirs, kind)).any()
        for mine, theirs in zip(other.trace.stepped.values(), witness.trace.stepped.values(), strict=True)
        for kind in ("weights", "biases")
    ) or (other.trace.hidden[0].sums != witness.trace.hidden[0].sums).any()
    forger = replacing_columns({}, honest)
    proof = prove_with(own, other, encryption.ciphertext, forger, seeded(4))
    assert refusal(lambda: verify_round(own.statement, encryption.ciphertext, *proof)) == "column queries"


def only_weights(step: int, self: Conv2dTrainer, limit: int) -> None:
    np.clip(self.weights.values, -limit, limit, out=self.weights.values)


def only_biases(step: int, self: Conv2dTrainer, limit: int) -> None:
    np.clip(self.biases, -limit, limit, out=self.biases)


def to_the_other_end(step: int, self: Conv2dTrainer, limit: int) -> None:
    for values in (self.weights.values, self.biases):
        values[...] = np.where(abs(values) > limit, -np.sign(values) * limit, values)


def to_zero(step: int, self: Conv2dTrainer, limit: int) -> None:
    for values in (self.weights.values, self.biases):
        values[...] = np.where(abs(values) > limit, 0, values)


def one_weight_not(step: int, self: Conv2dTrainer, limit: int) -> None:
    """Only one of them, in the first step, and by as much as one unit."""
    beyond = np.flatnonzero(self.weights.values.reshape(-1) > limit)
    saturate(self, limit)
    if step == 0:
        self.weights.values.reshape(-1)[beyond[0]] = limit + 1


ENDS: dict[str, Method] = {
    "nothing saturates": lambda step, self, limit: None,
    "biases do not": only_weights,
    "weights do not": only_biases,
    "one unit too early": lambda step, self, limit: saturate(self, limit - 1),
    "one unit too late": lambda step, self, limit: saturate(self, limit + 1),
    "at half of the range": lambda step, self, limit: saturate(self, limit // 2),
    "at the range of other rules": lambda step, self, limit: saturate(self, 2 * limit),
    "to the other end": to_the_other_end,
    "to zero": to_zero,
    "every second step": lambda step, self, limit: saturate(self, limit) if step % 2 else None,
    "all steps but the first": lambda step, self, limit: saturate(self, limit) if step else None,
    "not behind the update": lambda step, self, limit: saturate(self, limit) if step < 5 else None,
    "one weight does not": one_weight_not,
}  # fmt: skip


@pytest.mark.parametrize("momentum", CASES)
@pytest.mark.parametrize("name", ENDS)
def test_rejects_weights_that_end_otherwise(name: str, momentum: str) -> None:
    refuse(momentum, own_saturate=ENDS[name])


def biases_left(step: int, self: Conv2dTrainer, *given: object) -> None:
    before = self.biases.copy()
    update(self, *given)  # type: ignore[arg-type]
    self.biases[...] = before


def weights_left(step: int, self: Conv2dTrainer, *given: object) -> None:
    before = self.weights.values.copy()
    update(self, *given)  # type: ignore[arg-type]
    self.weights.values[...] = before


def left_out(at: int) -> Method:
    return lambda step, self, *given: None if step == at else update(self, *given)


def counted_twice(step: int, self: Conv2dTrainer, *given: object) -> None:
    for _ in range(2 if step == 2 else 1):
        update(self, *given)  # type: ignore[arg-type]


def the_other_way(step: int, self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    update(self, gradients, inputs, -rate if step == 1 else rate)


def rate_of_one(step: int, self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    update(self, gradients, inputs, 1)


def one_entry_more(at: int) -> Method:
    """A unit in one weight that is inside of its range."""

    def more(step: int, self: Conv2dTrainer, *given: object) -> None:
        update(self, *given)  # type: ignore[arg-type]
        if step == at:
            self.weights.values.reshape(-1)[int(np.argmin(abs(self.weights.values)))] += 1

    return more


UPDATES: dict[str, Method] = {
    "biases are left alone": biases_left,
    "weights are left alone": weights_left,
    "no step changes anything": lambda step, self, *given: None,
    "the first update is left out": left_out(0),
    "the last update is left out": left_out(4),
    "an update of the padding is left out": left_out(6),
    "the last update of the padding is left out": left_out(7),
    "an update counts twice": counted_twice,
    "an update is added": the_other_way,
    "another rate": rate_of_one,
    "a unit more": one_entry_more(3),
    "a unit more in the last step of the padding": one_entry_more(7),
}


@pytest.mark.parametrize("momentum", CASES)
@pytest.mark.parametrize("name", UPDATES)
def test_rejects_steps_of_another_size(name: str, momentum: str) -> None:
    refuse(momentum, own_update=UPDATES[name])


@pytest.mark.parametrize("momentum", CASES)
@pytest.mark.parametrize("held", ["the weights of the step before", "the first weights"])
def test_rejects_sums_of_earlier_weights(held: str, momentum: str) -> None:
    """Columns are those of true steps, but what the next step uses is what was before: no update."""
    kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def noting(step: int, self: Conv2dTrainer, *given: object) -> None:
        if held != "the first weights" or id(self) not in kept:
            kept.setdefault(id(self), (self.weights.values.copy(), self.biases.copy()))
        update(self, *given)  # type: ignore[arg-type]

    def back(step: int, self: Conv2dTrainer, limit: int) -> None:
        saturate(self, limit)
        if step in (1, 2, 3):
            self.weights.values[...], self.biases[...] = kept[id(self)]
        if held != "the first weights":
            kept.pop(id(self))

    refuse(momentum, noting, back)


def weights_after(own: Case, steps: int, limit: int = 0) -> np.ndarray:
    """Those of the honest training after so many steps; before they saturate where a limit is given."""
    rules, statement = own.config, own.statement
    trainer = Trainer(rules.model, rules.scales, rules.training, statement.rows, statement.initial_weights)
    for step, chosen in enumerate(statement.schedule()[:steps]):
        with mock.patch.object(
            Conv2dTrainer, "saturate", lambda self, _: None if limit and step == steps - 1 else saturate(self, _)
        ):
            trainer.step(own.features[chosen], own.labels[chosen])
    return trainer.weights()


DELTAS: dict[str, Callable[[Case], np.ndarray]] = {
    "of a step less": lambda own: weights_after(own, 4) - own.statement.initial_weights,
    "of a step of the padding": lambda own: weights_after(own, 6) - own.statement.initial_weights,
    "of the last step of the padding": lambda own: weights_after(own, 8) - own.statement.initial_weights,
    "before weights saturate": lambda own: weights_after(own, 5, 1) - own.statement.initial_weights,
    "of the last step alone": lambda own: weights_after(own, 5) - weights_after(own, 4),
    "of a bias and a weight exchanged": lambda own: exchanged(weights_after(own, 5) - own.statement.initial_weights),
    "with a unit more": lambda own: weights_after(own, 5) - own.statement.initial_weights + (np.arange(len(own.statement.initial_weights)) == 3),
    "with a unit more in a bias": lambda own: weights_after(own, 5) - own.statement.initial_weights + (np.arange(len(own.statement.initial_weights)) == 73),
}  # fmt: skip


def exchanged(delta: np.ndarray) -> np.ndarray:
    result = delta.copy()
    result[[0, 72]] = result[[72, 0]]
    assert (result != delta).any()
    return result


@pytest.mark.parametrize("momentum", CASES)
@pytest.mark.parametrize("name", DELTAS)
def test_rejects_the_update_of_other_weights(name: str, momentum: str) -> None:
    """The training is honest, and the ciphertext holds what other weights would make of it."""
    own, (witness, _, honest) = case(momentum)
    delta = DELTAS[name](own)
    assert (delta != witness.update.delta).any()
    multiplier, submitted = own.statement.rule.submit(delta)
    changed = UpdateWitness(delta, submitted, multiplier)
    other, encryption = with_update(own, seeded(3), own.features, own.labels, witness.trace, changed)
    proof = prove_with(own, other, encryption.ciphertext, replacing_columns({}, honest), seeded(4))
    assert refusal(lambda: verify_round(own.statement, encryption.ciphertext, *proof)) == "column queries"


def test_the_honest_update_is_what_is_proved() -> None:
    """Refusals above are for what is changed alone."""
    for name in CASES:
        own, (witness, ciphertext, honest) = case(name)
        assert np.array_equal(weights_after(own, 5) - own.statement.initial_weights, witness.update.delta)
        with otherwise():
            other, encryption = round_witness(own, seeded(3))
        assert np.array_equal(encryption.ciphertext, ciphertext)
        proof = prove_with(own, other, ciphertext, replacing_columns({}, honest), seeded(4))
        verify_round(own.statement, ciphertext, *proof)


def test_rejects_a_proof_under_rules_of_another_range() -> None:
    own, (witness, ciphertext, honest) = case("without momentum")
    for bits in (0, 21):
        rules = replace(own.config, scales=replace(own.config.scales, weight_range_bits=bits))
        about = replace(own.statement, config=rules)
        assert refusal(lambda about=about: verify_round(about, own.result.ciphertext, own.result.sealed_shares, own.result.proof))  # type: ignore[misc]
        other = prove_with(own, witness, ciphertext, replacing_columns({}, honest), seeded(4))
        assert refusal(lambda about=about, other=other: verify_round(about, ciphertext, *other))  # type: ignore[misc]


@SAMPLE_OR_WHOLE
def test_rejects_a_changed_entry_of_every_column(whole: bool) -> None:
    own, prepared = case("with momentum")
    names = refuse_changed_entries(own, prepared, whole)
    assert sum("weights high" in name or "weights low" in name for name in names) >= 2


@pytest.mark.parametrize("first", range(2))
def test_rejects_changed_messages(first: int) -> None:
    refuse_changed_messages(*case("with momentum"), 10 * first, 43)
