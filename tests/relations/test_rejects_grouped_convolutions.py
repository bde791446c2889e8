"""A grouped convolution's proof: sums over another group, or a group that is not trained, are refused."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from proofward.layers.conv2d import Conv2dTrainer
from proofward.layers.network import chain
from proofward.proof.transcript import Coins
from proofward.relations.measure import round_plan
from proofward.relations.prove import check_round, verify_round
from tests.proof.cheats import Forger, Recorder, changing_message, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with, round_witness
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

LAYERS = [
    {"kind": "conv2d", "outputs": 6, "kernel": 2, "stride": 1, "padding": 1, "groups": 3},
    {"kind": "conv2d", "outputs": 3, "kernel": 2, "stride": 1, "padding": 0, "groups": 3},
    {"kind": "linear", "outputs": 2},
]
RULES = config(network=chain((3, 3, 4), LAYERS), batch=2, steps=2, rate=1 << 8, clip=2048)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(RULES, rows=3)


def turned(pictures: np.ndarray, sizes: tuple[int, ...], groups: int) -> np.ndarray:
    """Channels of the next group in place of those of each."""
    whole = pictures.reshape(len(pictures), *sizes).copy()
    real = groups * (sizes[0] // 4)  # three of four groups
    whole[:, :real] = np.roll(whole[:, :real], -(sizes[0] // 4), axis=1)
    return whole.reshape(len(pictures), -1)


def other_group(self: Conv2dTrainer, inputs: np.ndarray, bound: int) -> np.ndarray:
    """Every output is a sum over the inputs of the next group."""
    layer = self.layer
    return forward(self, turned(inputs, layer.inputs.padded_axes, layer.groups), bound)


def other_group_back(self: Conv2dTrainer, gradients: np.ndarray, bound: int) -> np.ndarray:
    """Gradients go to the inputs of another group."""
    layer = self.layer
    return backward(self, turned(gradients, layer.gives.padded_axes, layer.groups), bound)


def other_group_trained(self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    """The weights are trained on the inputs of the next group."""
    layer = self.layer
    update(self, gradients, turned(inputs, layer.inputs.padded_axes, layer.groups), rate)


def last_group_frozen(self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    pictures = gradients.reshape(len(gradients), *self.layer.gives.padded_axes).copy()
    pictures[:, self.layer.outputs // 3 * 2 :] = 0
    update(self, pictures.reshape(len(gradients), -1), inputs, rate)


forward, backward, update = Conv2dTrainer.forward, Conv2dTrainer.backward, Conv2dTrainer.update
OTHER = {
    "sums over another group": ("forward", other_group),
    "gradients of another group": ("backward", other_group_back),
    "trained on another group": ("update", other_group_trained),
    "a group that is not trained": ("update", last_group_frozen),
}


@pytest.mark.parametrize("name", OTHER)
def test_rejects_the_training_of_another_grouping(case: Case, name: str) -> None:
    """Everything else is done for that other training: its own rounding, update, clipping and encryption."""
    method, instead = OTHER[name]
    honest, _ = round_witness(case, seeded(3))
    with mock.patch.object(Conv2dTrainer, method, instead):
        witness, encryption = round_witness(case, seeded(3))
    assert (witness.update.delta != honest.update.delta).any()
    proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    check = refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof))
    assert check == "column queries"


def test_rejects_changed_messages(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    proof = prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    verify_round(case.statement, encryption.ciphertext, *proof)
    plan = round_plan(case.statement)
    for target in range(3, plan.pads + 2 * plan.products, 97):
        proof = prove_with(case, witness, encryption.ciphertext, changing_message(target), seeded(4))
        assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries", target


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))
