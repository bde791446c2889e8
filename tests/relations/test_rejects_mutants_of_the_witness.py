"""Every column, message and array matters: who changes one entry and forges the rest is refused."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.transcript import Label
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import enrolment, enrolment_plan, verify_enrolment
from proofward.relations.training_rounds.training_round import training_round
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
    counter = Inventory(plan.scheme)
    empty = np.zeros_like(case.result.ciphertext)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None) and None)
    return case, plan, counter


def inventory_of_enrolment(case: Case) -> Inventory:
    counter = Inventory(enrolment_plan(case.enrolment).scheme)
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


@pytest.mark.slow
def test_a_forger_with_an_honest_witness_is_accepted(prepared) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, Forger, seeded(4))
    verify_round(case.statement, ciphertext, *proof)
    verify_enrolment(case.enrolment, enrol_with(case, Forger))


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_enrolment_column(case: Case) -> None:
    enrol_with(case, Recorder)
    honest = dict(Recorder.last.columns)
    columns = inventory_of_enrolment(case).columns
    # X, Y and the multiplicities of two tables
    assert len(columns) == 4
    for column in columns:
        for position in positions(column.log_size):
            prover = changing_entry((column.commitment, column.index), position, honest)
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
        (column.name, (column.commitment, column.index), position)
        for column in counter.columns
        if column.commitment > 0
        for position in positions(column.log_size)
    ]


def assert_refused(prepared, entry: tuple[str, tuple[int, int], int]) -> None:  # type: ignore[no-untyped-def]
    """A proof with this entry changed, or the shares of its sharing polynomial."""
    case, _, _, witness, ciphertext, honest = prepared
    name, key, position = entry
    proof = prove_with(case, witness, ciphertext, changing_entry(key, position, honest.columns), seeded(4))
    if name.startswith("sharing coefficient"):
        # another sharing polynomial, properly committed to: the shares dealt out are refused instead
        binding = verify_round(case.statement, ciphertext, *proof).share_binding
        assert not any(binding.matches(s.holder, s.values, s.blind) for s in case.result.shares)
    else:
        check = refusal(lambda: verify_round(case.statement, ciphertext, *proof))
        assert check == "column queries", (name, position, check)


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_round_column(prepared) -> None:  # type: ignore[no-untyped-def]
    """One entry of each: the first of one column, one between of the next, the last of the third."""
    counter = prepared[2]
    assert len(counter.columns) > 40
    chosen: dict[tuple[int, int], list[tuple[str, tuple[int, int], int]]] = {}
    for entry in entries(counter):
        chosen.setdefault(entry[1], []).append(entry)
    for number, of_column in enumerate(chosen.values()):
        assert_refused(prepared, of_column[number % len(of_column)])
    assert chosen.keys() == {(c.commitment, c.index) for c in counter.columns if c.commitment > 0}


@pytest.mark.exhaustive
def test_rejects_changed_entries_of_every_round_column(prepared) -> None:  # type: ignore[no-untyped-def]
    for entry in entries(prepared[2]):
        assert_refused(prepared, entry)


@pytest.mark.slow
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


def spoken_of(case: Case, witness, ciphertext) -> list[tuple[str, ...]]:  # type: ignore[no-untyped-def]
    """Of every message of a round, the functions that say it, from the innermost on."""

    class Noting(Forger):
        def _say(self, keys, values):  # type: ignore[no-untyped-def]
            frame, callers = sys._getframe(1), []
            while frame is not None:
                callers.append(f"{frame.f_code.co_filename} {frame.f_code.co_name}")
                frame = frame.f_back
            spoken.extend([tuple(callers)] * len(values))
            return super()._say(keys, values)

    spoken: list[tuple[str, ...]] = []
    prove_with(case, witness, ciphertext, Noting, seeded(4))
    return spoken


def assert_message_matters(prepared, target: int) -> None:  # type: ignore[no-untyped-def]
    case, _, _, witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, changing_message(target), seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries", target


@pytest.mark.slow
def test_rejects_a_changed_message_of_every_part_of_a_round(prepared) -> None:  # type: ignore[no-untyped-def]
    """Of the messages that the same functions say, the one in the middle."""
    case, plan, _, witness, ciphertext, _ = prepared
    spoken = spoken_of(case, witness, ciphertext)
    assert len(spoken) == len(message_targets(plan, 1))
    parts: dict[tuple[str, ...], list[int]] = {}
    for target, callers in enumerate(spoken):
        parts.setdefault(callers, []).append(target)
    assert len(parts) > 30
    for targets in parts.values():
        assert_message_matters(prepared, targets[len(targets) // 2])


@pytest.mark.exhaustive
def test_rejects_every_changed_message_of_a_round(prepared) -> None:  # type: ignore[no-untyped-def]
    for target in message_targets(prepared[1], 1):
        assert_message_matters(prepared, target)


@pytest.mark.slow
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
