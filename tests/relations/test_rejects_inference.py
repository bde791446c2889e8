"""A prediction that is not the model's is refused, whatever its prover commits to and says."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest

from proofward.field.goldilocks import to_signed
from proofward.field.scalar import P
from proofward.layers.arithmetic.rounding import Rounding, rounded
from proofward.layers.local_training.training import forward_sums
from proofward.proof.forms import Column
from proofward.proof.leaves import VirtualColumn
from proofward.relations.predictions.inference import inference
from proofward.relations.predictions.inference_statement import InferenceStatement
from proofward.relations.predictions.predict import (
    ProvedPrediction,
    inference_plan,
    prove_prediction,
    verify_prediction,
)
from tests.proof.cheats import Forger, Inventory, changing_entry, changing_message, refusal
from tests.proof.toy import seeded
from tests.relations.accounting import Accounting
from tests.relations.forged_values import Change, Columns, computing, declare_fitting, one_step
from tests.relations.inference_cases import (
    NETWORKS,
    SCALES,
    adding,
    proved,
    public_model,
    says,
    whole_records,
    witness_of,
)
from tests.relations.otherwise import SAMPLE_OR_WHOLE
from tests.relations.pooled_cases import FORGERIES, choice, choosing, pooled_case
from tests.relations.test_rejects_forged_values import CASES
from tests.relations.test_rejects_forged_values import FORGERIES as FORGED_VALUES


def refused(statement: InferenceStatement, proof: bytes) -> bool:
    return refusal(lambda: verify_prediction(statement, proof)) == "column queries"


def columns_of(statement: InferenceStatement) -> list[Column]:
    counter = Inventory(statement.forward_pass.scheme)
    counter.run(lambda party: inference(party, statement, None))
    return counter.columns


def honest_values(made: ProvedPrediction) -> dict[tuple[int, int], Any]:
    class Keeps(Forger):
        kept: ClassVar[dict[tuple[int, int], Any]] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            self.kept[column.commitment, column.index] = value
            return value

    says(*witness_of(made), Keeps)
    return dict(Keeps.kept)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one layer", "deep", "classes", "pooled", "means"])
@SAMPLE_OR_WHOLE
def test_rejects_a_changed_entry_of_every_column(name: str, whole: bool) -> None:
    """Of every column its first and its last entry, or the one or the other in turn."""
    made = proved(name, 3)
    statement, witness = witness_of(made)
    values = honest_values(made)
    columns = columns_of(statement)
    assert len(values) == len(columns) >= 3
    for number, column in enumerate(columns):
        ends = (0, (1 << column.log_size) - 1)
        for position in ends if whole else ends[number % 2 :][:1]:
            prover = changing_entry((column.commitment, column.index), position, values)
            assert refused(statement, says(statement, witness, prover)), (column.name, position)


@pytest.mark.slow
def test_rejects_a_changed_message() -> None:
    statement, witness = witness_of(proved("pooled", 1))
    plan = inference_plan(statement.forward_pass)
    count = plan.pads + 2 * plan.products
    for target in [*range(0, count, 7), count - 1]:
        assert refused(statement, says(statement, witness, changing_message(target)))
    verify_prediction(statement, says(statement, witness, changing_message(count)))


class Counting(Accounting):
    """A forger that notes which of its constraints are false."""

    false: ClassVar[set[int]] = set()


@pytest.mark.parametrize(
    ("name", "position", "amount"),
    [("mlp", 5, 1), ("mlp", 3 * 8 + 7, -3), ("pooled", 6, 1), ("pooled", 5 * 8 + 1, 1)],
)
def test_rejects_values_where_a_record_has_none(name: str, position: int, amount: int) -> None:
    """Weights of what does not exist are 0, so that nothing but the zeros of the padding is false."""
    made = proved(name, 4)
    statement, witness = witness_of(made, adding(position, amount))
    proof = says(statement, witness, Counting)
    assert len(Counting.false) == 1 and refused(statement, proof)


def test_rejects_another_record_behind_the_last() -> None:
    """With scores that are those of a record of zeros, to which it is so near."""
    made = proved("mlp", 3)
    features = whole_records(made.statement, made.opening.features)
    features[3, 0] = 1
    statement, witness = witness_of(made, adding(3 * 8, 1), features)
    differences = witness.sums[-1][:, 1] - witness.sums[-1][:, 0]
    blank = int(statement.padded_scores[3])
    assert int(rounded(differences, SCALES)[3]) % P == blank
    proof = says(statement, witness, Counting)
    assert len(Counting.false) == 1 and refused(statement, proof)


@pytest.mark.parametrize("amount", [4096, -4096, 1 << 20])
def test_rejects_a_record_out_of_range(amount: int) -> None:
    """The sums are those of that record, and its lookups are counted as honest ones."""
    made = proved("mlp", 3)
    features = whole_records(made.statement, made.opening.features)
    features[1, 0] += amount
    statement, witness = witness_of(made, adding(8, amount), features)
    scores = rounded(witness.sums[-1][:, 1] - witness.sums[-1][:, 0], SCALES)[:3]
    statement = replace(statement, scores=scores)

    class Pretends(Counting):
        fallback = honest_values(made)

    assert refused(statement, says(statement, witness, Pretends))


@pytest.mark.parametrize("fitting", [False, True])
@pytest.mark.parametrize("amount", [1, -1, 1000])
@pytest.mark.parametrize("name", ["one layer", "mlp", "classes", "pooled", "means"])
def test_rejects_another_score(name: str, amount: int, fitting: bool) -> None:
    """The remainder stays in its range: the sum that the prover claims is another, or does not fit its lookup."""
    made = proved(name, 3)
    statement, witness = witness_of(made)
    scores = statement.scores.copy()
    scores.reshape(3, -1)[1, -1] += amount
    other = replace(statement, scores=scores)
    if fitting:
        honest, wrong = witness.sums[-1], witness.sums[-1].copy()
        wrong[1, 1 if scores.ndim == 1 else 2] += amount << NETWORKS[name].last_rounding(SCALES).weight_bits
        assert (honest != wrong).sum() == 1
        witness = replace(witness, sums=[*witness.sums[:-1], wrong])
    proof = says(other, witness, Counting)
    assert len(Counting.false) in (1, 2) and refused(other, proof)
    assert refusal(lambda: verify_prediction(other, made.proof))


def forged(statement: InferenceStatement, witness: Any, change: Change, fitting: bool = False) -> bytes:
    """A proof with entries of columns changed, by name and position, with honest multiplicities."""

    class Unchanged(Forger):
        known: ClassVar[dict[tuple[int, int], Any]] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            self.known[column.commitment, column.index] = value
            return value

    class Changes(Accounting):
        fallback = Unchanged.known
        named: ClassVar[Columns] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            return self.changed(column.name, value)

        @classmethod
        def changed(cls, name, value):  # type: ignore[no-untyped-def]
            if name in change:
                value = value.copy()
                for position, entry in change[name].items():
                    value[position] = entry % P
            cls.named[name] = to_signed(value)
            return value

    honest = VirtualColumn.values
    says(statement, witness, Unchanged)
    with ExitStack() as stack:
        stack.enter_context(
            mock.patch.object(
                VirtualColumn, "values", lambda self, of: Changes.changed(self.name, honest(self, of))
            )
        )
        if fitting:
            stack.enter_context(mock.patch.object(Rounding, "declare", declare_fitting(Changes.named)))
        proof = says(statement, witness, Changes)
    assert Changes.false or not change
    return proof


def prediction_of(about: str) -> ProvedPrediction:
    """Of the records of a training whose hidden values are at the ends of their ranges."""
    case = one_step(*CASES[about])
    model = public_model(case.config.model, case.statement.initial_weights)
    return prove_prediction(model, case.features, seeded(1))


FORWARD = [
    name for name, (_, _, expected) in FORGED_VALUES.items()
    if all(own.startswith("forward: ") for own in expected.split(", "))
]  # fmt: skip


@pytest.mark.parametrize("fitting", [False, True])
@pytest.mark.parametrize("name", FORWARD)
def test_rejects_a_forged_hidden_value(name: str, fitting: bool) -> None:
    """All later sums and the scores follow from the forged value."""
    about, change, _ = FORGED_VALUES[name]
    made = prediction_of(about)
    statement, witness = witness_of(made)
    with computing(change):
        whole = whole_records(statement, made.opening.features)
        sums = forward_sums(statement.model, SCALES, statement.weights, whole)
    scores = rounded(sums[-1][:, 1] - sums[-1][:, 0], SCALES)[: len(statement.scores)]
    most = statement.forward_pass.largest_score
    statement = replace(statement, scores=np.clip(scores, -most, most))
    assert refused(statement, forged(statement, replace(witness, sums=sums), change, fitting))


@pytest.mark.slow
def test_forged_hidden_values_are_accepted_without_a_change() -> None:
    assert len(FORWARD) > 8
    for fitting in (False, True):
        statement, witness = witness_of(prediction_of("activations"))
        verify_prediction(statement, forged(statement, witness, {}, fitting))


@pytest.mark.slow
@pytest.mark.parametrize("pretend", [False, True])
@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_another_choice_of_maxima(name: str, pretend: bool) -> None:
    """Scores follow from the choice."""
    case, (window, greatest, chosen, _) = pooled_case(), FORGERIES[name]
    made = prove_prediction(
        public_model(case.config.model, case.statement.initial_weights), case.features, seeded(1)
    )
    statement, honest = witness_of(made)

    class Pretends(Counting):
        fallback = honest_values(made)

    with choosing(partial(choice, window, greatest, chosen), pretend=pretend):
        _, witness = witness_of(made)
        scores = rounded(witness.sums[-1][:, 1] - witness.sums[-1][:, 0], SCALES)
        statement = replace(statement, scores=scores)
        proof = says(statement, witness, Pretends)
    assert Pretends.false and refused(statement, proof)
    verify_prediction(made.statement, says(made.statement, honest, Pretends))


def test_rejects_other_records_than_the_committed_ones() -> None:
    """With their own scores."""
    made, other = proved("one layer", 3), proved("one layer", 3, seed=2)
    statement, witness = witness_of(made)
    elsewhere = witness_of(other)[1]
    statement = replace(statement, scores=other.statement.scores)
    assert refused(
        statement, says(statement, replace(witness, column=elsewhere.column, sums=elsewhere.sums), Counting)
    )
    assert Counting.false == set()
