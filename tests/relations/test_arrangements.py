"""High limbs of every width that public bounds can ask for: accepted, counted, and refused where they are false."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.lattice.parameters import ciphertext_length
from proofward.layers.networks.arrangement import Arrangement, training_values
from proofward.layers.rules.model import FixedPoint
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import verify_round
from proofward.relations.training_rounds.training_round import training_round
from tests.proof.cheats import Inventory, Recorder, changing_entry, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, make_case, prove_with, round_witness
from tests.sampling import sampled

# rules, and the widths of the limbs of u and e of the first hidden layer (if there is one) and of y
ARRANGED = {
    "one limb": (dict(steps=1), (9,), (7,), (3, 10)),
    "two limbs": (dict(widths=(32, 2, 2), steps=1), (2, 10), (7,), (2, 10)),
    "gradient without a high limb": (
        dict(steps=1, scales=FixedPoint(4, 1, 16, 8, 9, 9, 10)), (9,), (), (9,),
    ),
    "gradient's high limb its own sign": (
        dict(steps=1, scales=FixedPoint(4, 1, 16, 8, 7, 9, 10)), (9,), (), (9,),
    ),
    "two hidden layers": (dict(widths=(3, 3, 2, 2), steps=1), (8,), (9,), (2, 10)),
    "head without a high limb": (
        dict(widths=(1, 2), steps=1, scales=FixedPoint(4, 2, 16, 2, 4, 12, 12)), None, None, (),
    ),
    "head's high limb its own sign": (
        dict(widths=(1, 2), steps=1, scales=FixedPoint(4, 2, 16, 2, 4, 10, 10)), None, None, (),
    ),
}  # fmt: skip


def made(name: str) -> Case:
    rules, *_ = ARRANGED[name]
    return make_case(config(**{"rate": 1, **rules}), rows=5, spread=1 << 6 if "scales" not in rules else 2)


def training_columns(case: Case) -> list:  # type: ignore[type-arg]
    counter = Inventory(round_plan(case.statement).scheme)
    empty = np.zeros(ciphertext_length(case.config.model.parameters), dtype=np.uint64)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None))
    hidden = len(case.config.model.widths) - 2
    return [
        column
        for column in counter.columns
        if column.name.startswith("head ")
        or (
            column.name.startswith(tuple(f"layer {i + 1} " for i in range(hidden)))
            and "weights" not in column.name
            and "biases" not in column.name
        )
    ]


@pytest.mark.parametrize("name", ARRANGED)
def test_limbs_are_arranged_and_counted_and_accepted(name: str) -> None:
    case = made(name)
    rules, rows = case.config, case.statement.rows
    samples = rules.training.padded_steps(rows) * rules.training.batch
    found = Arrangement.of(rules.model, rules.scales, samples, case.statement.layer_bounds())
    _, high, back, head = ARRANGED[name]
    assert found.head.widths == head
    if high is not None:
        assert (found.hidden[0][0].widths, found.hidden[0][1].widths) == (high, back)
    assert found.head.is_zero == (name == "head without a high limb")
    assert all(back.is_zero for _, back in found.hidden) == (high is None or "without" in name)
    total = sum(1 << column.log_size for column in training_columns(case))
    limit = rules.weight_limit
    assert training_values(rules.model, rules.scales, rules.training, rows, limit) == total
    result = case.result
    verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)


def assert_changes_are_refused(name: str, whole: bool) -> None:
    """Of every column its first and its last entry, or the one or the other in turn."""
    case = made(name)
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    honest = dict(Recorder.last.columns)
    columns = training_columns(case)
    assert len(columns) >= 4
    for number, column in enumerate(columns):
        ends = (0, (1 << column.log_size) - 1)
        for position in set(ends) if whole else {ends[number % 2]}:
            forger = changing_entry((column.commitment, column.index), position, honest)
            proof = prove_with(case, witness, encryption.ciphertext, forger, seeded(4))
            check = refusal(lambda proof=proof: verify_round(case.statement, encryption.ciphertext, *proof))  # type: ignore[misc]
            assert check == "column queries", (column.name, position)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sampled(ARRANGED, ["two limbs", "gradient's high limb its own sign", "head without a high limb"])
)
def test_rejects_a_changed_entry_of_every_column(name: str) -> None:
    assert_changes_are_refused(name, whole=False)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ARRANGED)
def test_rejects_changed_entries_of_every_column(name: str) -> None:
    assert_changes_are_refused(name, whole=True)
