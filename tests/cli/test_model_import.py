"""A network from elsewhere becomes a first model, and a trained model leaves as a program."""

from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
import pytest

from proofward.cli.evidence.models.model_import import LIMIT
from proofward.layers.networks.bounds import LARGEST_WEIGHT
from proofward.layers.networks.network import mlp
from proofward.models.presets import PRESETS
from proofward.models.settings import SCALES
from proofward.report.comparing.evaluation import auc
from proofward.report.demonstrations.scenario import make_scenario
from proofward.report.handover.models.model_files import weights_from_safetensors
from tests.cli.own_tables import COLUMNS, write_project, write_tables

TINY = PRESETS["tiny"]
WIDTHS = TINY.model.widths


def network_file(path, *, scale=0.5, activation="Relu", widths=WIDTHS):
    """An ONNX file of one hidden layer of these widths."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(4)
    held = {}
    for at, (inputs, outputs) in enumerate(pairwise(widths), 1):
        held[f"w{at}"] = random.normal(0, scale, (outputs, inputs)).astype(np.float32)
        held[f"b{at}"] = random.normal(0, scale, outputs).astype(np.float32)
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], transB=1),
        helper.make_node(activation, ["h"], ["r"], name="act"),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", widths[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", widths[-1]])],
        [numpy_helper.from_array(part, name) for name, part in held.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, path)
    return held


def test_an_onnx_file_becomes_a_first_model(proofward, tmp_path):
    held = network_file(tmp_path / "net.onnx")
    out = tmp_path / "first.safetensors"
    said = proofward.json("model", "import", tmp_path / "net.onnx", "--out", out)
    assert (said["exit"], said["did"], said["clipped"], said["notes"]) == (0, "imported", {}, [])
    assert (said["widths"], said["hidden"]) == (list(WIDTHS), list(WIDTHS[1:-1])) and len(said["graph"]) == 64
    weights = weights_from_safetensors(mlp(WIDTHS), out.read_bytes())
    for at, parts in enumerate(mlp(WIDTHS).unflatten(weights), 1):
        for name, part in zip("wb", parts, strict=True):
            assert np.array_equal(part, np.rint(held[f"{name}{at}"].astype(np.float64) * 2**SCALES.weight_bits))
    text = proofward("model", "import", tmp_path / "net.onnx", "--out", out, "--force").stdout
    assert f'trusted_first_model = "first.safetensors"\n[model]\nhidden = {list(WIDTHS[1:-1])}\n' in text
    assert f"with {WIDTHS[0]} features" in text and "no weight was clipped" in text


@pytest.mark.slow
def test_a_consortium_starts_from_it(proofward, tmp_path):
    pytest.importorskip("nvflare")
    network_file(tmp_path / "net.onnx")
    out = tmp_path / "first.safetensors"
    assert proofward("model", "import", tmp_path / "net.onnx", "--out", out).exit_code == 0
    sites = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "o")
    options = ("--no-dp", "--title", "T", "--server", "localhost", *sites, "--preset", "tiny", "--rounds", 2)
    text = proofward("consortium", "init", tmp_path / "c", *options, "--trusted-first-model", out)
    assert text.exit_code == 0 and "trusted first model" in text.stdout


def test_what_is_clipped_is_said(proofward, tmp_path):
    assert LIMIT == LARGEST_WEIGHT
    held = network_file(tmp_path / "net.onnx")
    out = tmp_path / "first.safetensors"
    said = proofward.json("model", "import", tmp_path / "net.onnx", "--out", out, "--limit", 0.5)
    expected = {f"layer{at}.{name}": int((np.abs(held[f"{name[0]}{at}"]) > 0.5).sum())
                for at in (1, 2) for name in ("weight", "bias")}  # fmt: skip
    assert said["clipped"] == {name: count for name, count in expected.items() if count} and said["clipped"]
    assert np.abs(weights_from_safetensors(mlp(WIDTHS), out.read_bytes())).max() == 1 << (SCALES.weight_bits - 1)


def test_what_is_not_proved_is_refused_and_nothing_is_written(proofward, tmp_path):
    network_file(tmp_path / "net.onnx", activation="Tanh", widths=(4, 8, 3))
    out = tmp_path / "first.safetensors"
    said = proofward.json("model", "import", tmp_path / "net.onnx", "--out", out)
    assert said["exit"] == 1 and said["problems"] == ["act: Tanh: use ReLU, the only activation that is proved"]
    assert not out.exists()


def test_pickles_and_other_files_are_not_read(proofward, tmp_path):
    for name, said in (("m.pt", "can execute code"), ("m.pth", "can execute code"), ("m.txt", "expected a network")):
        (tmp_path / name).write_bytes(b"x")
        run = proofward("model", "import", tmp_path / name, "--out", tmp_path / "o.safetensors")
        assert run.exit_code == 2 and said in run.stderr and ".pt2" in run.stderr
    network_file(tmp_path / "net.onnx")
    (tmp_path / "o.safetensors").write_bytes(b"kept")
    run = proofward("model", "import", tmp_path / "net.onnx", "--out", tmp_path / "o.safetensors")
    assert run.exit_code == 1 and "--force" in run.stderr
    assert (tmp_path / "o.safetensors").read_bytes() == b"kept"


def test_an_exported_program_becomes_a_first_model(proofward, tmp_path):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2, bias=False))
    batch = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(torch.export.export(module, (torch.zeros(2, 4),), dynamic_shapes=batch), tmp_path / "m.pt2")
    out = tmp_path / "first.safetensors"
    said = proofward.json("model", "import", tmp_path / "m.pt2", "--out", out)
    assert (said["exit"], said["widths"]) == (0, [4, 8, 2]) and "no bias" in said["notes"][0]
    weights = weights_from_safetensors(mlp((4, 8, 2)), out.read_bytes())
    first = module[0].weight.detach().double().numpy()
    assert np.array_equal(mlp((4, 8, 2)).unflatten(weights)[0][0], np.rint(first * 2**SCALES.weight_bits))


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_the_demonstration_leaves_as_a_program(proofward, demo_run, tmp_path, kind):
    pytest.importorskip(kind)
    held_out = make_scenario("tiny", 3, 2, 0).held_out
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        header = [f"feature-{at}" for at in range(1, WIDTHS[0] + 1)]
        csv.writer(file).writerows([header, *(held_out.features / 64).tolist()])
    out = tmp_path / "m"
    for rows, count in (((), 1000), (("--rows", tmp_path / "rows.csv"), len(held_out.labels))):
        said = proofward.json("model", "export", demo_run[0], "--to", kind, "--out", out, "--force", *rows)
        assert (said["exit"], said["did"], said["format"]) == (0, "exported", kind)
        found = said["agreement"]
        assert found["rows"] == count and 0 < found["observed"] <= found["bound"] < 10
    text = proofward("model", "export", demo_run[0], "--to", kind, "--out", out, "--force").stdout
    assert "largest error of the logits' difference on 1000 records" in text and "of at most" in text


@pytest.mark.slow
def test_from_an_onnx_file_through_proved_training_to_an_onnx_file(proofward, tmp_path):
    """Three hospitals with tables of their own train the network that was brought in, and take it out again."""
    onnxruntime = pytest.importorskip("onnxruntime")
    network_file(tmp_path / "net.onnx", widths=(COLUMNS, 16, 2), scale=0.3)
    imported = proofward.json("model", "import", tmp_path / "net.onnx", "--out", tmp_path / "first.safetensors")
    write_project(tmp_path, rounds=1, hidden=str(imported["hidden"]), more='trusted_first_model = "first.safetensors"')
    tables = write_tables(tmp_path)
    data = [word for path in tables for word in ("--data", path)]
    run = proofward.json("simulate", tmp_path / "consortium.toml", *data, "--run", tmp_path / "run")
    assert run["exit"] == 0
    said = proofward.json("model", "export", tmp_path / "run", "--to", "onnx", "--out", tmp_path / "m.onnx", "--rows", tables[0])
    assert said["exit"] == 0 and said["agreement"]["observed"] <= said["agreement"]["bound"] and said["agreement"]["rows"] == 100
    assert proofward.json("model", "export", tmp_path / "run", "--to", "json", "--out", tmp_path / "m.json")["exit"] == 0
    scores = np.array([entry["score"] for entry in proofward.json("predict", tmp_path / "m.json", tables[0])["predictions"]])
    with tables[0].open() as file:
        rows = list(csv.DictReader(file))
    values = np.array([[float(row[f"marker {at}"]) for at in range(COLUMNS)] for row in rows])
    labels = np.array([int(row["diagnosis"] == "M") for row in rows])
    logits = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(["logits"], {"records": values})[0]
    difference = logits[:, 1] - logits[:, 0]
    error = np.abs(difference - scores / 64).max()
    assert error <= said["agreement"]["bound"]
    apart = np.abs(np.subtract.outer(scores[labels == 1], scores[labels == 0])) / 64  # keys are other ones each time
    assert abs(auc(difference, labels) - auc(scores, labels)) <= np.mean(apart <= 2 * error)
    assert len(set(scores.tolist())) > 20


def test_rows_are_for_programs(proofward, demo_run, tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")
    run = proofward("model", "export", demo_run[0], "--to", "json", "--out", tmp_path / "m", "--rows", tmp_path / "rows.csv")
    assert run.exit_code == 2 and "--rows" in run.stderr
