"""Laws of every layer that the registry knows: a new one is found here, and needs a line of EXAMPLES only.

Integers agree with real numbers and with themselves (the backward pass is the transpose of the forward pass,
an update is its gradient), padding stays 0, values keep their ranges whatever the sums are, a round with the
layer and a prediction by it prove, and a prover that changes an entry of a column is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proofward.layers.activations.activation import Activation
from proofward.layers.affine_layers.affine import Affine
from proofward.layers.basics.layout import Layout
from proofward.layers.local_training.training import Trainer
from proofward.layers.networks.network import Network, chain
from proofward.layers.networks.registry import ACTIVATIONS, AFFINE, HEADS, IMPLIED
from proofward.layers.networks.shortcuts import ADD
from proofward.layers.rules.model import FixedPoint, Training
from proofward.relations.predictions.inference import inference
from proofward.relations.predictions.predict import PublicModel, prove_prediction, verify_prediction
from proofward.relations.proofs.prove import verify_round
from tests.layers.own_ranges import with_own_ranges
from tests.proof.cheats import Inventory, Recorder, changing_entry, refusal
from tests.proof.toy import seeded
from tests.relations.cases import config, make_case, prove_with, round_witness
from tests.relations.inference_cases import public_model, some_records
from tests.relations.inventory import columns

SCALES = FixedPoint()
ONE = 1 << SCALES.activation_bits
LINEAR = {"kind": "linear", "outputs": 3}
CONV = {"kind": "conv2d", "outputs": 2, "kernel": 2, "stride": 1, "padding": 1}
CUBE = {**CONV, "kernel": 3}
EXAMPLES: Mapping[str, tuple[tuple[int, ...], list[dict[str, Any]]]] = {
    "linear": ((5,), [LINEAR]),
    "conv2d": ((2, 3, 3), [CONV]),
    "relu": ((5,), [LINEAR]),
    "add": (
        (1, 3, 2), [CONV, CUBE, {"kind": "add", "from": 1}, CUBE, {"kind": "add", "from": 0, "by": CONV}, LINEAR],
    ),
    "relu_maxpool2d": ((1, 4, 3), [CONV, {"kind": "relu_maxpool2d"}]),
    "relu_avgpool2d": ((1, 4, 3), [CONV, {"kind": "relu_avgpool2d"}]),
    "relu_avgpool2d of 3 x 3": ((1, 2, 5), [CONV, {"kind": "relu_avgpool2d", "size": 3}]),
    "conv2d of groups of 3": ((6, 2, 3), [{**CONV, "outputs": 4, "groups": 2}]),
    "relu_global_avgpool": ((1, 2, 4), [CONV, {"kind": "relu_global_avgpool"}]),
}
"""Of each kind, of some with other values, and of shortcuts: a record's axes, and the layers below the last one."""

AFFINE_EXAMPLES = [kind for kind in EXAMPLES if kind.split()[0] in AFFINE]
TYPES: dict[str, type[Affine] | type[Activation]] = {**AFFINE, **ACTIVATIONS, IMPLIED.kind: IMPLIED}


def network(kind: str, classes: int = 2) -> Network:
    """A small network with the layer."""
    axes, below = EXAMPLES[kind]
    return chain(axes, [*below, {"kind": "linear", "outputs": classes}])


def padded(layout: Layout, values: np.ndarray) -> np.ndarray:
    return layout.pad(values.astype(np.float64))


def kept(layout: Layout, values: np.ndarray) -> np.ndarray:
    """Values (n, size) of padded ones, which are 0 elsewhere."""
    inside = layout.unpad(values)
    assert np.array_equal(layout.pad(inside), values)
    return inside.reshape(len(values), -1)


def test_every_type_has_an_example() -> None:
    assert {*TYPES, ADD} < set(EXAMPLES) and len(network(ADD).shortcuts) == 2
    for kind, found in TYPES.items():
        made = network(kind)
        assert any(type(layer) is found for layer in (*made.layers, *made.activations))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_one_plain_form(kind: str) -> None:
    made = network(kind)
    assert Network.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize("kind", AFFINE_EXAMPLES)
