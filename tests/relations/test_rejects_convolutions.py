"""A convolution's proof: whoever computes another one, or changes a column or a message, is refused."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.layers.convolutions import conv2d
from proofward.layers.convolutions.conv2d import Conv2dTrainer
from proofward.layers.convolutions.conv2d_relation import Conv2dRelation
from proofward.layers.networks.network import chain
from proofward.proof.transcript import Coins
from proofward.relations.proofs.prove import check_round, verify_round
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.accounting import forge
from tests.relations.cases import Case, ciphertext_of, config, make_case, prove_with, round_witness
from tests.relations.otherwise import (
    SAMPLE_OR_WHOLE,
    Prepared,
    flipped,
    prepare,
    refuse_changed_entries,
    refuse_changed_messages,
    refuse_training,
)  # fmt: skip
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

LAYERS = [
    {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "conv2d", "outputs": 2, "kernel": 2, "stride": 1, "padding": 1},
    {"kind": "linear", "outputs": 2},
]
RULES = config(network=chain((2, 6, 5), LAYERS), batch=2, steps=2, rate=1 << 12, clip=2048)


@pytest.fixture(scope="module")
def case() -> Case:
    """Two convolutions, two steps, and an update whose lowest bits are rounded off."""
    made = make_case(RULES, rows=3)
    assert made.statement.rule.dropped_bits > 0
    return made


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


@pytest.mark.slow
def test_a_forger_with_an_honest_witness_is_accepted(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    witness, ciphertext, _ = prepared
    proof = prove_with(case, witness, ciphertext, Forger, seeded(4))
    verify_round(case.statement, ciphertext, *proof)


@pytest.mark.slow
@SAMPLE_OR_WHOLE
def test_rejects_a_changed_entry_of_every_column(case: Case, prepared: Prepared, whole: bool) -> None:
    names = refuse_changed_entries(case, prepared, whole)
    assert sum("leading bits" in name for name in names) >= (6 if whole else 2)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(3))
def test_rejects_changed_messages(case: Case, prepared: Prepared, first: int) -> None:
    refuse_changed_messages(case, prepared, 10 * first, 61)


def shifted(self: Conv2dTrainer, inputs: np.ndarray, bound: int) -> np.ndarray:
    """One column of the picture further."""
    sums = forward(self, inputs, bound).reshape(len(inputs), *self.layer.gives.padded_axes)
    moved = np.zeros_like(sums)
    moved[..., 1:] = sums[..., :-1]
    return self.layer.gives.pad(self.layer.gives.unpad(moved.reshape(len(inputs), -1)))


def frozen(self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    """The layer is not trained."""


def skipped(self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    """The gradients of the first row of positions are left out."""
    pictures = gradients.reshape(len(gradients), *self.layer.gives.padded_axes).copy()
    pictures[:, :, 0] = 0
    update(self, pictures.reshape(len(gradients), -1), inputs, rate)


def negated(self: Conv2dTrainer, gradients: np.ndarray, bound: int) -> np.ndarray:
    return -backward(self, gradients, bound)


forward, backward, update = Conv2dTrainer.forward, Conv2dTrainer.backward, Conv2dTrainer.update
OTHER = {
    "a flipped kernel": ("forward", flipped),
    "another place": ("forward", shifted),
    "a frozen layer": ("update", frozen),
    "positions left out": ("update", skipped),
    "another gradient": ("backward", negated),
}


@pytest.mark.parametrize("name", OTHER)
def test_rejects_the_training_of_another_convolution(case: Case, name: str) -> None:
    refuse_training(case, Conv2dTrainer, *OTHER[name])


def test_rejects_leading_bits_of_another_update(case: Case) -> None:
    """D is another within its range and U follows it: only the rounding of Delta is false."""
    witness, _ = round_witness(case, seeded(3))
    rule = case.statement.rule
    other = witness.update.delta + (np.arange(len(witness.update.delta)) == 7) * (3 << rule.dropped_bits)
    update_ = replace(witness.update, update=rule.quantise(other, witness.update.multiplier), delta=other)
    error = witness.encryption.error.astype(np.int64)
    ciphertext = ciphertext_of(case.statement, witness.encryption.secret, error, update_.update)
    seen, proof = forge(case, replace(witness, update=update_), ciphertext)
    assert seen.false and not seen.false & seen.leaves
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"


@pytest.mark.slow
def test_a_proof_of_a_network_of_another_geometry_is_refused() -> None:
    """Every second place of a padded picture, and every place of the bare one: as many weights and sums."""
    made = []
    for stride, padding in ((2, 1), (1, 0)):
        layers = [{**LAYERS[0], "stride": stride, "padding": padding}, LAYERS[2]]
        made.append(make_case(replace(RULES, model=chain((2, 5, 5), layers)), rows=3))
    one, two = made
    assert one.config.model.widths == two.config.model.widths
    for own, other in ((one, two), (two, one)):
        result, statement = own.result, replace(own.statement, config=other.config)
        check = refusal(lambda: verify_round(statement, result.ciphertext, result.sealed_shares, result.proof))
        assert check is not None
        witness, encryption = round_witness(own, seeded(3))
        proof = prove_with(own, witness, encryption.ciphertext, Forger, seeded(4), statement)
        about = replace(statement, dataset_root=own.secret.root)
        assert refusal(lambda: verify_round(about, encryption.ciphertext, *proof)) == "column queries"


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert len(told) == pytest.approx(len(case.result.proof), rel=0.03)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))


def test_the_verifier_fills_short_tables_only(case: Case) -> None:
    """What a verifier and a counter compute of a convolution never has the size of a picture."""
    sizes = []
    honest = conv2d.Axis.inputs_by_tap

    def watched(axis: conv2d.Axis, output) -> np.ndarray:  # type: ignore[no-untyped-def, name-defined]
        sizes.append(honest(axis, output).size)
        return honest(axis, output)

    forbidden = mock.Mock(side_effect=AssertionError("a prover's table"))
    with (
        mock.patch.object(conv2d.Axis, "inputs_by_tap", watched),
        mock.patch.object(Conv2dRelation, "_over_channels", forbidden),
        mock.patch.object(Conv2dRelation, "_over_batch", forbidden),
    ):
        result = case.result
        verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)
    assert sizes and max(sizes) <= 2 * 4 * 8
