"""A layer with means: whoever takes another mean, or passes other gradients, is refused; it commits to no mean."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from proofward.layers.network import chain
from proofward.layers.relu_mean import ReluMean, WindowSums
from proofward.proof.transcript import Coins
from proofward.relations.prove import check_round, verify_round
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with
from tests.relations.inventory import columns
from tests.relations.otherwise import (
    SAMPLE_OR_WHOLE,
    Prepared,
    prepare,
    refuse_changed_entries,
    refuse_changed_messages,
    refuse_training,
)  # fmt: skip
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

CONV = {"kind": "conv2d", "outputs": 2, "kernel": 2, "stride": 1, "padding": 1}
LAYERS = [
    CONV, {"kind": "relu_avgpool2d"}, {**CONV, "outputs": 3}, {"kind": "relu_global_avgpool"},
    {"kind": "linear", "outputs": 2},
]  # fmt: skip
RULES = config(network=chain((1, 6, 6), LAYERS), batch=2, steps=2, rate=1 << 8, clip=2048)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(RULES, rows=3)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


def test_a_mean_is_not_committed_to_and_gradients_are_those_of_windows(case: Case) -> None:
    """The columns are those of a ReLU of as many sums; those of gradients have a window's entry each."""
    sizes = {column.name: column.log_size for column in columns(case)}
    for layer, sums, window in (("layer 1 ", 7, 2), ("layer 2 ", 6, 4)):
        own = {name.removeprefix(layer): size for name, size in sizes.items() if name.startswith(layer)}
        own = {name: size for name, size in own.items() if "weights" not in name and "biases" not in name}
        assert {name.split(",")[0] for name in own} <= {
            "low", "inside", "above", "high", "remainders",
            "gradient low", "gradient sign", "gradient high", "gradient remainders",
        }  # fmt: skip
        assert own["low, limb 0"] == own["remainders, limb 0"] == 2 + sums
        assert own["gradient low, limb 0"] == own["gradient remainders, limb 0"] == 2 + sums - window


@pytest.mark.slow
@SAMPLE_OR_WHOLE
def test_rejects_a_changed_entry_of_every_column(case: Case, prepared: Prepared, whole: bool) -> None:
    names = refuse_changed_entries(case, prepared, whole)
    assert sum("gradient" in name for name in names) >= (6 if whole else 2)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2))
def test_rejects_changed_messages(case: Case, prepared: Prepared, first: int) -> None:
    refuse_changed_messages(case, prepared, 31 * first, 89)


def three_of_four(self: ReluMean, sums, scales):  # type: ignore[no-untyped-def]
    """The last sum of every window is left out."""
    whole = self._padded.apart(sums.copy())
    whole[..., -1] = -1 << 40
    count, channels, rows, wide, _ = whole.shape
    tall = 1 << self._padded.down
    shaped = whole.reshape(count, channels, rows, wide, tall, -1).transpose(0, 1, 2, 4, 3, 5)
    return forward(self, shaped.reshape(len(sums), -1), scales)


def divided(self: ReluMean, sums, scales):  # type: ignore[no-untyped-def]
    """The mean is rounded, as a division would."""
    unit = 1 << self.mean_bits
    return forward(self, sums, scales) // unit * unit


def one_tap(self: ReluMean, sums, back_sums, scales):  # type: ignore[no-untyped-def]
    """The whole gradient goes to the first sum of every window."""
    passed = backward(self, sums, back_sums, scales)
    first = self._padded.apart(np.arange(sums.shape[1])[None])[..., 0].reshape(-1)
    kept = np.zeros_like(passed)
    kept[:, first] = passed[:, first]
    return kept


def shared_out(self: ReluMean, sums, back_sums, scales):  # type: ignore[no-untyped-def]
    """The gradient is divided and rounded at the coarse scale."""
    unit = 1 << self.mean_bits
    return backward(self, sums, back_sums, scales) // unit * unit


forward, backward = ReluMean.forward, ReluMean.backward
OTHER = {
    "a sum left out": ("forward", three_of_four),
    "a rounded mean": ("forward", divided),
    "a gradient for one of the sums": ("backward", one_tap),
    "a rounded gradient": ("backward", shared_out),
}


@pytest.mark.parametrize("name", OTHER)
def test_rejects_the_training_with_another_mean(case: Case, name: str) -> None:
    refuse_training(case, ReluMean, *OTHER[name])


def test_rejects_a_prover_whose_table_of_means_is_another(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    """The columns are honest; what the layers above are said to read is not."""
    witness, ciphertext, _ = prepared
    honest = WindowSums.matrix

    def changed(self: WindowSums, party):  # type: ignore[no-untyped-def]
        values = honest(self, party).copy()
        values[0, 0] += np.uint64(1)
        return values

    with mock.patch.object(WindowSums, "matrix", changed):
        proof = prove_with(case, witness, ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))
