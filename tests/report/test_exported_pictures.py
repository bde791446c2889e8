"""Exported convolutional networks: PyTorch in double precision and ONNX are within the bound, and come in again."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest

import proofward
from proofward.data.reading.records import to_fixed_point
from proofward.layers.local_training.training import logit_differences, train
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.report.comparing.evaluation import auc
from proofward.report.handover.formats import agreement
from proofward.report.handover.formats.agreement import compared, drawn_rows, error_bound, scaling
from proofward.report.handover.formats.exported_onnx import onnx_program
from proofward.report.handover.formats.exported_torch import module_of, torch_program
from proofward.report.handover.models.description import Column, Description, Feature
from proofward.report.handover.models.exported_model import ExportedModel, ModelInvalid, Origin

SCALES = FixedPoint()
UNIT = 1 << SCALES.activation_bits
LINEAR = {"kind": "linear", "outputs": 2}
POOL, AVERAGE, WHOLE = ({"kind": f"relu_{name}"} for name in ("maxpool2d", "avgpool2d", "global_avgpool"))


def conv(outputs, kernel=3, stride=1, padding=0, **more):
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding, **more}


def exported(axes, *layers, deviation=0.3, seed=3, row=0, scales=SCALES):
    random = np.random.default_rng(seed)
    model = chain(axes, layers, row)
    features = [Feature(f"pixel {at}", float(random.normal(0, 9)), float(random.uniform(0.1, 5))) for at in range(model.features)]
    return ExportedModel(
        Origin("a trial", b"c" * 32, 2, 3, 77, b"r" * 32), model, scales,
        Description(tuple(Column(entry) for entry in features), ("benign", "malignant")),
        (random.normal(0, deviation, model.parameters) * (1 << SCALES.weight_bits)).astype(np.int64),
    )  # fmt: skip


MODEL = exported((2, 9, 7), conv(3, stride=2, padding=1), conv(4, padding=1), {"kind": "linear", "outputs": 6}, LINEAR)
MODELS = {
    "two convolutions": MODEL,
    "one": exported((1, 8, 8), conv(4, kernel=5, stride=3, padding=2), LINEAR),
    "pooled": exported((3, 9, 8), conv(4), POOL, conv(3, 2), POOL, {"kind": "linear", "outputs": 5}, LINEAR),
    "means": exported((2, 9, 8), conv(4, padding=1), AVERAGE, conv(3, padding=1), WHOLE, {"kind": "linear", "outputs": 5}, LINEAR),
    "shortcuts": exported(
        (2, 8, 8), conv(2, padding=1), {"kind": "add", "from": 0}, POOL, conv(4, stride=2, padding=1), conv(4, padding=1),
        {"kind": "add", "from": 1, "by": conv(4, 1, stride=2)}, {"kind": "linear", "outputs": 5},
        {"kind": "linear", "outputs": 5}, {"kind": "add", "from": 4}, LINEAR,
    ),
    "a row": exported(
        (1, 6, 6), conv(2), POOL, {"kind": "linear", "outputs": 5},
        {"kind": "add", "from": "row", "by": {"kind": "linear", "outputs": 5}}, LINEAR, row=3,
    ),
    "means of 9 and 6": exported(
        (6, 9, 8), conv(4, groups=2), {**AVERAGE, "size": 3}, conv(6, 1, groups=2), WHOLE, LINEAR,
    ),
    "ranges of their own": exported(
        (2, 8, 8), conv(3, padding=1), POOL, conv(4, padding=1), {"kind": "linear", "outputs": 5}, LINEAR, deviation=1.0,
        scales=FixedPoint(activation_ranges=(9, 7, 8)),
    ),
    "grouped": exported((4, 7, 6), conv(8, groups=2), conv(8, 2, groups=8), LINEAR),
    "large weights": exported((1, 6, 6), conv(4), conv(4), LINEAR, deviation=4.0),
}  # fmt: skip
PROGRAMS = {"onnx": onnx_program, "torch": torch_program}


def integers(model, rows):
    centre, spread = (part.reshape(-1) for part in scaling(model))
    return to_fixed_point((rows - centre) / spread, SCALES)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", PROGRAMS)
def test_every_picture_is_within_the_bound(kind, name):
    pytest.importorskip(kind)
    model = MODELS[name]
    _, program = PROGRAMS[kind](model)
    rows = drawn_rows(model)
    scores = logit_differences(model.model, model.scales, model.weights, integers(model, rows))
    logits = program(rows)
    errors = np.abs(logits[:, 1] - logits[:, 0] - scores / UNIT)
    single = kind == "onnx"
    found = compared(model, program, rows, single=single)
    assert (errors <= error_bound(model, single=single)).all() and found.rows == len(rows) == 1000
    assert 0 < found.observed <= found.bound == error_bound(model, single=single)
    assert found.observed == pytest.approx(errors.max(), rel=1e-4)


def test_the_bound_is_the_formula():
    first, second, third, last = [(MODEL.real(w), MODEL.real(b)) for w, b in MODEL.model.unflatten(MODEL.weights)]
    assert first[0].shape == (3, 2, 3, 3) and third[0].shape == (6, 80)
    half, double, error = 0.5 / UNIT, 0.0, 0.0
    for (weight, bias), largest in ((first, 32.0), (second, 64.0), (third, 64.0)):
        del bias, largest
        error = half + max(np.abs(one).sum() for one in weight) * error
    double = half + np.abs(last[0][1] - last[0][0]).sum() * error
    assert double < error_bound(MODEL) < double * (1 + 1e-9)
    error = 0.0
    for (weight, bias), largest in ((first, 32.0), (second, 64.0)):
        sums = np.array([np.abs(one).sum() for one in weight])
        share = (weight[0].size + 5) * 2.0**-24
        error = half + sums.max() * error + (sums * largest + np.abs(bias)).max() * share / (1 - share)
    error = half + np.abs(third[0]).sum(axis=1).max() * error
    single = half + np.abs(last[0][1] - last[0][0]).sum() * error
    assert single < error_bound(MODEL, single=True) < single * (1 + 1e-9) and single > double * 1.0001


def test_what_is_beyond_the_bound_is_not_written():
    def other(rows):
        made = np.zeros((len(rows), 2))
        made[:, 1] = logit_differences(MODEL.model, SCALES, MODEL.weights, integers(MODEL, rows)) / UNIT
        made[rows[:, 0] == rows[:, 0].max(), 1] += 1.01 * error_bound(MODEL)
        return made

    with pytest.raises(ModelInvalid, match=r"the program and the model differ by .* at most .* is expected"):
        compared(MODEL, other, drawn_rows(MODEL))


def test_large_networks_are_compared_on_fewer_pictures_at_a_time(monkeypatch):
    sizes = []

    def program(rows):
        sizes.append(len(rows))
        made = np.zeros((len(rows), 2))
        made[:, 1] = logit_differences(MODEL.model, SCALES, MODEL.weights, integers(MODEL, rows)) / UNIT
        return made

    monkeypatch.setattr(agreement, "BLOCK_VALUES", 20 * 27 * 7)
    rows = drawn_rows(MODEL)
    assert len(rows) == agreement.LEAST_DRAWN == 16
    assert compared(MODEL, program, rows).observed == 0 and sizes == [7, 7, 2]


def test_the_module_takes_pictures_and_rows_in_double_precision():
    torch = pytest.importorskip("torch")
    module = module_of(MODEL)
    rows = drawn_rows(MODEL)[:20]
    with torch.no_grad():
        pictures = module(torch.from_numpy(rows.reshape(-1, 2, 9, 7)))
        assert pictures.dtype == torch.float64 and torch.equal(pictures, module(torch.from_numpy(rows)))
        with pytest.raises(RuntimeError):
            module(torch.from_numpy(rows[:, :-1]))
    assert not module.training and module.classes == ("benign", "malignant") and module.features[3] == "pixel 3"
    kinds = [type(layer).__name__ for layer in module.layers]
    assert kinds == ["Conv2d", "Conv2d", "Linear", "Linear"]
    for layer, (weight, bias) in zip(module.layers, MODEL.model.unflatten(MODEL.weights), strict=True):
        assert np.array_equal(layer.weight.detach().numpy(), MODEL.real(weight))
        assert np.array_equal(layer.bias.detach().numpy(), MODEL.real(bias))


def test_the_torch_file_takes_pictures():
    torch = pytest.importorskip("torch")
    data, _ = torch_program(MODEL)
    extra = {"proofward.json": ""}
    program = torch.export.load(io.BytesIO(data), extra_files=extra)
    assert json.loads(extra["proofward.json"]) == MODEL.to_plain()
    pictures = torch.from_numpy(drawn_rows(MODEL)[:5].reshape(-1, 2, 9, 7))
    with torch.no_grad():
        assert torch.equal(program.module()(pictures), module_of(MODEL)(pictures))


def test_the_onnx_file_takes_pictures_and_has_convolutions():
    onnx = pytest.importorskip("onnx")
    data, program = onnx_program(MODEL)
    assert onnx_program(MODEL)[0] == data, "the same bytes everywhere"
    file = onnx.load_from_string(data)
    kinds = [node.op_type for node in file.graph.node]
    assert kinds[6:] == ["Cast", "Conv", "Clip", "Conv", "Clip", "Cast", "Flatten", "Gemm", "Clip", "Gemm", "Softmax"]
    sizes = [size.dim_value or size.dim_param for size in file.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["batch", 2, 9, 7]
    rows = drawn_rows(MODEL)[:20]
    session = pytest.importorskip("onnxruntime").InferenceSession(data)
    logits, chances = session.run(None, {"records": rows.reshape(-1, 2, 9, 7)})
    assert logits.dtype == np.float64 and np.array_equal(logits, program(rows))
    assert np.allclose(chances[:, 1], 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])))


def test_the_reference_implementation_agrees_with_onnxruntime():
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    data, program = onnx_program(MODEL)
    rows = drawn_rows(MODEL)[:50]
    held = ReferenceEvaluator(onnx.load_from_string(data))
    found = held.run(["logits"], {"records": rows.reshape(-1, 2, 9, 7)})[0]
    assert np.abs(found - program(rows)).max() < 1e-3 * np.abs(found).max()


def test_a_trained_network_comes_in_again_with_the_same_integers(tmp_path):
    """The layers of what was exported, without the scaling of its inputs, are the model's weights to the last bit."""
    torch = pytest.importorskip("torch")
    small = dataclasses.replace(MODEL, weights=np.clip(MODEL.weights, -(1 << 29), 1 << 29))
    layers = list(module_of(small).layers)
    relu = torch.nn.ReLU
    module = torch.nn.Sequential(layers[0], relu(), layers[1], relu(), torch.nn.Flatten(), layers[2], relu(), layers[3])
    made = proofward.from_torch(module, torch.zeros((1, 2, 9, 7), dtype=torch.float64))
    assert made.model == MODEL.model and np.array_equal(made.first_weights(SCALES).weights, small.weights)


