"""Exported programs: what torch and onnxruntime compute is within the bound of the federation's integers."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest

import proofward
from proofward.data.reading.records import to_fixed_point
from proofward.layers.local_training.training import logit_differences
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint
from proofward.models.graph.parts import refusals
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.report.comparing.evaluation import auc
from proofward.report.handover.formats.agreement import compared, drawn_rows, error_bound
from proofward.report.handover.formats.exported_onnx import onnx_program
from proofward.report.handover.formats.exported_torch import torch_program
from proofward.report.handover.models.description import Column, Description, Feature
from proofward.report.handover.models.exported_model import (
    FORMAT,
    ExportedModel,
    ModelInvalid,
    NotAModel,
    Origin,
    read_exported,
)

SCALES = FixedPoint()
UNIT = 1 << SCALES.activation_bits


def exported(*widths, deviation=0.5, seed=3, scales=SCALES):
    random = np.random.default_rng(seed)
    model = mlp(widths)
    columns = [Feature(f"größe {at}", float(random.normal(0, 9)), float(random.uniform(0.1, 5))) for at in range(widths[0])]
    return ExportedModel(
        Origin("a trial", b"c" * 32, 2, 3, 77, b"r" * 32), model, scales,
        Description(tuple(Column(entry) for entry in columns), ("benign", "malignant")),
        (random.normal(0, deviation, model.parameters) * (1 << SCALES.weight_bits)).astype(np.int64),
    )  # fmt: skip


MODEL = exported(6, 16, 8, 2)
DEEP = exported(5, 8, 8, 8, 8, 2)
SHALLOW = exported(4, 2)
RANGES = FixedPoint(activation_ranges=(9, 7), gradient_ranges=(9, 4))
OWN = exported(6, 16, 8, 2, scales=RANGES)
MODELS = {
    "two hidden layers": MODEL, "four": DEEP, "none": SHALLOW, "saturating": exported(6, 16, 2, deviation=8.0),
    "ranges of their own": OWN,
}  # fmt: skip


def inputs(model, rows):
    described = model.description.features
    normalised = (rows - [entry.centre for entry in described]) / [entry.spread for entry in described]
    return to_fixed_point(normalised, SCALES)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_every_row_is_within_the_bound(kind, name):
    pytest.importorskip(kind)
    model = MODELS[name]
    _, program = {"onnx": onnx_program, "torch": torch_program}[kind](model)
    rows = drawn_rows(model)
    scores = logit_differences(model.model, model.scales, model.weights, inputs(model, rows))
    logits = program(rows)
    errors = np.abs(logits[:, 1] - logits[:, 0] - scores / UNIT)
    found = compared(model, program, rows)
    assert (errors <= error_bound(model)).all() and found.bound == error_bound(model)
    assert found.observed == errors.max() > 0 and found.rows == len(rows) == 1000
    labels = (scores + np.random.default_rng(1).normal(0, scores.std(), len(scores)) > 0).astype(np.int64)
    assert abs(auc(logits[:, 1] - logits[:, 0], labels) - auc(scores, labels)) < 0.002


def test_layers_end_at_their_own_ranges_in_every_program():
    """Of one that ends at those of all the logits differ, on the same records."""
    whole = dataclasses.replace(OWN, scales=RANGES.alike)
    rows = drawn_rows(OWN)
    for kind, make in {"onnx": onnx_program, "torch": torch_program}.items():
        pytest.importorskip(kind)
        assert np.abs(make(OWN)[1](rows) - make(whole)[1](rows)).max() > 2 * error_bound(OWN)
    plain = OWN.to_plain()
    assert plain["scales"]["activation_ranges"] == [9, 7]
    assert any("the layer's limit); of layers 1 to 2 it is 8, 2" in line for line in plain["computation"])
    assert any("min(max(weight @ input + bias, 0), 64)" in line for line in whole.to_plain()["computation"])


@pytest.mark.parametrize("ranges", [[9], [9, 7, 8], [12, 12]])
def test_a_file_with_ranges_of_another_network_is_refused(ranges):
    plain = OWN.to_plain()
    plain["scales"] = {**plain["scales"], "activation_ranges": ranges}
    with pytest.raises(ModelInvalid, match="its description: activation_ranges: expected"):
        read_exported(json.dumps({**plain, "tensors": {}}).encode())


def test_the_drawn_rows_reach_the_ends_of_the_range():
    taken = inputs(MODEL, drawn_rows(MODEL))
    assert (taken.min(), taken.max()) == SCALES.input_range


def test_the_bound_is_the_formula():
    (first, _), (second, _), (third, _) = [(MODEL.real(w), b) for w, b in MODEL.model.unflatten(MODEL.weights)]
    half = 0.5 / UNIT
    error = half + np.abs(second).sum(axis=1).max() * half
    expected = half + np.abs(third[1] - third[0]).sum() * error
    assert first.shape == (16, 6) and expected < error_bound(MODEL) < expected * (1 + 1e-9)
    assert error_bound(SHALLOW) == pytest.approx(half, rel=1e-9)


def test_what_is_beyond_the_bound_is_not_written():
    def other(rows):
        made = np.zeros((len(rows), 2))
        made[:, 1] = logit_differences(MODEL.model, SCALES, MODEL.weights, inputs(MODEL, rows)) / UNIT
        made[7, 1] += 1.01 * error_bound(MODEL)
        return made

    with pytest.raises(ModelInvalid, match=r"the program and the model differ by .* at most .* is expected"):
        compared(MODEL, other, drawn_rows(MODEL))
    with pytest.raises(ModelInvalid, match="differ by nan"):
        compared(MODEL, lambda rows: np.full((len(rows), 2), np.nan), drawn_rows(MODEL))
    with pytest.raises(ModelInvalid, match="expected logits of shape"):
        compared(MODEL, lambda rows: other(rows)[:, :1], drawn_rows(MODEL))


def test_the_onnx_file_says_what_it_is():
    onnx = pytest.importorskip("onnx")
    data, _ = onnx_program(MODEL)
    assert onnx_program(MODEL)[0] == data, "the same bytes everywhere"
    file = onnx.load_from_string(data)
    texts = {entry.key: entry.value for entry in file.metadata_props}
    assert json.loads(texts["classes"]) == ["benign", "malignant"] and texts["format"] == FORMAT
    assert json.loads(texts["features"])[0] == "größe 0"
    assert json.loads(texts["description"]) == MODEL.to_plain()
    session = pytest.importorskip("onnxruntime").InferenceSession(data)
    rows = drawn_rows(MODEL)[:20]
    logits, chances = session.run(["logits", "probabilities"], {"records": rows})
    assert np.allclose(chances[:, 1], 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))) and logits.dtype == np.float64


def test_the_reference_implementation_agrees_with_onnxruntime():
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    data, program = onnx_program(MODEL)
    rows = drawn_rows(MODEL)[:50]
    found = ReferenceEvaluator(onnx.load_from_string(data)).run(["logits"], {"records": rows})[0]
    assert np.abs(found - program(rows)).max() < 1e-9


@pytest.mark.parametrize("kind", ["safetensors", "json"])
def test_a_torch_module_of_an_exported_file(tmp_path, kind):
    torch = pytest.importorskip("torch")
    path = tmp_path / f"m.{kind}"
    path.write_bytes(MODEL.to_safetensors() if kind == "safetensors" else MODEL.to_json())
    module = proofward.to_torch(path)
    assert isinstance(module, torch.nn.Module) and not module.training
    assert module.classes == ("benign", "malignant") and module.features[5] == "größe 5"
    rows = drawn_rows(MODEL)
    scores = logit_differences(MODEL.model, SCALES, MODEL.weights, inputs(MODEL, rows)) / UNIT
    with torch.no_grad():
        logits = module(torch.from_numpy(rows)).numpy()
    assert np.abs(logits[:, 1] - logits[:, 0] - scores).max() <= error_bound(MODEL)


def test_the_torch_file_has_the_description_and_no_pickled_weights():
    torch = pytest.importorskip("torch")
    data, _ = torch_program(MODEL)
    extra = {"proofward.json": ""}
    program = torch.export.load(io.BytesIO(data), extra_files=extra)
    assert json.loads(extra["proofward.json"]) == MODEL.to_plain()
    held = program.state_dict["layers.0.weight"].detach().numpy()
    assert np.array_equal(held, MODEL.real(MODEL.model.unflatten(MODEL.weights)[0][0])) and held.dtype == np.float64


def test_files_that_are_no_exported_model(tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(NotAModel):
        proofward.to_torch(tmp_path / "nowhere.safetensors")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(NotAModel):
        proofward.to_torch(tmp_path / "x.json")
    changed = dataclasses.replace(MODEL, weights=MODEL.weights + 1).to_safetensors()
    (tmp_path / "x.safetensors").write_bytes(changed[:-1] + bytes([changed[-1] ^ 1]))
    with pytest.raises(ModelInvalid):
        proofward.to_torch(tmp_path / "x.safetensors")


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(refusals, "find_spec", lambda name: None)
    with pytest.raises(ImportRefused, match=r"onnx is not installed: pip install 'proofward\[onnx\]'"):
        onnx_program(MODEL)
    with pytest.raises(ImportRefused, match=r"torch is not installed: pip install 'proofward\[torch\]'"):
        torch_program(MODEL)
