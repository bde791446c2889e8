"""A small exported model of three columns, and a table with labels that it knows in part."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.model import FixedPoint
from proofward.report.handover.models.description import Column, Description, Feature
from proofward.report.handover.models.exported_model import ExportedModel, Origin
from proofward.report.handover.predictions.prediction import NewRecords, predict

SCALES = FixedPoint()
UNIT, REAL = 1 << SCALES.activation_bits, 1 << SCALES.weight_bits
CLASSES = ("benign", "malignant")
ORIGIN = Origin("a trial", b"c" * 32, 2, 3, 77, b"r" * 32)
COLUMNS = (
    Column(Feature("age", 50.0, 12.5), "years"),
    Column(Feature("größe", 1.7, 0.1)),
    Column(Feature("marker", 0.0, 1.0)),
)
ROWS = 240


def weights_of(network: Network, seed: int = 3) -> np.ndarray:
    """Drawn ones."""
    flat = np.random.default_rng(seed).normal(0, 0.4, network.parameters)
    return (flat * REAL).astype(np.int64)


def small_model() -> ExportedModel:
    """Of a network of three columns and two classes."""
    network = mlp((3, 5, 2))
    return ExportedModel(ORIGIN, network, SCALES, Description(COLUMNS, CLASSES), weights_of(network))


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_evaluated(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """FOLDER/model.json and FOLDER/clinic.csv; values (n, 3), labels (n,) and sexes (n,) of the table."""
    model, rng = small_model(), np.random.default_rng(1)
    (folder / "model.json").write_bytes(model.to_json())
    means, spreads = (50, 1.7, 0), (12, 0.1, 1)
    values = rng.normal(means, spreads, (ROWS, 3)).round(3)
    scores = predict(model, NewRecords(values, tuple(range(ROWS)), ())).scores / UNIT
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-3 * (scores - np.median(scores))))).astype(int)
    sexes = rng.choice(["f", "m", "x"], ROWS, p=[0.6, 0.36, 0.04])
    header = ["patient", "sex", "marker", "größe", "age", "diagnosis"]
    rows = [
        [f"P{number}", sex, *row[::-1], CLASSES[label]]
        for number, (row, sex, label) in enumerate(zip(values.tolist(), sexes, labels, strict=True))
    ]
    write(folder / "clinic.csv", header, rows)
    return values, labels, sexes


def outside(
    path: Path, weight: np.ndarray, bias: np.ndarray, *, squash: str | None = None, batch: int | str = "n",
    inputs: int = 1, dtype: type = np.float32,
) -> Path:  # fmt: skip
    """A linear classifier in ONNX."""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [make.make_node("Gemm", ["x", "w", "b"], ["y"])]
    if squash:
        nodes.append(make.make_node(squash, ["y"], ["p"]))
    held = {"w": weight.astype(dtype), "b": bias.astype(dtype)}
    names = ["x", "second"][:inputs]
    graph = make.make_graph(
        nodes, "linear", [make.make_tensor_value_info(name, kind, [batch, len(weight)]) for name in names],
        [make.make_tensor_value_info("p" if squash else "y", kind, [batch, weight.shape[1]])],
        [onnx.numpy_helper.from_array(values, name) for name, values in held.items()],
    )  # fmt: skip
    made = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, path)
    return path
