"""A picture and a row: whoever takes another patient's row, or none, or reads it as a picture is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.layers.basics.record import FIRST, ROW, RecordLayout
from proofward.layers.local_training import passes
from proofward.layers.local_training.training import scores
from proofward.layers.networks.network import Network, chain
from proofward.proof.forms import Point
from proofward.proof.transcript import Coins
from proofward.relations.predictions.predict import prove_prediction, verify_prediction
from proofward.relations.proofs.prove import check_round, verify_round
from proofward.relations.records.dataset import DatasetShape
from proofward.relations.records.enrolment import verify_enrolment
from tests.proof.cheats import Forger, Recorder, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, enrol_with, make_case, prove_with, round_witness
from tests.relations.inference_cases import adding, public_model, says, some_records, witness_of
from tests.relations.otherwise import Prepared, prepare, refuse_changed_messages, refuse_training
from tests.relations.test_rejects_inference import Counting
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

LINEAR = {"kind": "linear", "outputs": 3}
LAYERS = [LINEAR, LINEAR, {"kind": "add", "from": "row", "by": LINEAR}, {"kind": "linear", "outputs": 2}]
BESIDE, INSIDE = chain((1, 2, 2), LAYERS, 3), chain((1, 3, 3), LAYERS, 3)
"""The row is behind the picture, and in its padding; the first layer would read what lies there."""
parts, terms, part = RecordLayout.whole_parts, RecordLayout.terms, RecordLayout.part
Parts = dict[int, np.ndarray]


def case_of(network: Network) -> Case:
    return make_case(config(network=network, batch=2, steps=2, rate=1 << 8), rows=3)


@pytest.fixture(scope="module", params=[BESIDE, INSIDE], ids=["beside", "inside"])
def case(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


def test_where_the_rows_lie() -> None:
    assert BESIDE.record.log_beyond == 1 and INSIDE.record.log_beyond == 0
    assert INSIDE.record.block == (12, 15) and BESIDE.record.block == (4, 7)


@pytest.mark.slow
def test_rejects_changed_messages(case: Case, prepared: Prepared) -> None:
    refuse_changed_messages(case, prepared, 7, 181)


def of_another_patient(own: RecordLayout, values: np.ndarray) -> Parts:
    found = parts(own, values)
    return {**found, ROW: np.roll(found[ROW], 1, axis=0)}


def of_zeros(own: RecordLayout, values: np.ndarray) -> Parts:
    return {**parts(own, values), ROW: np.zeros((len(values), own.row), dtype=values.dtype)}


def with_columns_exchanged(own: RecordLayout, values: np.ndarray) -> Parts:
    found = parts(own, values)
    return {**found, ROW: found[ROW][:, ::-1]}


OTHERWISE: dict[str, Callable[[RecordLayout, np.ndarray], Parts]] = {
    "another patient's row": of_another_patient,
    "zeros for the row": of_zeros,
    "columns exchanged": with_columns_exchanged,
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_rejects_another_training(case: Case, name: str) -> None:
    """Everything else is done for that other training, and the proof's script is the true one."""
    refuse_training(case, RecordLayout, "whole_parts", OTHERWISE[name])


@pytest.mark.parametrize("name", ["another patient's row", "zeros for the row"])
def test_rejects_records_other_than_the_enrolled_ones(case: Case, name: str) -> None:
    """The proof commits afresh to records with these rows: they are not equal to those of the enrolment."""
    own = OTHERWISE[name](case.config.model.record, case.features)
    features = np.hstack([own[FIRST], own[ROW]])
    assert (features != case.features).any()
    witness, encryption = round_witness(case, seeded(3), features=features)
    proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


def test_rejects_a_row_that_does_not_join(case: Case) -> None:
    """The row's layer is left out forwards, so its sums are those of the chain's layer alone."""
    real = passes.Passes.forward

    def other(*args):  # type: ignore[no-untyped-def]
        with mock.patch.object(passes, "_added", lambda sums: sums[0][0]):
            return real(*args)

    refuse_training(case, passes.Passes, "forward", other)