def test_a_layer_and_its_transpose(kind: str) -> None:
    layer, rng, rate = network(kind).layers[0], np.random.default_rng(1), 3
    assert isinstance(layer, AFFINE[kind.split()[0]])
    weights, biases = rng.integers(-(1 << 20), 1 << 20, layer.shape), rng.integers(-(1 << 20), 1 << 20, layer.biases.size)
    inputs = rng.integers(-(1 << 12), 1 << 12, (4, layer.takes.size))
    deltas = rng.integers(-(1 << 10), 1 << 10, (4, layer.gives.size))
    none = np.zeros_like(weights), np.zeros_like(biases)

    def sums(weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
        trainer = layer.trainer(weights, biases, ONE, 1 << 40)
        return kept(layer.gives, trainer.forward(padded(layer.takes, inputs), 1 << 12))

    trainer = layer.trainer(weights, biases, ONE, 1 << 40)
    back = kept(layer.takes, trainer.backward(padded(layer.gives, deltas), 1 << 10))
    linear = sums(weights, none[1])
    assert (linear * deltas).sum() == (inputs * back).sum() != 0
    real = [part.astype(np.float64) for part in (weights, biases << SCALES.activation_bits, inputs, deltas)]
    assert np.array_equal(layer.real_sums(*real[:3]), sums(weights, biases))
    gradients = layer.real_gradients(real[0], real[2], real[3])
    assert np.array_equal(gradients[2], back)

    trainer.update(padded(layer.gives, deltas), padded(layer.takes, inputs), rate)
    found = np.empty(layer.shape, np.int64), np.empty(layer.biases.size, np.int64)
    trainer.export(*found)
    moved = [(before - after) // rate for before, after in zip((weights, biases), found, strict=True)]
    assert np.array_equal(moved[0], gradients[0]) and moved[0].any()
    assert np.array_equal(moved[1], gradients[1].astype(np.int64) << SCALES.activation_bits) and moved[1].any()
    directions = rng.integers(-9, 9, layer.shape), rng.integers(-9, 9, layer.biases.size)
    assert (sums(*directions) * deltas).sum() == sum((one * two).sum() for one, two in zip(moved, directions, strict=True))


@pytest.mark.parametrize("kind", AFFINE_EXAMPLES)
def test_fans_bound_the_sums(kind: str) -> None:
    layer = network(kind).layers[0]
    ones, none = np.ones(layer.shape, np.int64), np.zeros(layer.biases.size, np.int64)
    trainer = layer.trainer(ones, none, ONE, 1 << 20)
    sums = trainer.forward(padded(layer.takes, np.ones((1, layer.takes.size))), 1)
    back = trainer.backward(padded(layer.gives, np.ones((1, layer.gives.size))), 1)
    assert 0 < sums.max() <= layer.fan_in and 0 < back.max() <= layer.fan_out
    assert layer.positions * layer.biases.size == layer.gives.size


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind.startswith("relu")])
def test_values_keep_their_ranges_and_agree_with_real_numbers(kind: str) -> None:
    own, rng = network(kind).activations[0], np.random.default_rng(2)
    assert own.kind == kind.split()[0]
    unit, back_unit = 1 << SCALES.weight_bits, 1 << SCALES.weight_bits
    for largest in (3, 1 << 30):  # within the ranges, and far beyond
        sums = own.takes.pad(rng.integers(-largest, largest + 1, (40, own.takes.size)) * unit)
        back = own.gives.pad(rng.integers(-largest, largest + 1, (40, own.gives.size)) * back_unit)
        values, deltas = own.forward(sums, SCALES), own.backward(sums, back, SCALES)
        inside, below = kept(own.gives, values), kept(own.takes, deltas)
        assert values.min() >= 0 and values.max() <= SCALES.activation_limit * own.mean_of
        assert abs(deltas).max() <= SCALES.gradient_limit
        if largest == 3:
            real = [layout.unpad(part).reshape(40, -1) / unit for layout, part in ((own.takes, sums), (own.gives, back))]
            means = own.mean_of
            found = own.real_values(real[0], SCALES.activation_limit) * means
            assert np.allclose(found, inside, rtol=1e-15) and inside.any()
            found = own.real_gradients(*real, SCALES.activation_limit) * means
            assert np.allclose(found, below, rtol=1e-15) and below.any()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_layer_keeps_its_own_range(kind: str) -> None:
    """A pass with ranges of single layers is each layer's own with these for all."""
    made, rng, training = network(kind), np.random.default_rng(6), Training(rate=1, batch=8, steps=1)
    scales = with_own_ranges(made, FixedPoint(6, 8, 24, 7, 4, 9, 12))
    weights = rng.choice([-1, 1], made.parameters) << (scales.weight_bits + 1)
    records = rng.choice(scales.input_range, (8, made.features))
    trainer = Trainer(made, scales, training, 8, weights)
    forward = trainer.passes.forward(records.astype(np.float64))
    labels = np.zeros(8, np.int64)
    gradients = made.head.gradients(forward.sums[-1], labels, made.last_rounding(scales)).astype(np.float64)
    backward = trainer.passes.backward(forward, gradients)
    for at, own in enumerate(made.activations):
        alone = made.rounding(replace(scales.alike, activation_range_bits=scales.activation_ranges[at],
                                      gradient_range_bits=scales.gradient_ranges[at]), at)  # fmt: skip
        back = backward.back_sums[at + 1]
        assert np.array_equal(forward.values[at + 1], own.forward(forward.sums[at], alone))
        assert np.array_equal(backward.deltas[at], own.backward(forward.sums[at], back, alone))
        assert forward.values[at + 1].max() <= own.mean_of << scales.activation_ranges[at]
        assert abs(backward.deltas[at]).max() <= 3 << scales.gradient_ranges[at]
    first = made.activations[0]
    wide = first.forward(forward.sums[0], made.rounding(scales.alike, 0))
    assert wide.max() > first.mean_of << scales.activation_ranges[0], "a range of its own that nothing meets"


