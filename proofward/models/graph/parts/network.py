"""An imported network: its graph, its weights as they came, and both as the trainer takes them.

A layer without bias gets zeros, since the trainer's layers all have one: the network computes the same, and
its bias is trained from then on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.bounds import LARGEST_WEIGHT
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.networks.real_pass import real_forward
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.models.graph.parts.branches import Key, Read, chained
from proofward.models.graph.parts.concatenations import parted
from proofward.models.graph.parts.graph import Graph, network_graph
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.parts.steps import AddStep, ConvStep, FloatArray, LinearStep, Step, folded, pooled
from proofward.models.graph.parts.structure import wrong
from proofward.models.settings import Settings

TOLERANCE = 1e-9
MOST_COMPARED, LEAST_COMPARED, COMPARED_SEED = 64, 8, 20261128
BLOCK_VALUES = 1 << 23  #: that a layer multiplies at a time


@dataclass(frozen=True)
class FirstWeights:
    """First weights of a federation.

    Attributes:
        weights: Flat int64 at scale 2^weight_bits.
        limit: The largest magnitude that a weight may have.
        clipped: How many values of each tensor were beyond it.
    """

    weights: Int64Array
    limit: float
    clipped: dict[str, int]


@dataclass(frozen=True)
class ImportedNetwork:
    """A network that was read, with its weights.

    Attributes:
        graph: What the layers are, as their file or module has them.
        layers: (weight (outputs, ...), bias (outputs,)) for each layer, float64. The weight of a Linear is
            (outputs, inputs), that of a convolution (outputs, channels, K, K).
        notes: What the importer decided.
    """

    graph: Graph
    layers: tuple[tuple[FloatArray, FloatArray], ...]
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> Network:
        """The trainer's network."""
        return self.graph.to_network()

    @property
    def settings(self) -> Settings:
        """What a multilayer perceptron sets in consortium.toml: the hidden widths."""
        if not self.model.is_mlp:
            raise ConfigurationError("network", "Linear layers alone", self.graph.words())
        return Settings(hidden=self.model.widths[1:-1])

    def logits(self, rows: FloatArray) -> FloatArray:
        """float64 (n, classes), by the trainer's own layers in real numbers.

        Args:
            rows: Records, float64 (n, inputs).
        """
        model = self.model
        block = _rows_at_a_time(model)
        parts = [self._block(model, rows[at : at + block]) for at in range(0, len(rows), block)]
        return np.concatenate(parts)

    def _block(self, model: Network, rows: FloatArray) -> FloatArray:
        _, sums = real_forward(model, self.layers, rows, None)
        return np.asarray(sums[-1], dtype=np.float64)

    def first_weights(self, scales: FixedPoint, limit: float = LARGEST_WEIGHT) -> FirstWeights:
        """Weights rounded to multiples of 2^-weight_bits and clamped to [-limit, limit].

        Args:
            scales: The bits of the fixed-point numbers.
            limit: A number above 0, at most that of the trainer.
        """
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


def network_of(read: Read[Key]) -> ImportedNetwork:
    """The canonical network of what was read; raises ImportRefused with all that is wrong."""
    steps, problems = chained(read)
    if problems:
        raise ImportRefused(problems)
    return network(read.shape, steps, read.row_size)


def network(shape: tuple[int, ...], written: Sequence[Step], row: int = 0) -> ImportedNetwork:
    """The canonical network of these steps; raises ImportRefused with all that is wrong.

    row: the length of the row that goes with each record, 0 for none.
    """
    steps, notes, problems = folded(written)
    steps, of_pools = pooled(steps)
    steps, of_rows, of_concats = parted(steps, row)
    notes, problems = notes + of_rows, problems + of_pools + of_concats
    if not of_concats:
        problems += wrong(steps, shape, row)
    if problems:
        raise ImportRefused(problems)
    joins = [step for step in steps if isinstance(step, AddStep)]
    chain_layers = [step for step in steps if isinstance(step, LinearStep | ConvStep)]
    layers = [*chain_layers, *(step.by for step in joins if step.by is not None)]
    notes += [
        f"{step.where} has no bias: it starts at zeros, and is trained"
        for step in layers
        if step.bias is None
    ]
    weights = tuple(
        (step.weight, np.zeros(len(step.weight)) if step.bias is None else step.bias) for step in layers
    )
    try:
        if all(isinstance(step, LinearStep) for step in layers) and not joins:
            model = mlp((math.prod(shape), *(len(step.weight) for step in layers)))
        else:
            model = chain(shape, _plain(steps), row)
        graph = network_graph(shape, model)
    except ConfigurationError as error:
        raise ImportRefused([f"no network of the trainer: {error}"]) from error
    return ImportedNetwork(graph, weights, tuple(notes))


def _plain(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Layers, what joins their sums, and pools, in the plain form of `layers.networks.network.chain`."""
    plain: list[dict[str, object]] = []
    for place, step in enumerate(steps):
        if not isinstance(step, LinearStep | ConvStep):
            continue
        layer, *pool = step.plain
        behind = steps[place + 1] if place + 1 < len(steps) else None
        plain += [layer, *([behind.plain] if isinstance(behind, AddStep) else []), *pool]
    return plain


def _rows_at_a_time(model: Network) -> int:
    """As many records as a layer's products leave room for."""
    return max(1, BLOCK_VALUES // max(layer.positions * layer.fan_in for layer in model.layers))


def compare(
    made: ImportedNetwork,
    original: Callable[..., FloatArray],
    program: str,
    tolerance: float = TOLERANCE,
) -> float:
    """Largest difference of logits on random records; raises ImportRefused where they disagree.

    original: what `program` computes for records (n, *shape), and for rows behind them where there are such;
    tolerance: for its rounding, of large logits.
    """
    count = min(MOST_COMPARED, max(LEAST_COMPARED, _rows_at_a_time(made.model)))
    random = np.random.default_rng(COMPARED_SEED)
    parts = [random.standard_normal((count, *shape)) for shape in made.graph.shapes]
    expected = np.asarray(original(*parts), dtype=np.float64)
    found = made.logits(np.concatenate([part.reshape(count, -1) for part in parts], axis=1))
    if expected.shape != found.shape:
        raise ImportRefused([f"{program} gives outputs of shape {expected.shape}, expected {found.shape}"])
    why = "the network does something else than its layers say"
    return require_close(expected, found, tolerance, f"{program} and the imported network", why)


def require_close(expected: FloatArray, found: FloatArray, tolerance: float, whose: str, why: str) -> float:
    """Their largest difference; raises ImportRefused beyond this share of the largest value, or of 1."""
    difference = float(np.abs(expected - found).max())
    allowed = tolerance * max(1.0, float(np.abs(found).max()))
    if not difference <= allowed:
        raise ImportRefused([f"{whose} differ by {difference:.3g}, allowed is {allowed:.3g}: {why}"])
    return difference