def reading_the_row(own: RecordLayout, values: np.ndarray) -> Parts:
    """The first layer's inputs are all that lies in its part of the column, the row among it."""
    whole = own.pad(values)[..., : own.first.padded_size]
    return {FIRST: whole, ROW: own.layouts[ROW].pad(parts(own, values)[ROW])}


def terms_of_everything(own: RecordLayout, place: int, unit: Point):  # type: ignore[no-untyped-def]
    return terms(own, place, unit)[:1]


@pytest.mark.slow
def test_rejects_a_first_layer_that_reads_the_row() -> None:
    """Both the training and the prover's claims are those of a first layer that has the row in its padding."""
    case = case_of(INSIDE)

    def everything(own: RecordLayout, whole: np.ndarray, place: int) -> np.ndarray:
        return part(own, whole, place) if place == ROW else whole[..., : own.first.padded_size]

    honest, _ = round_witness(case, seeded(3))
    with (
        mock.patch.object(RecordLayout, "parts", reading_the_row),
        mock.patch.object(RecordLayout, "part", everything),
        mock.patch.object(RecordLayout, "terms", terms_of_everything),
    ):
        witness, encryption = round_witness(case, seeded(3))
        proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    assert (witness.update.delta != honest.update.delta).any()
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


def test_rejects_values_that_are_of_neither_part(case: Case) -> None:
    """One entry of the column that belongs to no part is not 0: every one of a record, and of no record."""
    layout, rows = case.config.model.record, 4
    whole = np.zeros((rows, layout.padded_size), dtype=np.int64)
    whole[:3] = layout.pad(case.features)
    own = layout.pad(np.ones((1, layout.size), dtype=np.int64))[0]
    empty = [(1, int(at)) for at in np.flatnonzero(own == 0)] + [(3, 0), (3, layout.start)]
    assert len(empty) > 2
    enrol_with(case, Recorder)
    honest = dict(Recorder.last.columns)
    for row, at in empty:
        changed = whole.copy()
        changed[row, at] = 1
        proof = enrol_with(case, replacing_columns({"features": changed.reshape(-1)}, honest))
        assert refusal(lambda made=proof: verify_enrolment(case.enrolment, made)) == "column queries"  # type: ignore[misc]
    proof = enrol_with(case, replacing_columns({"features": whole.reshape(-1)}, honest))
    assert verify_enrolment(case.enrolment, proof).soundness_bits >= 40


def test_what_is_kept_is_what_records_fill(case: Case) -> None:
    shape = DatasetShape(3, case.config.model.record, case.config.model.head.labels)
    ones = np.ones((3, shape.layout.size), dtype=np.int64)
    (kept,) = shape.kept
    assert np.array_equal(kept.inside, shape.pad_features(ones))


def test_rejects_a_prediction_with_another_row(case: Case) -> None:
    network = case.config.model
    model, records = public_model(network), some_records(network, 2, spread=50)
    honest = prove_prediction(model, records, seeded(1))
    verify_prediction(honest.statement, honest.proof)
    with mock.patch.object(RecordLayout, "whole_parts", of_another_patient):
        statement, witness = witness_of(honest)
        said = scores(model.model, model.scales, model.weights, records)
    assert (said != honest.statement.scores).any()
    other = replace(statement, scores=said)
    assert refusal(lambda: verify_prediction(other, says(other, witness, Forger))) == "column queries"


def test_rejects_a_prediction_of_values_that_are_of_neither_part(case: Case) -> None:
    """No layer reads them, so that nothing but the zeros of the padding is false."""
    network = case.config.model
    made = prove_prediction(public_model(network), some_records(network, 2, spread=50), seeded(1))
    full = network.record.pad(np.ones((1, network.record.size), dtype=np.int64))[0]
    empty = np.flatnonzero(full == 0)
    for place in (empty[0], network.record.padded_size + empty[-1]):
        statement, witness = witness_of(made, adding(int(place), 1))
        proof = says(statement, witness, Counting)
        assert len(Counting.false) == 1
        assert refusal(lambda own=statement, said=proof: verify_prediction(own, said)) == "column queries"  # type: ignore[misc]


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))