def test_from_torch_through_exact_training_to_torch_and_onnx():
    """The network of the tests, trained a few steps in integers on pictures with a bright half, learns and leaves."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, stride=2, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 2)
    )
    made = proofward.from_torch(module, torch.zeros((1, 1, 8, 8)))
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 64)
    pictures = random.normal(0, 1, (64, 1, 8, 8))
    pictures[labels == 1, :, :4] += 1
    features = to_fixed_point(pictures.reshape(64, -1), SCALES)
    first = made.first_weights(SCALES).weights
    training = Training(rate=8, batch=16, steps=8)
    batches = random.integers(0, 64, (training.padded_steps(64), 16))
    update = train(made.model, SCALES, training, first, features, labels, batches).update
    columns = tuple(Column(Feature(f"pixel {at}", 0.0, 1.0)) for at in range(64))
    model = dataclasses.replace(exported((1, 8, 8), conv(4, stride=2, padding=1), LINEAR), weights=first + update,
                                description=Description(columns))  # fmt: skip
    before = logit_differences(made.model, SCALES, first, features)
    after = logit_differences(made.model, SCALES, first + update, features)
    assert auc(after, labels) > max(0.8, auc(before, labels))
    rows = pictures.reshape(64, -1)
    for kind, program in PROGRAMS.items():
        if kind == "onnx":
            pytest.importorskip("onnx")
        _, run = program(model)
        assert compared(model, run, rows, single=kind == "onnx").observed > 0
        assert abs(auc(run(rows)[:, 1] - run(rows)[:, 0], labels) - auc(after, labels)) < 0.002
