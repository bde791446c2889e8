"""A grouped convolution's proof: sums over another group, or a group that is not trained, are refused."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.layers.basics.layout import Layout
from proofward.layers.convolutions.conv2d import Conv2dTrainer
from proofward.layers.networks.network import chain
from proofward.proof.transcript import Coins
from proofward.relations.proofs.prove import check_round, verify_round
from tests.proof.cheats import refusal
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case
from tests.relations.otherwise import prepare, refuse_changed_messages, refuse_training
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

LAYERS = [
    {"kind": "conv2d", "outputs": 6, "kernel": 2, "stride": 1, "padding": 1, "groups": 3},
    {"kind": "conv2d", "outputs": 3, "kernel": 2, "stride": 1, "padding": 0, "groups": 3},
    {"kind": "linear", "outputs": 2},
]
UNEVEN = [
    {"kind": "conv2d", "outputs": 9, "kernel": 2, "stride": 1, "padding": 0, "groups": 3},
    {"kind": "conv2d", "outputs": 3, "kernel": 1, "stride": 1, "padding": 0, "groups": 3},
    {"kind": "linear", "outputs": 2},
]
RULES = {
    "powers of two": config(network=chain((3, 3, 4), LAYERS), batch=2, steps=2, rate=1 << 8, clip=2048),
    "three outputs and channels": config(network=chain((3, 2, 3), UNEVEN), batch=2, steps=2, rate=1 << 8, clip=2048),
}


@pytest.fixture(scope="module", params=RULES)
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(RULES[request.param], rows=3)


def turned(pictures: np.ndarray, layout: Layout, groups: int) -> np.ndarray:
    """Channels of the next group in place of those of each."""
    whole = layout.unpad(pictures).reshape(len(pictures), *layout.axes)
    other = np.roll(whole, -(layout.axes[0] // groups), axis=1)
    return layout.pad(other.reshape(len(pictures), -1))


def other_group(self: Conv2dTrainer, inputs: np.ndarray, bound: int) -> np.ndarray:
    """Every output is a sum over the inputs of the next group."""
    layer = self.layer
    return forward(self, turned(inputs, layer.inputs, layer.groups), bound)


def other_group_back(self: Conv2dTrainer, gradients: np.ndarray, bound: int) -> np.ndarray:
    """Gradients go to the inputs of another group."""
    layer = self.layer
    return backward(self, turned(gradients, layer.gives, layer.groups), bound)


def other_group_trained(self: Conv2dTrainer, gradients: np.ndarray, inputs: np.ndarray, rate: int) -> None:
    """The weights are trained on the inputs of the next group."""
    layer = self.layer
    update(self, gradients, turned(inputs, layer.inputs, layer.groups), rate)


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
    refuse_training(case, Conv2dTrainer, *OTHER[name])


@pytest.mark.slow
def test_rejects_changed_messages(case: Case) -> None:
    refuse_changed_messages(case, prepare(case), 3, 97)


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))
