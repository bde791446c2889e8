"""Every column, message and array matters: who changes one entry and forges the rest is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.proof.tableau import CommittedTableau
from proofward.proof.transcript import Label
from proofward.relations.enrolment import enrolment, enrolment_plan, verify_enrolment
from proofward.relations.measure import round_plan
from proofward.relations.prove import verify_round
from proofward.relations.training_round import training_round
from tests.proof.cheats import (
    FalseProducts,
    FarFromCode,
    Forger,
    Inventory,
    Recorder,
    changing_array,
    changing_entry,
    changing_message,
    refusal,
)
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, enrol_with, make_case, prove_with, round_witness

ARRAYS = [Label.LINEAR, Label.QUADRATIC, Label.EVALUATIONS, Label.COMBINED_ROW]


def inventory_of_round(rules=None):  # type: ignore[no-untyped-def]
    """Columns of the round's script."""
    case = make_case(rules or config())
    plan = round_plan(case.statement)
    counter = Inventory(plan.code)
    empty = np.zeros_like(case.result.ciphertext)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None) and None)
    return case, plan, counter


def inventory_of_enrolment(case: Case) -> Inventory:
    counter = Inventory(enrolment_plan(case.enrolment).code)
    counter.run(lambda party: enrolment(party, case.enrolment, None))
    return counter


def positions(log_size: int) -> list[int]:
    """First, last (which is padding in most columns), and one between."""
    return sorted({0, (1 << log_size) - 1, (5 << log_size) >> 3})


@pytest.fixture(scope="module")
def prepared():  # type: ignore[no-untyped-def]
    case, plan, counter = inventory_of_round()
    witness, encryption = round_witness(case, seeded(3))
    proof = prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    verify_round(case.statement, encryption.ciphertext, *proof)
    return case, plan, counter, witness, encryption.ciphertext, Recorder.last


def test_a_forger_with_an_honest_witness_is_accepted(prepared) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, Forger, seeded(4))
    verify_round(case.statement, ciphertext, *proof)
    verify_enrolment(case.enrolment, enrol_with(case, Forger))


def test_rejects_a_changed_entry_of_every_enrolment_column(case: Case) -> None:
    enrol_with(case, Recorder)
    honest = dict(Recorder.last.columns)
    columns = inventory_of_enrolment(case).columns
    # X, Y and the multiplicities of two tables
    assert len(columns) == 4
    for column in columns:
        for position in positions(column.log_size):
            prover = changing_entry((column.tableau, column.index), position, honest)
            proof = enrol_with(case, prover)
            if well_formed(case, column.name, position):
                # another dataset: its commitment is another
                assert verify_enrolment(case.enrolment, proof).dataset_root != case.secret.root
            else:
                check = refusal(lambda: verify_enrolment(case.enrolment, proof))
                assert check == "column queries", (column.name, position)


def well_formed(case: Case, name: str, position: int) -> bool:
    """Whether adding 1 to this entry of the padded dataset gives another dataset that may be enrolled."""
    row, unit = divmod(position, 8)
    if name == "features":
        return row < case.enrolment.rows and unit < case.enrolment.features
    return name == "labels" and position < case.enrolment.rows and case.labels[position] == 0


def entries(counter: Inventory) -> list[tuple[str, tuple[int, int], int]]:
    """(name, column, position) for every column of a fresh tableau."""
    return [
        (column.name, (column.tableau, column.index), position)
        for column in counter.columns
        if column.tableau > 0
        for position in positions(column.log_size)
    ]


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_round_column(prepared) -> None:  # type: ignore[no-untyped-def]
    case, _, counter, witness, ciphertext, honest = prepared
    assert len(counter.columns) > 40
    seen = set()
    for name, key, position in entries(counter):
        proof = prove_with(
            case, witness, ciphertext, changing_entry(key, position, honest.columns), seeded(4)
        )
        seen.add(key)
        if name.startswith("sharing coefficient"):
            # another sharing polynomial, properly committed to: the shares dealt out are refused instead
            verified = verify_round(case.statement, ciphertext, *proof)
            refused = [
                not verified.share_binding.matches(s.holder, s.values, s.blind) for s in case.result.shares
            ]
            assert all(refused)
        else:
            assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)), (name, position)
    assert seen == {(c.tableau, c.index) for c in counter.columns if c.tableau > 0}


@pytest.mark.parametrize("every", [7])
def test_rejects_a_changed_entry_of_some_round_columns(prepared, every: int) -> None:  # type: ignore[no-untyped-def]
    case, _, counter, witness, ciphertext, honest = prepared
    for name, key, position in entries(counter)[::every]:
        if name.startswith("sharing coefficient"):
            continue
        proof = prove_with(
            case, witness, ciphertext, changing_entry(key, position, honest.columns), seeded(4)
        )
        check = refusal(lambda: verify_round(case.statement, ciphertext, *proof))
        assert check == "column queries", (name, position, check)


def test_rejects_another_tableau_in_place_of_the_reopened_one(prepared) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    honest = witness.previous
    for row, position in ((0, 0), (0, honest.data.shape[1] - 1), (honest.data.shape[0] - 1, 17)):
        data = honest.data.copy()
        data[row, position] += np.uint64(1)
        other = CommittedTableau(honest.code, data, honest.blinding, honest.salt_seed)
        proof = prove_with(case, replace(witness, previous=other), ciphertext, Forger, seeded(4))
        assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) in (
            "tableau root",
            "column queries",
        )


def message_targets(plan, every: int) -> range:  # type: ignore[no-untyped-def]
    return range(0, plan.pads + 2 * plan.products, every)


def test_rejects_changed_messages_of_a_round(prepared) -> None:  # type: ignore[no-untyped-def]
    case, plan, _, witness, ciphertext, _ = prepared
    for target in message_targets(plan, 23):
        proof = prove_with(case, witness, ciphertext, changing_message(target), seeded(4))
        assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries", target


@pytest.mark.slow
def test_rejects_every_changed_message_of_a_round(prepared) -> None:  # type: ignore[no-untyped-def]
    case, plan, _, witness, ciphertext, _ = prepared
    for target in message_targets(plan, 1):
        proof = prove_with(case, witness, ciphertext, changing_message(target), seeded(4))
        assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries", target


def test_rejects_every_changed_message_of_an_enrolment(case: Case) -> None:
    for target in message_targets(enrolment_plan(case.enrolment), 3):
        proof = enrol_with(case, changing_message(target))
        assert refusal(lambda: verify_enrolment(case.enrolment, proof)) == "column queries", target


@pytest.mark.parametrize("label", ARRAYS)
@pytest.mark.parametrize(("position", "plane"), [(0, 0), (0, 1), (3, 0), (-1, 1)])
def test_rejects_a_changed_array_of_a_round(prepared, label: Label, position: int, plane: int) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, changing_array(label, position, plane), seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) in (
        "linear constraints",
        "combined row at the out-of-domain point",
        "column queries",
    )


def test_rejects_products_that_are_none(prepared) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, FalseProducts, seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"


def test_rejects_a_tableau_far_from_the_code(prepared) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, FarFromCode, seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"
