"""Proved predictions as files: whatever is not what the prover wrote, for the model that it used, is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from proofward.data.columns.schema import Feature
from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.encoding import MalformedMessage, decode_item, encode, encode_item
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.layers.local_training.training import logit_differences, scores
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint
from proofward.models.layer_lines import network_of
from proofward.proof.errors import ProofRejected
from proofward.relations.predictions.inference_statement import MOST_RECORDS
from proofward.report.handover.models.description import Description
from proofward.report.handover.models.exported_model import ExportedModel, Origin
from proofward.report.handover.predictions.prediction_proof import (
    PredictionProof,
    check_opening,
    is_prediction_proof,
    load_prediction_proof,
    named,
    proved_prediction,
    read_prediction_proof,
)
from proofward.report.handover.proof_file import is_proof_file
from tests.proof.cheats import refusal
from tests.proof.toy import seeded

SCALES = FixedPoint()
ORIGIN = Origin("a trial", b"c" * 32, 2, 3, 77, b"r" * 32)
FEATURES = Description.of([Feature(f"f{i}", 0.5, 2.0) for i in range(4)], ("benign", "malignant"))
SCHEMA = ImageSchema(ImageRule(6, 5), Levels((0.5,), (0.25,)), ("0",), ("1",))


def model_of(network, description=FEATURES, seed=1) -> ExportedModel:
    weights = np.random.default_rng(seed).integers(-1 << 23, 1 << 23, network.parameters)
    return ExportedModel(ORIGIN, network, SCALES, description, weights)


MODEL = model_of(mlp((4, 7, 2)))


def inputs_of(model: ExportedModel, count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-200, 200, (count, model.model.features))


@cache
def made(seed: int = 1) -> tuple[PredictionProof, bytes]:
    return proved_prediction(MODEL, inputs_of(MODEL, 3, seed), seeded(seed))


def refused(file: PredictionProof, model: ExportedModel = MODEL) -> str:
    return refusal(lambda: file.verify(model))


def test_a_proved_prediction_is_read_back_and_verified(tmp_path) -> None:
    file, opened = made()
    path = tmp_path / "p.proof"
    path.write_bytes(file.data)
    found = load_prediction_proof(path)
    assert found == file and found.verify(MODEL).soundness_bits >= 100
    inputs = inputs_of(MODEL, 3)
    assert np.array_equal(found.results, logit_differences(MODEL.model, SCALES, MODEL.weights, inputs))
    assert np.array_equal(check_opening(opened, found.statement(MODEL)).features, inputs)
    assert is_prediction_proof(file.data) and not is_proof_file(file.data)
    assert (file.model, file.consortium, file.round) == (MODEL.digest, b"c" * 32, 2)


def test_a_prediction_for_images_is_verified() -> None:
    lines = ["conv2d 3 kernel 3 padding 1", "relu_maxpool2d", "conv2d 2 kernel 2"]
    model = model_of(network_of(SCHEMA.axes, lines), Description.of_images(SCHEMA))
    file, opened = proved_prediction(model, inputs_of(model, 2), seeded(1))
    file.verify(model)
    assert check_opening(opened, file.statement(model)).features.shape == (2, 30)
    other = replace(model, description=Description.of_images(replace(SCHEMA, levels=Levels((0.5,), (0.5,)))))
    assert refused(file, other) == "description"


def test_a_prediction_of_three_classes_is_verified() -> None:
    description = Description.of(FEATURES.features, ("none", "benign", "malignant"))
    model = model_of(mlp((4, 7, 3)), description)
    file, _ = proved_prediction(model, inputs_of(model, 2), seeded(1))
    file.verify(model)
    said = scores(model.model, SCALES, model.weights, inputs_of(model, 2))
    assert said.shape == (2, 3) and file.results.tolist() == said.reshape(-1).tolist()
    changed = file.results.copy()
    changed[4] += 1
    assert refused(replace(file, scores=changed.tobytes()), model)
    assert refused(replace(file, scores=file.scores[:-8]), model) == "scores"
    assert refused(replace(file, scores=file.scores[:24]), model)


OTHER_MODELS = {
    "model": model_of(mlp((4, 7, 2)), seed=2),
    "consortium": replace(MODEL, origin=replace(ORIGIN, consortium=b"d" * 32)),
    "round": replace(MODEL, origin=replace(ORIGIN, round=1)),
    "description": replace(MODEL, description=Description.of(FEATURES.features, ("malignant", "benign"))),
}


@pytest.mark.parametrize("name", OTHER_MODELS)
def test_rejects_another_model_by_name(name: str) -> None:
    assert refused(made()[0], OTHER_MODELS[name]) == name


@pytest.mark.parametrize(
    "network", [mlp((4, 1, 11, 2)), chain((4,), [{"kind": "linear", "outputs": n} for n in (1, 11, 2)])]
)
def test_rejects_another_network_of_the_same_weights(network) -> None:
    other = replace(MODEL, model=network)
    assert other.digest == MODEL.digest and network != MODEL.model
    with pytest.raises(ProofRejected):
        made()[0].verify(other)


def test_other_networks_scales_and_meanings_of_the_same_weights_have_other_names() -> None:
    """Who hands over such a model's file with a proof has the ledger's digest of weights and consortium."""
    swapped = Description.of(FEATURES.features, ("malignant", "benign"))
    others = [
        replace(MODEL, model=mlp((4, 1, 11, 2))),
        replace(MODEL, scales=replace(SCALES, activation_range_bits=11)),
        replace(MODEL, description=swapped),
    ]
    own = named(MODEL)
    for other, name in zip(others, ("network", "network", "description"), strict=True):
        found = named(other)
        assert {key for key in own if found[key] != own[key]} == {name}
        made, _ = proved_prediction(other, inputs_of(other, 1), seeded(1))
        made.verify(other)
        assert made.model == MODEL.digest and refused(made)


def test_rejects_other_scales() -> None:
    for change in ({"activation_range_bits": 11}, {"gradient_bits": 7}):
        with pytest.raises(ProofRejected):
            made()[0].verify(replace(MODEL, scales=replace(SCALES, **change)))


def test_rejects_other_fields() -> None:
    file, other = made()[0], made(2)[0]
    results = file.results.copy()
    results[0] += 1
    large = np.full(3, 1 << 60)
    changes = {
        "consortium": b"e" * 32, "round": 1, "model": b"e" * 32, "description": b"e" * 32,
        "commitment": other.commitment, "scores": results.astype("<i8").tobytes(), "proof": other.proof,
    }  # fmt: skip
    assert set(changes) == {entry.name for entry in fields(PredictionProof)}
    for name, value in changes.items():
        assert refused(replace(file, **{name: value})), name
    assert refused(replace(file, scores=large.tobytes())) == "statement"
    assert refused(replace(file, scores=file.scores[:-1])) == "scores"
    assert refused(replace(file, scores=file.scores[:8])) and refused(replace(file, scores=file.scores * 2))
    assert refused(replace(file, proof=b"")) == "length"


def test_refuses_bytes_that_are_not_canonical() -> None:
    data = made()[0].data
    item = decode_item(data, len(data))
    assert isinstance(item, dict)
    wrong = [b"", data[:-1], data + b"\0", data[:100], encode_item({**item, "further": 1}),
             encode_item({**item, "version": 2}), encode_item({**item, "kind": "proofward-training-proof"}),
             encode_item({**item, "round": -1}), encode_item({**item, "commitment": b"c" * 31}),
             encode_item({**item, "scores": b""}), encode_item({**item, "proof": "text"}),
             encode_item({**item, "scores": bytes(8 * (MOST_RECORDS * MOST_CLASSES + 1))})]  # fmt: skip
    for bad in wrong:
        with pytest.raises(ProofRejected) as refusal_of_file:
            read_prediction_proof(bad)
        assert refusal_of_file.value.check == "file"
    with pytest.raises(MalformedMessage):
        encode(replace(made()[0], round=1 << 32))


@pytest.mark.slow
def test_rejects_changed_bytes() -> None:
    data = made()[0].data
    random = np.random.default_rng(1)
    for position in [*range(0, 400, 3), *random.integers(0, len(data), 60).tolist()]:
        changed = bytearray(data)
        changed[position] ^= 1 << int(random.integers(8))
        with pytest.raises(ProofRejected):
            read_prediction_proof(bytes(changed)).verify(MODEL)


def test_rejects_other_openings() -> None:
    file, opened = made()
    statement = file.statement(MODEL)
    item = decode_item(opened, len(opened))
    assert isinstance(item, dict) and isinstance(item["features"], bytes)
    other_value = bytes([item["features"][0] ^ 1]) + item["features"][1:]
    large = (1 << 40).to_bytes(8, "little") + item["features"][8:]
    wrong = [made(2)[1], opened[:-1], opened + b"\0", b"", file.data, encode_item({**item, "salt": b"s" * 32}),
             encode_item({**item, "salt": b""}), encode_item({**item, "features": other_value}),
             encode_item({**item, "features": large}), encode_item({**item, "features": item["features"][:-8]}),
             encode_item({**item, "records": 2}), encode_item({**item, "records": 0})]  # fmt: skip
    for bad in wrong:
        assert refusal(lambda data=bad: check_opening(data, statement)) == "opening"  # type: ignore[misc]
    assert refusal(lambda: check_opening(opened, made(2)[0].statement(MODEL))) == "opening"


def test_nothing_of_the_records_is_in_the_proof_file() -> None:
    """But their number; and two proofs of the same records share no long part."""
    inputs = inputs_of(MODEL, 1)
    one, two = (proved_prediction(MODEL, inputs, seeded(seed))[0] for seed in (1, 2))
    assert one.scores == two.scores and one.commitment != two.commitment
    pieces = {one.proof[i : i + 16] for i in range(0, len(one.proof) - 16, 8)}
    assert not any(two.proof[i : i + 16] in pieces for i in range(0, len(two.proof) - 16, 8))
    assert inputs.astype("<i8").tobytes() not in one.data and Layout((4,)).size == inputs.shape[1]
