"""An imported network: its graph, its weights as they came, and both as the trainer takes them.

Every importer reduces a network to steps: linear maps and ReLUs, in order. What reorders nothing (flatten,
view, identity) leaves no step. A Linear without bias gets zeros, since the trainer's layers all have one: the
network computes the same, and its bias is trained from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from proofward.layers.bounds import LARGEST_WEIGHT
from proofward.layers.errors import ConfigurationError
from proofward.layers.linear import MAX_WIDTH
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.network import Network
from proofward.models.graph.nodes import Graph, mlp_graph
from proofward.models.graph.refusals import ONE_OUTPUT, ImportRefused
from proofward.models.settings import MOST_HIDDEN_LAYERS, Settings

FloatArray = NDArray[np.float64]
TOLERANCE = 1e-9
COMPARED_ROWS, COMPARED_SEED = 64, 20261128


@dataclass(frozen=True)
class LinearStep:
    """weight (outputs, inputs), bias (outputs,) or None; key: equal for steps that share a weight."""

    where: str
    key: str
    weight: FloatArray
    bias: FloatArray | None


@dataclass(frozen=True)
class ReluStep:
    """max(x, 0)."""

    where: str


Step = LinearStep | ReluStep


@dataclass(frozen=True)
class FirstWeights:
    """weights: flat int64 at scale 2^weight_bits. clipped: by tensor, how many values were beyond limit."""

    weights: Int64Array
    limit: float
    clipped: dict[str, int]


@dataclass(frozen=True)
class ImportedNetwork:
    """layers: (weight (outputs, inputs), bias (outputs,)), float64. notes: what the importer decided."""

    graph: Graph
    layers: tuple[tuple[FloatArray, FloatArray], ...]
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> Network:
        """The trainer's network."""
        return self.graph.to_mlp()

    @property
    def settings(self) -> Settings:
        """What it sets in consortium.toml: the hidden widths."""
        return Settings(hidden=self.model.widths[1:-1])

    def logits(self, rows: FloatArray) -> FloatArray:
        """float64 (n, 2) of records (n, inputs)."""
        values = rows
        for index, (weight, bias) in enumerate(self.layers):
            values = values @ weight.T + bias
            if index + 1 < len(self.layers):
                values = np.maximum(values, 0)
        return values

    def first_weights(self, scales: FixedPoint, limit: float = LARGEST_WEIGHT) -> FirstWeights:
        """Weights rounded to multiples of 2^-weight_bits and clamped to [-limit, limit]."""
        if not 0 < limit <= LARGEST_WEIGHT:
            raise ConfigurationError("limit", f"a number above 0, at most {LARGEST_WEIGHT}", limit)
        parts, clipped = [], {}
        for index, layer in enumerate(self.layers, 1):
            for name, part in zip(("weight", "bias"), layer, strict=True):
                beyond = int((np.abs(part) > limit).sum())
                if beyond:
                    clipped[f"layer{index}.{name}"] = beyond
                unit = 1 << scales.weight_bits
                parts.append(np.rint(np.clip(part, -limit, limit) * unit).astype(np.int64).reshape(-1))
        return FirstWeights(np.concatenate(parts), limit, clipped)


def network(shape: tuple[int, ...], steps: Sequence[Step]) -> ImportedNetwork:
    """The canonical network of these steps; raises ImportRefused with all that is wrong."""
    linear = [step for step in steps if isinstance(step, LinearStep)]
    problems = [*_structure(steps), *_shared(linear), *_weights(linear)]
    if not linear:
        raise ImportRefused(["no Linear layer: a network has to have at least one, with two outputs"])
    outputs = len(linear[-1].weight)
    if outputs == 1:
        problems.append(ONE_OUTPUT)
    elif outputs != 2:
        words = "more than two classes are not proved by this version yet; use two"
        problems.append(f"{outputs} outputs: {words}")
    if len(linear) - 1 > MOST_HIDDEN_LAYERS:
        problems.append(f"{len(linear) - 1} hidden layers: expected at most {MOST_HIDDEN_LAYERS}")
    for step in linear:
        if max(step.weight.shape) > MAX_WIDTH:
            words = f"widths {step.weight.shape[::-1]}, expected at most {MAX_WIDTH}"
            problems.append(f"{step.where}: {words}")
    for before, after in pairwise(linear):
        if len(before.weight) != after.weight.shape[1]:
            words = f"{before.where} gives {len(before.weight)} values, {after.where} takes"
            problems.append(f"{words} {after.weight.shape[1]}")
    if problems:
        raise ImportRefused(problems)
    notes = tuple(
        f"{step.where} has no bias: it starts at zeros, and is trained"
        for step in linear
        if step.bias is None
    )
    layers = tuple(
        (step.weight, np.zeros(len(step.weight)) if step.bias is None else step.bias) for step in linear
    )
    widths = [linear[0].weight.shape[1], *(len(step.weight) for step in linear)]
    return ImportedNetwork(mlp_graph(shape, widths), layers, notes)


def _structure(steps: Sequence[Step]) -> list[str]:
    problems = []
    if steps and isinstance(steps[0], ReluStep):
        problems.append(f"{steps[0].where}: ReLU of the inputs: leave it out, or begin with a Linear")
    for before, after in pairwise(steps):
        if isinstance(before, LinearStep) and isinstance(after, LinearStep):
            words = f"{before.where}, {after.where}: two Linear layers without ReLU between"
            problems.append(f"{words}: multiply them into one, or put ReLU between")
    if len(steps) > 1 and isinstance(steps[-1], ReluStep):
        problems.append(f"{steps[-1].where}: ReLU of the outputs: leave it out, the outputs are logits")
    return problems


def _shared(linear: Sequence[LinearStep]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for step in linear:
        if step.key in first:
            words = f"{first[step.key]} and {step.where} share their weights"
            problems.append(f"{words}: give each layer its own, since each is trained by itself")
        first.setdefault(step.key, step.where)
    return problems


def _weights(linear: Sequence[LinearStep]) -> list[str]:
    return [
        f"{step.where}: weights that are no finite numbers: train it again, or start from other weights"
        for step in linear
        if not all(np.isfinite(part).all() for part in (step.weight, step.bias) if part is not None)
    ]


def compare(made: ImportedNetwork, original: Callable[[FloatArray], FloatArray], program: str) -> float:
    """Largest difference of logits on random records; raises ImportRefused where they disagree.

    original: what `program` computes for records (n, *shape) in double precision.
    """
    first = made.graph.nodes[0]
    shape = getattr(first, "shape", ())
    rows = np.random.default_rng(COMPARED_SEED).standard_normal((COMPARED_ROWS, *shape))
    expected = np.asarray(original(rows), dtype=np.float64)
    found = made.logits(rows.reshape(COMPARED_ROWS, -1))
    if expected.shape != found.shape:
        raise ImportRefused([f"{program} gives outputs of shape {expected.shape}, expected {found.shape}"])
    difference = float(np.abs(expected - found).max())
    allowed = TOLERANCE * max(1.0, float(np.abs(found).max()))
    if not difference <= allowed:
        words = f"{program} and the imported network differ by {difference:.3g}, allowed is {allowed:.3g}"
        raise ImportRefused([f"{words}: the network does something else than its layers say"])
    return difference
