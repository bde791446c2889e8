"""Forged evaluations: other bins, rows, classes, records and models than the statement's, and every column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest

from proofward.field.goldilocks import random_field
from proofward.lattice.parameters import RING_DEGREE
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.forms import Column
from proofward.relations.evaluations.evaluation_round import evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.evaluations.score_bins import Placed
from proofward.relations.proofs.evaluation_proof import verify_evaluation
from proofward.relations.proofs.measure import evaluation_plan
from tests.proof.cheats import Forger, Inventory, changing_entry, changing_message, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Signed, ciphertext_of
from tests.relations.evaluation_cases import (
    LAYOUT,
    ROWS,
    Evaluated,
    enrolled,
    evaluated,
    honest_columns,
    says,
    statement_of,
    with_sample,
)

BINS = LAYOUT.bins


class Pretends(Forger):
    """A forger whose lookups are counted as those of an honest prover where they cannot be counted."""

    fallback: ClassVar[dict[tuple[int, int], Any]] = {}


@pytest.fixture(autouse=True)
def honest() -> None:
    Pretends.fallback = honest_columns()


def refused_by(made: Evaluated, prover: type[Forger] = Pretends) -> str:
    """The check that refuses what the prover says."""
    said = says(made, prover)
    return refusal(lambda: verify_evaluation(made.statement, *said))


def test_a_forger_of_the_truth_is_accepted() -> None:
    verify_evaluation(statement_of(), *says(evaluated(), Pretends))


def columns() -> list[Column]:
    statement = statement_of()
    counter = Inventory(evaluation_plan(statement).scheme)
    nothing = np.zeros_like(evaluated().ciphertext)
    counter.run(lambda party: evaluation_round(party, statement, nothing, lambda _: (), None) and None)
    return counter.columns


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_column() -> None:
    """But for the sharing polynomial, whose coefficients are free and are what the shares are bound to.

    The columns of the reopened commitment are what its tableau has, see `test_rejects_another_dataset`.
    """
    names = []
    for number, column in enumerate(columns()):
        if column.name.startswith("sharing coefficient") or column.commitment == 0:
            continue
        position = ((2 * number + 1) << column.log_size) // 7 % (1 << column.log_size)
        forger = changing_entry((column.commitment, column.index), position, honest_columns())
        assert refused_by(evaluated(), forger) == "column queries", (column.name, position)
        names.append(column.name)
    assert len(names) == len(columns()) - 3 and {
        "bins of scores", "lower edges", "upper edges", "above lower edges, limb 0", "below upper edges, limb 0",
        "multiplicities of bins of both classes", "labels", "secret",
    } <= set(names)  # fmt: skip


@pytest.mark.slow
def test_rejects_a_changed_message() -> None:
    plan = evaluation_plan(statement_of())
    count = plan.pads + 2 * plan.products
    for target in [*range(0, count, 151), count - 1]:
        assert refused_by(evaluated(), changing_message(target)) == "column queries", target
    verify_evaluation(statement_of(), *says(evaluated(), changing_message(count)))


def moved(source: int, target: int) -> Signed:
    """One record less in a cell and one more in another, of the histogram and of the confusion table."""
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    for cell, step in ((source, -1), (target, 1)):
        change[cell] += step
        change[2 * BINS + cell // (BINS // 2)] += step
    return change


def some_cell() -> int:
    """A cell of the histogram in which records are."""
    return int(evaluated().counts[: 2 * BINS].argmax())


def other_bin(cell: int) -> int:
    return cell + 1 if cell % BINS + 1 < BINS else cell - 1


@pytest.mark.parametrize("target", ["other bin", "other class"])
@pytest.mark.parametrize("columns", ["honest", "as counted"])
def test_rejects_a_record_that_is_encrypted_in_another_cell(target: str, columns: str) -> None:
    """The column of multiplicities is that of the lookups, or that of the false counts."""
    source = some_cell()
    cell = other_bin(source) if target == "other bin" else (source + BINS) % (2 * BINS)
    made, forger = evaluated(change=moved(source, cell)), Pretends

    class AsCounted(Pretends):
        def alter(self, column: Column, value: Any) -> Any:
            if column.name == "multiplicities of bins of both classes":
                value = value.copy()
                value[[source, cell]] = value[source] - np.uint64(1), value[cell] + np.uint64(1)
            return value

    if columns == "as counted":
        forger = AsCounted
    assert refused_by(made, forger) == "column queries"


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("edges", ["of the true bin", "of the false one", "lower", "upper"])
def test_rejects_a_sample_in_another_bin(edges: str, step: int) -> None:
    """Counts, multiplicities and lookups follow the false bin; its edges or the ranges tell.

    Of the false bin are no edges, both, or the one beyond which the score is not.
    """
    statement, known = statement_of(), evaluated()
    differences = known.witness.forward.sums[-1]
    own = statement.edges.bin_of(differences[:, 1] - differences[:, 0])
    inside = (own + step >= 0) & (own + step < BINS)
    sample = int(np.flatnonzero(inside[: statement.records])[0])
    false = own.copy()
    false[sample] += step
    shift = int(known.witness.classes[sample]) * BINS
    made = evaluated(change=moved(shift + int(own[sample]), shift + int(false[sample])))
    low, high = (own, own) if edges == "of the true bin" else (false, false)
    if edges in ("lower", "upper"):
        low, high = (false, own) if edges == "lower" else (own, false)
    lower, upper = statement.edges.values[low], statement.edges.values[high + 1]
    shifted = differences[:, 1] - differences[:, 0] + statement.edges.half
    placed = Placed(false, lower, upper, shifted - lower, upper - 1 - shifted)
    with mock.patch.object(Placed, "of", lambda about, known: placed):
        assert refused_by(made) == "column queries"


@pytest.mark.parametrize("cell", [0, 1, 2, 3])
def test_rejects_another_confusion_table(cell: int) -> None:
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    change[2 * BINS + cell] = 1
    assert refused_by(evaluated(change=change)) == "column queries"


def test_rejects_samples_that_are_no_records_among_the_counts() -> None:
    """Two records of zeros are counted as if they were the hospital's."""
    count, place = statement_of().blank
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    change[place], change[2 * BINS + place // (BINS // 2)] = count, count
    assert refused_by(evaluated(change=change)) == "column queries"


@pytest.mark.parametrize("rows", ["one less", "one of training", "all of training", "one twice", "one more"])
def test_rejects_other_rows(rows: str) -> None:
    """Trace, classes and counts are those of other rows than the beacon has drawn."""
    arc = statement_of().arc
    own, outside = arc.held_out, arc.trained
    chosen = {
        "one less": own[:-1],
        "one of training": np.append(own[:-1], outside[0]),
        "all of training": outside[: len(own)],
        "one twice": np.append(own[:-1], own[0]),
        "one more": np.append(own, outside[0]),
    }[rows]
    assert refused_by(evaluated(rows=chosen)) == "column queries"


def test_rejects_another_models_scores() -> None:
    weights = -statement_of().weights
    assert refused_by(evaluated(weights=weights)) == "column queries"


@pytest.mark.parametrize("committed", ["the enrolled dataset", "another"])
@pytest.mark.parametrize("what", ["features", "labels"])
def test_rejects_another_dataset(what: str, committed: str) -> None:
    """Of a counted row: with the enrolled columns reopened, or with those of the other dataset."""
    secret, row = enrolled()[1], int(statement_of().arc.held_out[0])
    features, labels = secret.features.copy(), secret.labels.copy()
    if what == "features":
        features[row] *= -1
    else:
        labels[row] = 1 - labels[row]
    made = evaluated(features=features, labels=labels)
    if committed == "the enrolled dataset":
        witness = replace(made.witness, features=secret.features, labels=secret.labels)
        made = replace(made, witness=witness)
    assert refused_by(made) == "column queries"


def test_rejects_the_forward_pass_of_other_features() -> None:
    """Of one sample, with counts that follow: the claim on the inputs tells."""
    known = evaluated()
    row = known.witness.features[known.statement.selection[0]]
    assert refused_by(with_sample(known, 0, -row)) == "column queries"


def test_rejects_the_class_of_a_sample_that_is_not_its_label() -> None:
    known = evaluated()
    classes = known.witness.classes.copy()
    classes[1] = 1 - classes[1]
    assert refused_by(replace(known, witness=replace(known.witness, classes=classes))) == "column queries"


def test_rejects_counts_behind_the_last() -> None:
    made = evaluated()
    error = made.witness.encryption.error.astype(np.int64)
    secret = made.witness.encryption.secret.astype(np.int64)
    words = ciphertext_of(made.statement, secret, error, np.append(made.counts, 1))  # type: ignore[arg-type]
    assert refused_by(replace(made, ciphertext=words)) == "column queries"


def other(**changes: Any) -> EvaluationStatement:
    return replace(statement_of(), **changes)



@pytest.mark.parametrize(
    "change",
    ["consortium", "round", "attempt", "hospital", "beacon", "validation_beacon", "dataset_root", "weights", "counting", "config"],
)  # fmt: skip
def test_rejects_other_statements(change: str) -> None:
    own = statement_of()
    value = {
        "round": 3, "attempt": 1, "hospital": "h2", "weights": own.weights + 1,
        "counting": replace(own.counting, rounds=(2, 4)), "config": replace(own.config, clip_bound=4097),
    }.get(change, b"o" * 32)  # fmt: skip
    said = says(evaluated())
    assert refusal(lambda: verify_evaluation(other(**{change: value}), *said))


def test_rejects_other_rows_and_another_layout() -> None:
    said = says(evaluated())
    more = replace(statement_of().config, most_rows=ROWS + 1)
    assert refusal(lambda: verify_evaluation(other(config=more, rows=ROWS + 1), *said))
    longer = statement_of(layout=replace(LAYOUT, bins=8))
    assert refusal(lambda: verify_evaluation(longer, *said)) == "ciphertext"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consortium", b""), ("beacon", b"1"), ("validation_beacon", b""), ("dataset_root", b""), ("round", -1),
        ("attempt", 1 << 32), ("rows", ROWS + 1), ("weights", np.zeros(3, dtype=np.int64)),
        ("weights", np.full(30, 1 << 40, dtype=np.int64)), ("left_out", (1, 0)),
    ],
)  # fmt: skip
def test_refuses_statements_that_say_nothing(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError):
        other(**{name: value})


def test_rejects_other_sealed_shares() -> None:
    ciphertext, digests, proof = says(evaluated())
    for wrong in ((digests[0], digests[2], digests[1]), digests[:2], (*digests[:2], b"1")):
        assert refusal(lambda given=wrong: verify_evaluation(statement_of(), ciphertext, given, proof))  # type: ignore[misc]
    binding = verify_evaluation(statement_of(), ciphertext, digests, proof).share_binding
    assert not binding.matches(1, random_field(RING_DEGREE, seeded(1)), binding.values[0])
