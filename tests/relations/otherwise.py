"""Provers of a round that do one thing otherwise, and what a verifier makes of each; for every kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

from proofward.layers.convolutions.conv2d import Conv2dTrainer
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import Forger, Recorder, changing_entry, changing_message, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, prove_with, round_witness
from tests.relations.inventory import columns, one_of_each_kind

Prepared = tuple[Any, Any, dict[Any, Any]]
SAMPLE_OR_WHOLE = pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["sample", "whole"]
)
forward = Conv2dTrainer.forward


def prepare(case: Case) -> Prepared:
    """An honest witness, its ciphertext, and the columns of its proof, which is accepted."""
    witness, encryption = round_witness(case, seeded(3))
    proof = prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    verify_round(case.statement, encryption.ciphertext, *proof)
    return witness, encryption.ciphertext, dict(Recorder.last.columns)


def refuse_changed_entries(case: Case, prepared: Prepared, whole: bool) -> list[str]:
    """Names of the columns: one entry of each is changed, another from column to column, and refused.

    The padding's entries come up among them. All columns, or a column of every kind.
    """
    witness, ciphertext, honest = prepared
    names, all_columns = [], columns(case)
    for index, column in enumerate(all_columns if whole else one_of_each_kind(all_columns)):
        if column.name.startswith("sharing coefficient"):
            continue
        position = ((2 * index + 1) << column.log_size) // 7 % (1 << column.log_size)
        prover = changing_entry((column.commitment, column.index), position, honest)
        proof = prove_with(case, witness, ciphertext, prover, seeded(4))
        found = refusal(lambda made=proof: verify_round(case.statement, ciphertext, *made))  # type: ignore[misc]
        assert found, (column.name, position)
        names.append(column.name)
    return names


def refuse_changed_messages(case: Case, prepared: Prepared, first: int, step: int) -> None:
    """Every so manieth message is changed and refused."""
    witness, ciphertext, _ = prepared
    plan = round_plan(case.statement)
    for target in range(first, plan.pads + 2 * plan.products, step):
        proof = prove_with(case, witness, ciphertext, changing_message(target), seeded(4))
        found = refusal(lambda made=proof: verify_round(case.statement, ciphertext, *made))  # type: ignore[misc]
        assert found == "column queries", target


def refuse_training(case: Case, kind: type, method: str, instead: Callable[..., Any]) -> None:
    """Everything else is done for that other training: its own rounding, update, clipping and encryption."""
    honest, _ = round_witness(case, seeded(3))
    with mock.patch.object(kind, method, instead):
        witness, encryption = round_witness(case, seeded(3))
    assert (witness.update.delta != honest.update.delta).any()
    proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


def flipped(self: Conv2dTrainer, inputs: np.ndarray, bound: int) -> np.ndarray:
    """A true convolution, which turns its kernel over, in place of a correlation."""
    own, layer = self.weights.values, self.layer
    self.weights.values = own.reshape(layer.weights.axes)[:, :, ::-1, ::-1].reshape(own.shape).copy()
    result = forward(self, inputs, bound)
    self.weights.values = own
    return result
