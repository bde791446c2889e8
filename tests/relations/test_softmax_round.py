"""Enrolments and rounds of three and more classes: accepted, counted, entered, simulated, and refused when changed."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.lattice.parameters import ciphertext_length
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.arrangement import Arrangement, training_values
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Coins
from proofward.relations.proofs.measure import check_provable, round_plan
from proofward.relations.proofs.prove import check_round, verify_round
from proofward.relations.records.enrolment import (
    check_enrolment,
    enrolment,
    enrolment_plan,
    prove_enrolment,
    verify_enrolment,
)
from proofward.relations.training_rounds.training_round import training_round
from tests.proof.cheats import Forger, Inventory, Recorder, changing_entry, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, enrol_with, prove_with, round_witness
from tests.relations.softmax_cases import class_case
from tests.relations.test_soundness import check_challenges
from tests.relations.test_zero_knowledge import DIGESTS, simulated_enrolment, simulated_round

CONV = {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 2, "padding": 1}
RULES = {
    "three classes": dict(widths=(5, 4, 3)),
    "five classes": dict(widths=(5, 4, 5)),
    "as many classes as features": dict(widths=(4, 4)),
    "more classes than features": dict(widths=(1, 7)),
    "64 classes": dict(widths=(3, 64), steps=1),
    "a convolution": dict(network=chain((1, 6, 5), [CONV, {"kind": "linear", "outputs": 3}]), steps=2, batch=2),
    "distances in one column": dict(widths=(1, 3), steps=1, scales=FixedPoint(4, 2, 16, 2, 4, 12, 12)),
    "short tables": dict(widths=(2, 3), steps=1, scales=FixedPoint(6, 8, 24, 8, 7, 6, 8)),
}  # fmt: skip


def made(name: str) -> Case:
    rules = config(**{"rate": 1, **RULES[name]})
    return class_case(rules, rows=5, spread=64 if "scales" not in RULES[name] else 2)


@pytest.fixture(scope="module")
def case() -> Case:
    return made("three classes")


def head_columns(case: Case) -> list:  # type: ignore[type-arg]
    counter = Inventory(round_plan(case.statement).scheme)
    empty = np.zeros(ciphertext_length(case.config.model.parameters), dtype=np.uint64)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None))
    return [column for column in counter.columns if column.name.startswith("head ")]


@pytest.mark.parametrize("name", RULES)
def test_rounds_are_proved_and_their_columns_counted(name: str) -> None:
    case = made(name)
    rules, rows, statement = case.config, case.statement.rows, case.statement
    assert verify_enrolment(case.enrolment, case.enrolment_proof).dataset_root == statement.dataset_root
    result = case.result
    verify_round(statement, result.ciphertext, result.sealed_shares, result.proof)
    samples = rules.training.padded_steps(rows) * rules.training.batch
    head, scales = rules.model.head, rules.scales
    limb = Arrangement.of(rules.model, scales, samples, statement.layer_bounds()).head
    assert limb.is_own_sign == (name == "distances in one column")
    total = sum(1 << column.log_size for column in head_columns(case))
    assert samples * head.committed(scales, limb) == total
    assert training_values(rules.model, scales, rules.training, rows, rules.weight_limit) >= total


def test_a_round_of_several_classes_reaches_the_policy() -> None:
    rules = config(widths=(30, 16, 3), batch=16, epochs=1, rate=1, security=100)
    check_provable(rules, 90)
    case = class_case(rules, rows=17)
    result = case.result
    verified = verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)
    assert verified.soundness_bits >= 100


def test_every_challenge_is_entered(case: Case) -> None:
    plan = round_plan(case.statement)
    counter, empty = Inventory(plan.scheme), np.zeros_like(case.result.ciphertext)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None) and None)
    check_challenges(counter, plan)
    plan = enrolment_plan(case.enrolment)
    counter = Inventory(plan.scheme)
    counter.run(lambda party: enrolment(party, case.enrolment, None))
    check_challenges(counter, plan)


def test_a_simulated_enrolment_and_round_are_accepted(case: Case) -> None:
    told = simulated_enrolment(case, 1)
    assert check_enrolment(case.enrolment, told, Coins(COINS)).soundness_bits >= 40
    with pytest.raises(ProofRejected):
        check_enrolment(case.enrolment, told, Coins(b"other coins"))
    statement, ciphertext, told = simulated_round(case, 1)
    assert len(told) == pytest.approx(len(case.result.proof), rel=0.03)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    with pytest.raises(ProofRejected):
        check_round(statement, ciphertext, DIGESTS, told, Coins(b"other coins"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["three classes", "distances in one column"])
def test_rejects_a_changed_entry_of_every_column(name: str) -> None:
    case = made(name)
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    honest, columns = dict(Recorder.last.columns), head_columns(case)
    assert len(columns) >= 9
    for column in columns:
        for position in {0, (1 << column.log_size) - 1}:
            forger = changing_entry((column.commitment, column.index), position, honest)
            proof = prove_with(case, witness, encryption.ciphertext, forger, seeded(4))
            check = refusal(lambda proof=proof: verify_round(case.statement, encryption.ciphertext, *proof))  # type: ignore[misc]
            assert check == "column queries", (column.name, position)


def labels_of(case: Case) -> np.ndarray:
    """The column of labels: 5 rows in 8 of 3 classes in 4."""
    bits = np.zeros((8, 4), dtype=np.int64)
    bits[np.arange(5), case.labels] = 1
    return bits


ROWS_OF_BITS = {
    "no class": [0, 0, 0, 0],
    "two classes": [1, 1, 0, 0],
    "all classes": [1, 1, 1, 0],
    "a class in padding": [0, 0, 0, 1],
    "numbers that make up one": [2, -1, 0, 0],
    "the whole class twice": [2, 0, 0, 0],
}


@pytest.mark.parametrize("bits", ROWS_OF_BITS)
def test_rejects_labels_of_another_form(case: Case, bits: str) -> None:
    labels = labels_of(case)
    labels[1] = ROWS_OF_BITS[bits]
    assert enrolled_with(case, labels) == "column queries"


@pytest.mark.parametrize(("row", "unit"), [(5, 0), (7, 2), (7, 3)])
def test_rejects_labels_of_rows_that_are_not_enrolled(case: Case, row: int, unit: int) -> None:
    labels = labels_of(case)
    labels[row, unit] = 1
    assert enrolled_with(case, labels) == "column queries"


def enrolled_with(case: Case, labels: np.ndarray) -> str:
    """The refusal of an enrolment of these bits."""
    enrol_with(case, Recorder)
    proof = enrol_with(case, replacing_columns({"labels": labels.reshape(-1)}, dict(Recorder.last.columns)))
    return refusal(lambda: verify_enrolment(case.enrolment, proof))


def test_accepts_replaced_labels_where_they_are_honest(case: Case) -> None:
    enrol_with(case, Recorder)
    forger = replacing_columns({"labels": labels_of(case).reshape(-1)}, dict(Recorder.last.columns))
    assert verify_enrolment(case.enrolment, enrol_with(case, forger)).soundness_bits >= 40


@pytest.mark.slow
def test_rejects_a_fresh_commitment_to_other_labels(case: Case) -> None:
    """Also where the labels have more variables than the features."""
    for about in (case, made("more classes than features")):
        other = about.labels.copy()
        other[0] = (other[0] + 1) % about.config.model.head.classes
        witness, encryption = round_witness(about, seeded(3), labels=other)
        proof = prove_with(about, witness, encryption.ciphertext, Forger, seeded(4))
        check = refusal(lambda proof=proof: verify_round(about.statement, encryption.ciphertext, *proof))  # type: ignore[misc]
        assert check == "column queries"


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_of_no_class_are_refused_before_they_are_enrolled(case: Case, label: int) -> None:
    labels = case.labels.copy()
    labels[0] = label
    with pytest.raises(ConfigurationError, match="values 0 to 2"):
        prove_enrolment(case.enrolment, case.features, labels, seeded(1))