CASES = [(kind, 2) for kind in EXAMPLES] + [("linear", own.admits[0]) for own in HEADS[1:]]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "classes"), CASES)
def test_a_round_proves_and_a_changed_entry_is_refused(kind: str, classes: int) -> None:
    case = make_case(config(network=network(kind, classes), batch=2, steps=2), rows=3)
    verify_round(case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof)
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    honest, refused = dict(Recorder.last.columns), 0
    own = [column for column in columns(case) if column.name.startswith(("layer", "head", "hidden"))]
    for index, column in enumerate(own[:: max(1, len(own) // 4)]):
        position = ((2 * index + 1) << column.log_size) // 7 % (1 << column.log_size)
        prover = changing_entry((column.commitment, column.index), position, honest)
        proof = prove_with(case, witness, encryption.ciphertext, prover, seeded(4))
        assert refusal(lambda made=proof: verify_round(case.statement, encryption.ciphertext, *made)), column.name
        refused += 1
    assert refused >= 4


@pytest.mark.parametrize(("kind", "classes"), CASES)
def test_a_prediction_proves_and_has_the_forward_columns_only(kind: str, classes: int) -> None:
    made = network(kind, classes)
    prove_and_count(made, public_model(made))


@pytest.mark.parametrize("kind", ["add", "relu_maxpool2d", "relu_avgpool2d of 3 x 3"])
def test_a_prediction_with_ranges_of_their_own_proves(kind: str) -> None:
    made = network(kind)
    prove_and_count(made, replace(public_model(made), scales=with_own_ranges(made, SCALES)))


def prove_and_count(made: Network, model: PublicModel) -> None:
    found = prove_prediction(model, some_records(made, 3), seeded(1))
    verify_prediction(found.statement, found.proof)
    about, counter = found.statement.forward_pass, Inventory(found.statement.forward_pass.scheme)
    counter.run(lambda party: inference(party, found.statement, None))
    for index, (own, limb) in enumerate(zip(made.activations, about.limbs_above, strict=True), 1):
        named = [column for column in counter.columns if column.name.startswith(f"layer {index} ")]
        scales = made.rounding(model.scales, index - 1)
        assert sum(1 << column.log_size for column in named) == 4 * own.forward_committed(scales, limb)
        assert not any("gradient" in column.name for column in named)
