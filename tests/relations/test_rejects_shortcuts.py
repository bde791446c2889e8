"""A network with shortcuts: whoever leaves one out, scales it, or takes other values is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.layers.local_training import passes
from proofward.layers.networks.network import chain
from proofward.layers.networks.shortcuts import Addends, Joints
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party
from proofward.proof.transcript import Coins
from proofward.relations.networks import joined_layers
from proofward.relations.networks.joined_layers import Kind, prove_sum
from proofward.relations.predictions.predict import prove_prediction, verify_prediction
from proofward.relations.proofs.prove import check_round, verify_round
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with, round_witness
from tests.relations.inference_cases import public_model, some_records
from tests.relations.inventory import columns
from tests.relations.otherwise import Prepared, prepare, refuse_changed_messages, refuse_training
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

CONV = {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1}
POINT = {**CONV, "kernel": 1, "padding": 0}
LAYERS = [
    CONV, CONV, {"kind": "add", "from": 1, "by": POINT}, CONV, {"kind": "add", "from": 1},
    {"kind": "linear", "outputs": 2},
]  # fmt: skip
NETWORK = chain((1, 2, 2), LAYERS)
sums, back_sums, added = Joints.sums, Joints.back_sums, passes._added
Other = Callable[[Joints, int, int], Addends]


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(config(network=NETWORK, batch=2, steps=2, rate=1 << 8), rows=3)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


@pytest.mark.slow
def test_a_shortcut_is_not_committed_to(case: Case) -> None:
    """A network without has the same columns of layers, but those for what is beyond a range."""
    plain = chain((1, 2, 2), [own for own in LAYERS if own["kind"] != "add"])
    other = make_case(config(network=plain, batch=2, steps=2, rate=1 << 8), rows=3)

    def own(of: Case) -> list[tuple[str, int]]:
        found = [(column.name, column.log_size) for column in columns(of) if "layer" in column.name]
        return [entry for entry in found if not any(word in entry[0] for word in ("high", "weights", "biases"))]

    assert own(case) == own(other) and len(own(case)) > 20


@pytest.mark.slow
def test_rejects_changed_messages(case: Case, prepared: Prepared) -> None:
    refuse_changed_messages(case, prepared, 7, 181)


def from_another_layer(own: Joints, at: int, bits: int) -> Addends:
    """What joins the third layer's sums as it is comes from the second layer, in place of the first."""
    found = sums(own, at, bits)
    return Addends(found.layers, tuple((2, shift) for _, shift in found.direct))


def taken_twice(own: Joints, at: int, bits: int) -> Addends:
    found = sums(own, at, bits)
    return Addends(found.layers, 2 * found.direct)


def without_values(own: Joints, at: int, bits: int) -> Addends:
    return Addends(sums(own, at, bits).layers, ())


OTHERWISE: dict[str, tuple[str, Other]] = {
    "left out forwards": ("sums", without_values),
    "left out backwards": ("back_sums", lambda own, at, bits: Addends(back_sums(own, at, bits).layers, ())),
    "of another scale forwards": ("sums", lambda own, at, bits: sums(own, at, bits - 1)),
    "of another scale backwards": ("back_sums", lambda own, at, bits: back_sums(own, at, bits + 1)),
    "taken twice": ("sums", taken_twice),
    "from another layer": ("sums", from_another_layer),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_rejects_another_training(case: Case, name: str) -> None:
    """Everything else is done for that other training, and the proof's script is the true one."""
    refuse_training(case, Joints, *OTHERWISE[name])


def without_layers(parts: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
    """What a layer of a shortcut makes, which alone counts once, is left out."""
    return added([parts[0], *(part for part in parts[1:] if part[1] != 1)])


@pytest.mark.parametrize("forwards", [True, False])
def test_rejects_a_layer_of_a_shortcut_that_is_left_out(case: Case, forwards: bool) -> None:
    """Forwards and backwards it makes sums of its own, which are the ones that its claim is about."""
    method = "forward" if forwards else "backward"
    real = getattr(passes.Passes, method)

    def other(*args):  # type: ignore[no-untyped-def]
        with mock.patch.object(passes, "_added", without_layers):
            return real(*args)

    refuse_training(case, passes.Passes, method, other)


def test_rejects_a_value_that_is_said_of_another_layer(case: Case) -> None:
    """The training has the other layer's values, and the proof says their extension where the claim is split."""

    def said(party: Party, point: Point, claim: Form, found: Addends, layers: Kind, direct: Kind) -> None:
        values = [at for at, _ in found.direct] == [1]  # backwards it is the gradients of layer 2
        exchanged.append(values)
        own = replace(direct, known=lambda _: direct.known(2)) if values else direct
        prove_sum(party, point, claim, found, layers, own)

    exchanged: list[bool] = []
    with mock.patch.object(Joints, "sums", from_another_layer):
        witness, encryption = round_witness(case, seeded(3))
    with mock.patch.object(joined_layers, "prove_sum", said):
        proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    assert sum(exchanged) == 1
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


@pytest.mark.parametrize("name", ["of another scale forwards", "of another scale backwards"])
def test_rejects_a_proof_of_another_network(case: Case, name: str) -> None:
    """Training and script are both the other network's: its proof is none of this statement."""
    with mock.patch.object(Joints, *OTHERWISE[name]):
        witness, encryption = round_witness(case, seeded(3))
        proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "linear constraints"


def test_rejects_a_prediction_with_another_scale() -> None:
    model, records = public_model(NETWORK), some_records(NETWORK, 2, spread=50)
    honest = prove_prediction(model, records, seeded(1))
    verify_prediction(honest.statement, honest.proof)
    with mock.patch.object(Joints, *OTHERWISE["of another scale forwards"]):
        other = prove_prediction(model, records, seeded(1))
        verify_prediction(other.statement, other.proof)
    assert (other.statement.scores != honest.statement.scores).any()
    assert refusal(lambda: verify_prediction(other.statement, other.proof))


@pytest.mark.slow
def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    assert refusal(lambda: verify_round(statement, ciphertext, DIGESTS, told))
