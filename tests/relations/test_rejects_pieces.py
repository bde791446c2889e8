"""Records in pieces: pictures of three, five and seven channels are committed to without a channel too many.

Whole enrolments and rounds; then another value in every piece, values where there are none, and a training on
channels that are not those that were enrolled.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proofward.field.goldilocks import to_signed
from proofward.layers.basics.record_pieces import committed_size, pieces_of
from proofward.layers.networks.network import chain
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import enrolment, enrolment_plan, verify_enrolment
from tests.proof.cheats import Forger, Inventory, Recorder, changing_entry, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, enrol_with, make_case, prove_with, round_witness
from tests.relations.inventory import columns
from tests.relations.test_zero_knowledge import assert_simulated

LAYERS = [{"kind": "conv2d", "outputs": 2, "kernel": 2, "stride": 1, "padding": 1}, {"kind": "linear", "outputs": 2}]
ROWS = 3


@cache
def made(channels: int = 3) -> Case:
    return make_case(config(network=chain((channels, 3, 2), LAYERS), batch=2, steps=2), rows=ROWS)


@pytest.mark.parametrize("channels", [3, 5, 7])
def test_pictures_are_enrolled_and_trained_on_in_pieces(channels: int) -> None:
    case = made(channels)
    record = case.config.model.record
    names = [piece.name for piece in pieces_of(record)]
    own = {column.name: 1 << column.log_size for column in columns(case) if column.commitment <= 1}
    assert set(names) == {name for name in own if name.startswith("features")} and len(names) == channels.bit_count()
    assert sum(own[name] for name in names) == 4 * committed_size(record) == 4 * channels * 8 < 4 * record.padded_size
    verify_enrolment(case.enrolment, case.enrolment_proof)
    result = case.result
    verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_rejects_another_value_in_every_piece() -> None:
    case = made()
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    honest, refused = dict(Recorder.last.columns), 0
    for column in columns(case):
        if column.name.startswith("features") and column.commitment > 0:
            prover = changing_entry((column.commitment, column.index), 1, honest)
            proof = prove_with(case, witness, encryption.ciphertext, prover, seeded(4))
            check = refusal(lambda proof=proof: verify_round(case.statement, encryption.ciphertext, *proof))
            assert check == "column queries", column.name
            refused += 1
    assert refused == 2


def enrolled_columns(case: Case) -> dict[str, np.ndarray]:
    """The columns of the honest enrolment, as signed integers, by name."""
    enrol_with(case, Recorder)
    counter = Inventory(enrolment_plan(case.enrolment).scheme)
    counter.run(lambda party: enrolment(party, case.enrolment, None))
    return {own.name: Recorder.last.columns[own.commitment, own.index] for own in counter.columns}


def test_rejects_an_enrolment_with_values_where_there_are_none() -> None:
    """Behind the last row, the height and the width of each piece, and out of range within them."""
    case = made()
    known = enrolled_columns(case)
    honest = dict(Recorder.last.columns)
    low, high = case.config.scales.input_range
    for piece in pieces_of(case.config.model.record):
        size = 1 << piece.log_size
        for place, value in ((3 * size, 1), (6, 1), (0, high + 1), (size - 8, low - 1)):
            changed = to_signed(known[piece.name]).copy()
            changed[place] = value
            proof = enrol_with(case, replacing_columns({piece.name: changed}, honest))
            check = refusal(lambda proof=proof: verify_enrolment(case.enrolment, proof))
            assert check == "column queries", (piece.name, place)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0)], ids=["within a piece", "between pieces"])
def test_rejects_a_training_on_channels_in_another_order(order: tuple[int, ...]) -> None:
    case = made()
    pictures = case.features.reshape(ROWS, 3, 3, 2)
    other = np.ascontiguousarray(pictures[:, order]).reshape(ROWS, -1)
    witness, encryption = round_witness(case, seeded(3), features=other)
    proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


def test_a_simulated_round_on_pieces_is_accepted() -> None:
    assert_simulated(made())
