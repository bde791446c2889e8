"""A layer with means: whoever takes another mean, or passes other gradients, is refused; it commits to no mean."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from proofward.layers.activations.mean_windows import UnevenOver, Windows
from proofward.layers.activations.relu_mean import ReluMean
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.divisor import Divisor
from proofward.layers.networks.network import chain
from proofward.proof.transcript import Coins
from proofward.relations.proofs.prove import check_round, verify_round
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with, round_witness
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
UNEVEN = [CONV, {"kind": "relu_avgpool2d", "size": 3}, CONV, {"kind": "relu_global_avgpool"}, LAYERS[-1]]
RULES = {
    "powers of two": config(network=chain((1, 6, 6), LAYERS), batch=2, steps=2, rate=1 << 8, clip=2048),
    "9 and 6": config(network=chain((1, 5, 2), UNEVEN), batch=2, steps=2, rate=1 << 8, clip=2048),
}


@pytest.fixture(scope="module", params=RULES)
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(RULES[request.param], rows=3)


@pytest.fixture(scope="module")
def uneven() -> Case:
    return make_case(RULES["9 and 6"], rows=3)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


def test_a_mean_is_not_committed_to_and_gradients_are_those_of_windows(case: Case) -> None:
    """The columns are those of a ReLU of as many sums; those of gradients have a window's entry each."""
    sizes = {column.name: column.log_size for column in columns(case)}
    found = ((6, 4), (4, 3)) if case.statement.config == RULES["9 and 6"] else ((7, 2), (6, 4))
    for layer, (sums, window) in zip(("layer 1 ", "layer 2 "), found, strict=True):
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
def test_rejects_a_changed_entry_of_every_column(uneven: Case, whole: bool) -> None:
    names = refuse_changed_entries(uneven, prepare(uneven), whole)
    assert sum("gradient" in name for name in names) >= (6 if whole else 2)


@pytest.mark.slow
def test_rejects_changed_messages(case: Case, prepared: Prepared) -> None:
    refuse_changed_messages(case, prepared, 31, 89)


def three_of_four(self: ReluMean, sums, scales):  # type: ignore[no-untyped-def]
    """The last sum of every window is left out."""
    last = self.windows.apart(np.arange(self.takes.size)[None])[..., -1].reshape(-1)
    changed = self.takes.unpad(sums).copy()
    changed[:, last] = -1 << 40
    return forward(self, self.takes.pad(changed), scales)


def divided(self: ReluMean, sums, scales):  # type: ignore[no-untyped-def]
    """The mean is rounded, as a division would."""
    unit = self.mean_of
    return forward(self, sums, scales) // unit * unit


def one_tap(self: ReluMean, sums, back_sums, scales):  # type: ignore[no-untyped-def]
    """The whole gradient goes to the first sum of every window."""
    passed = backward(self, sums, back_sums, scales)
    first = self.windows.apart(np.arange(self.takes.size)[None])[..., 0].reshape(-1)
    kept, real = np.zeros((len(sums), self.takes.size), np.int64), self.takes.unpad(passed)
    kept[:, first] = real[:, first]
    return self.takes.pad(kept)


def shared_out(self: ReluMean, sums, back_sums, scales):  # type: ignore[no-untyped-def]
    """The gradient is divided and rounded at the coarse scale."""
    unit = self.mean_of
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
    honest = Windows.padded_sums

    def changed(self: Windows, values):  # type: ignore[no-untyped-def]
        found = honest(self, values).copy()
        found[0, 0] += np.uint64(1)
        return found

    with mock.patch.object(Windows, "padded_sums", changed):
        proof = prove_with(case, witness, ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"


def test_rejects_a_prover_whose_gradients_of_windows_are_others(uneven: Case) -> None:
    """A sum of a window is said to have another gradient than the window's, in the table that is proved of."""
    witness, ciphertext, _ = prepare(uneven)
    honest = UnevenOver.values

    def changed(self: UnevenOver, of):  # type: ignore[no-untyped-def]
        values = honest(self, of).copy()
        values[::5] = 0
        return values

    with mock.patch.object(UnevenOver, "values", changed):
        proof = prove_with(uneven, witness, ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(uneven.statement, ciphertext, *proof)) == "column queries"


def one_less(self: Divisor, values):  # type: ignore[no-untyped-def]
    """Q - 1, wherever R + D is below the next power of two."""
    return rounded(self, values) - self._fits(values)


def one_divisor_more(self: Divisor, values):  # type: ignore[no-untyped-def]
    """The remainder R + D that belongs to it."""
    return remainder(self, values) + self.value * self._fits(values)


def fits(self: Divisor, values):  # type: ignore[no-untyped-def]
    above = remainder(self, values) + self.value
    return (self.odd != 1) * (above < 1 << (self.bits + self.odd_bits)).astype(np.int64)


rounded, remainder = Divisor.rounded, Divisor.remainder


def test_rejects_a_remainder_that_is_not_below_the_divisor(uneven: Case) -> None:
    """The equations hold and limbs fit their bits: only the table of the top limb tells it."""
    statement, honest = uneven.statement, prepare(uneven)[2]

    class Counting(Forger):
        fallback = honest  # multiplicities of what is no entry

    forging = (
        mock.patch.object(Divisor, "_fits", fits, create=True),
        mock.patch.object(Divisor, "rounded", one_less),
        mock.patch.object(Divisor, "remainder", one_divisor_more),
    )
    powers = mock.patch.object(
        RangeChecks, "_table_below", lambda self, count: self._table((count - 1).bit_length())
    )
    with forging[0], forging[1], forging[2]:
        witness, encryption = round_witness(uneven, seeded(3))
        proof = prove_with(uneven, witness, encryption.ciphertext, Counting, seeded(4))
        with powers:
            other = prove_with(uneven, witness, encryption.ciphertext, Forger, seeded(4))
    assert (witness.update.delta != round_witness(uneven, seeded(3))[0].update.delta).any()
    assert refusal(lambda: verify_round(statement, encryption.ciphertext, *proof)) == "column queries"
    with powers:  # whose verifier sees nothing
        verify_round(statement, encryption.ciphertext, *other)


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))
