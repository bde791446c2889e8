"""An exported model: the same in both formats, read by the library, and every change of it is noticed."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from proofward import __version__
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint
from proofward.report.handover.models.description import (
    CLASSES_NAME,
    Column,
    Description,
    Feature,
    FeaturesInvalid,
    read_description,
)
from proofward.report.handover.models.exported_model import (
    FORMAT,
    WRITERS,
    ExportedModel,
    ModelInvalid,
    NotAModel,
    Origin,
    read_exported,
)

MODEL = mlp((3, 5, 2))
COLUMNS = (
    Column(Feature("age", 50.0, 12.5), "years"),
    Column(Feature("größe", 1.7, 0.1), "m"),
    Column(Feature("marker", 0.0, 1.0)),
)


def exported(**changes) -> ExportedModel:
    weights = np.random.default_rng(1).integers(-(1 << 40), 1 << 40, MODEL.parameters, dtype=np.int64)
    made = ExportedModel(
        Origin("a trial", b"c" * 32, 2, 3, 77, b"r" * 32),
        MODEL,
        FixedPoint(),
        Description(COLUMNS, ("benign", "malignant")),
        weights,
    )
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_everything_is_read_again(kind):
    model = exported()
    found = read_exported(WRITERS[kind](model))
    assert (found.origin, found.description, found.model, found.scales) == (
        model.origin, model.description, model.model, model.scales,
    )  # fmt: skip
    assert (found.weights == model.weights).all() and found.weights.dtype == np.int64
    assert WRITERS[kind](found) == WRITERS[kind](model)


def test_the_library_reads_floats_beside_exact_integers(tmp_path):
    model = exported()
    tensors = load(model.to_safetensors())
    assert len(tensors) == 8
    for index, parts in enumerate(MODEL.unflatten(model.weights), 1):
        for name, part in zip(("weight", "bias"), parts, strict=True):
            integers, floats = tensors[f"layer{index}.{name}.integers"], tensors[f"layer{index}.{name}"]
            assert integers.dtype == np.int64 and (integers == part).all()
            assert floats.dtype == np.float64 and (floats * (1 << 24) == part).all()
    (tmp_path / "m.safetensors").write_bytes(model.to_safetensors())
    with safe_open(tmp_path / "m.safetensors", "numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == FORMAT
    assert json.loads(metadata["description"]) == model.to_plain()


def test_the_description_says_all():
    plain = json.loads(exported().to_json())
    assert plain["features"] == [
        {"name": "age", "unit": "years", "centre": 50.0, "spread": 12.5},
        {"name": "größe", "unit": "m", "centre": 1.7, "spread": 0.1},
        {"name": "marker", "centre": 0.0, "spread": 1.0},
    ]
    assert plain["classes"] == ["benign", "malignant"] and plain["proofward"] == __version__
    assert (plain["round"], plain["rounds"], plain["consortium"]) == (2, 3, (b"c" * 32).hex())
    assert plain["ledger"] == {"entries": 77, "root": (b"r" * 32).hex()}
    assert plain["weight_scale_bits"] == 24 and plain["model"] == exported().digest.hex()
    tensor = plain["tensors"]["layer1.weight"]
    assert tensor["integers"] == exported().weights[:15].reshape(5, 3).tolist()
    assert np.array_equal(np.array(tensor["floats"]) * (1 << 24), tensor["integers"])


def _json_changed(change) -> bytes:
    plain = json.loads(exported().to_json())
    change(plain)
    return json.dumps(plain).encode()


CHANGES = {
    "an integer": lambda plain: plain["tensors"]["layer1.weight"]["integers"][0].__setitem__(0, 5),
    "a float": lambda plain: plain["tensors"]["layer1.bias"]["floats"].__setitem__(0, 0.5),
    "both": lambda plain: plain["tensors"].update(
        {"layer2.bias": {"integers": [1 << 24, 0], "floats": [1.0, 0.0]}}
    ),
    "a tensor gone": lambda plain: plain["tensors"].pop("layer2.bias"),
    "a tensor too long": lambda plain: plain["tensors"]["layer2.bias"]["integers"].append(1),
    "no integer": lambda plain: plain["tensors"]["layer2.bias"]["integers"].__setitem__(0, 0.5),
    "a bool": lambda plain: plain["tensors"]["layer2.bias"]["integers"].__setitem__(0, True),
    "too large an integer": lambda plain: plain["tensors"]["layer2.bias"]["integers"].__setitem__(0, 1 << 63),
    "the digest": lambda plain: plain.update(model="00" * 32),
    "widths": lambda plain: plain.update(widths=[3, 6, 2]),
    "more weights than memory": lambda plain: plain.update(widths=[3, *[1 << 16] * 12, 2]),
    "inputs": lambda plain: plain.update(widths=[4, 5, 2]),
    "scales": lambda plain: plain["scales"].update(weight_bits=25),
    "a feature gone": lambda plain: plain["features"].pop(),
    "a feature twice": lambda plain: plain["features"].__setitem__(0, plain["features"][1]),
    "a spread of 0": lambda plain: plain["features"][0].update(spread=0.0),
    "a unit": lambda plain: plain["features"][0].update(unit=7),
    "one class": lambda plain: plain.update(classes=["a"]),
    "the same class twice": lambda plain: plain.update(classes=["a", "a"]),
    "no consortium": lambda plain: plain.pop("consortium"),
    "a round of text": lambda plain: plain.update(round="two"),
    "an endless round": lambda plain: plain.update(round=float("inf")),
    "half a round": lambda plain: plain.update(rounds=2.5),
    "a round of a word": lambda plain: plain.update(round=True),
    "endless entries": lambda plain: plain["ledger"].update(entries=float("-inf")),
    "no root": lambda plain: plain.update(ledger={"entries": 3}),
}


@pytest.mark.parametrize("what", sorted(CHANGES))
def test_what_is_changed_is_refused(what):
    with pytest.raises(ModelInvalid):
        read_exported(_json_changed(CHANGES[what]))


def test_one_changed_byte_of_any_weight_is_refused():
    data = exported().to_safetensors()
    start = 8 + int.from_bytes(data[:8], "little")
    for position in range(start, len(data), 5):
        with pytest.raises(ModelInvalid):
            read_exported(data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :])
    for end in (start, len(data) - 1):
        with pytest.raises(ModelInvalid):
            read_exported(data[:end])


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b'{"format": "proofward/exported-model/v1"}', b"\xff" * 40, b"id,age\n1,2\n",
     (1 << 40).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"{}", b'{"a":' * 100_000],
)  # fmt: skip
def test_what_is_no_model(data):
    with pytest.raises(NotAModel):
        read_exported(data)


def test_the_files_of_a_description(tmp_path):
    described = Description(COLUMNS, ("benign", "malignant"))
    for name, data in described.files().items():
        (tmp_path / name).write_bytes(data)
    features = tmp_path / "features.json"
    assert read_description(features, tmp_path / CLASSES_NAME) == described
    assert read_description(features, tmp_path / "none").classes == ("0", "1")
    columns = [{"name": "age", "unit": "years", "centre": 50.0, "spread": 12.5}]
    label = {"column": "diagnosis", "negative": "B", "positive": "M"}
    features.write_text(json.dumps({"features": columns, "label": label, "decimal": ","}))
    assert read_description(features) == Description(COLUMNS[:1], ("B", "M"))
    for wrong in (
        b"",
        b"{}",
        b"[1]",
        b'[{"name": "a"}]',
        b'[{"name": "a", "centre": 0, "spread": 1, "x": 1}]',
    ):
        features.write_bytes(wrong)
        with pytest.raises(FeaturesInvalid, match=r"features\.json"):
            read_description(features)
