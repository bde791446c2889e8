"""What every importer reduces a network to: layers, ReLUs and frozen scalings, in order; and what is wrong.

What reorders nothing (flatten, view, identity) leaves no step. A BatchNorm in evaluation mode multiplies and
shifts each channel by fixed numbers: directly behind a layer it becomes part of that layer's weights,

    scale (W x + b) + shift = (scale W) x + (scale b + shift),

and is trained from then on as these are. A MaxPool2d(2) before or behind the ReLU of a convolution is one
activation with it: the order changes no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from proofward.layers.axis import Axis
from proofward.layers.linear import MAX_WIDTH
from proofward.layers.plain import MOST_CLASSES
from proofward.layers.relu_maxpool2d import ReluMaxPool2d
from proofward.models.graph.refusals import BEHIND, ONE_OUTPUT, POOL
from proofward.models.settings import MOST_HIDDEN_LAYERS

FloatArray = NDArray[np.float64]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class LinearStep:
    """weight (outputs, inputs), bias (outputs,) or None.

    key: equal for steps that share a weight; bias_key: for those that share a bias, "" where none can be.
    """

    where: str
    key: str
    weight: FloatArray
    bias: FloatArray | None
    bias_key: str = ""

    @property
    def takes(self) -> Shape:
        """Shape of what it takes of a record."""
        return (self.weight.shape[1],)

    @property
    def gives(self) -> Shape:
        """Shape of what it gives."""
        return (len(self.weight),)

    @property
    def plain(self) -> list[dict[str, object]]:
        """The layer in the plain form of `layers.network.chain`."""
        return [{"kind": "linear", "outputs": len(self.weight)}]


@dataclass(frozen=True)
class ConvStep:
    """weight (outputs, channels, K, K), as `LinearStep`; takes: (channels, height, width)."""

    where: str
    key: str
    weight: FloatArray
    bias: FloatArray | None
    takes: Shape
    stride: int
    padding: int
    bias_key: str = ""
    window: int = 1

    @property
    def kernel(self) -> int:
        """K."""
        return int(self.weight.shape[2])

    @property
    def gives(self) -> Shape:
        """Shape of what it gives behind its activation: (outputs, height, width)."""
        axes = (Axis(size, self.kernel, self.stride, self.padding).outputs for size in self.takes[1:])
        return (len(self.weight), *(axis // self.window for axis in axes))

    @property
    def plain(self) -> list[dict[str, object]]:
        """The layer, and its activation where it pools, in the plain form of `layers.network.chain`."""
        layer = {
            "kind": "conv2d", "outputs": len(self.weight), "kernel": self.kernel, "stride": self.stride,
            "padding": self.padding,
        }  # fmt: skip
        return [layer, {"kind": ReluMaxPool2d.kind}] if self.window > 1 else [layer]


@dataclass(frozen=True)
class ReluStep:
    """max(x, 0)."""

    where: str


@dataclass(frozen=True)
class PoolStep:
    """The maximum of every window of 2 x 2 values of a channel, with stride 2."""

    where: str


@dataclass(frozen=True)
class ScaleStep:
    """Channel c becomes scale[c] x + shift[c]: a BatchNorm in evaluation mode."""

    where: str
    scale: FloatArray
    shift: FloatArray


LayerStep = LinearStep | ConvStep
Step = LayerStep | ReluStep | PoolStep | ScaleStep


def batch_norm(
    where: str, *, gamma: FloatArray, beta: FloatArray, mean: FloatArray, variance: FloatArray, epsilon: float
) -> ScaleStep:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = gamma / np.sqrt(variance + epsilon)
    return ScaleStep(where, scale, beta - scale * mean)


def folded(steps: Sequence[Step]) -> tuple[list[Step], list[str], list[str]]:
    """The steps without scalings; notes on what was folded; problems."""
    made: list[Step] = []
    notes, problems = [], []
    for step in steps:
        if not isinstance(step, ScaleStep):
            made.append(step)
            continue
        before = made[-1] if made else None
        if not isinstance(before, LinearStep | ConvStep) or len(before.weight) != len(step.scale):
            problems.append(f"{step.where}: {BEHIND}")
            continue
        bias = np.zeros(len(step.scale)) if before.bias is None else before.bias
        scale = step.scale.reshape(-1, *(1 for _ in before.weight.shape[1:]))
        made[-1] = replace(before, weight=before.weight * scale, bias=step.scale * bias + step.shift)
        notes.append(f"{step.where} is frozen, and folded into {before.where}, whose weights are trained")
    return made, notes, problems


def pooled(steps: Sequence[Step]) -> tuple[list[Step], list[str]]:
    """The steps without pools, which are put to the convolutions that they follow; problems."""
    made: list[Step] = []
    problems = []
    for place, step in enumerate(steps):
        if not isinstance(step, PoolStep):
            made.append(step)
            continue
        behind = steps[place + 1] if place + 1 < len(steps) else None
        at = len(made) - 1 - bool(made and isinstance(made[-1], ReluStep))
        layer = made[at] if at >= 0 else None
        if not isinstance(layer, ConvStep) or (at == len(made) - 1) != isinstance(behind, ReluStep):
            problems.append(f"{step.where}: max_pool2d: {POOL}")
        elif layer.window > 1:
            problems.append(f"{step.where}: a second pool behind {layer.where}: {POOL}")
        elif min(layer.gives[1:]) < 2:
            problems.append(f"{step.where}: pictures of {layer.gives[1:]} have no window of 2 x 2")
        else:
            made[at] = replace(layer, window=2)
    return made, problems


def wrong(steps: Sequence[Step], shape: Shape) -> list[str]:
    """Why steps without scalings are no network of the trainer on records of this shape."""
    layers = [step for step in steps if isinstance(step, LinearStep | ConvStep)]
    if not layers:
        return ["no Linear layer: a network has to have at least one, with an output for each class"]
    return [
        *_structure(steps),
        *_shared(layers),
        *_finite(layers),
        *_outputs(layers[-1]),
        *_sizes(layers),
        *_shapes(layers, shape),
    ]


def _structure(steps: Sequence[Step]) -> list[str]:
    problems = []
    if isinstance(steps[0], ReluStep):
        problems.append(f"{steps[0].where}: ReLU of the inputs: leave it out, or begin with a layer")
    for before, after in pairwise(steps):
        if not isinstance(before, ReluStep) and not isinstance(after, ReluStep):
            linear = isinstance(before, LinearStep) and isinstance(after, LinearStep)
            kind = "Linear layers" if linear else "layers"
            words = f"{before.where}, {after.where}: two {kind} without ReLU between"
            problems.append(f"{words}: make them one, or put ReLU between")
    if isinstance(steps[-1], ReluStep):
        problems.append(f"{steps[-1].where}: ReLU of the outputs: leave it out, the outputs are logits")
    return problems


def _shared(layers: Sequence[LayerStep]) -> list[str]:
    first: dict[tuple[str, str], str] = {}
    problems = []
    for step in layers:
        keys = [("weights", step.key), *([("biases", step.bias_key)] if step.bias_key else [])]
        for what, key in keys:
            if (what, key) in first:
                words = f"{first[what, key]} and {step.where} share their {what}"
                problems.append(f"{words}: give each layer its own, since each is trained by itself")
            first.setdefault((what, key), step.where)
    return problems


def _finite(layers: Sequence[LayerStep]) -> list[str]:
    return [
        f"{step.where}: weights that are no finite numbers: train it again, or start from other weights"
        for step in layers
        if not all(np.isfinite(part).all() for part in (step.weight, step.bias) if part is not None)
    ]


def _outputs(last: LayerStep) -> list[str]:
    if isinstance(last, ConvStep):
        words = "the last layer is a convolution: flatten, and end with a Linear of an output for each class"
        return [f"{last.where}: {words}"]
    outputs = len(last.weight)
    if outputs == 1:
        return [ONE_OUTPUT]
    if outputs > MOST_CLASSES:
        return [f"{outputs} outputs: use at most {MOST_CLASSES}, a logit for each class"]
    return []


def _sizes(layers: Sequence[LayerStep]) -> list[str]:
    problems = []
    if len(layers) - 1 > MOST_HIDDEN_LAYERS:
        problems.append(f"{len(layers) - 1} hidden layers: expected at most {MOST_HIDDEN_LAYERS}")
    perceptron = not any(isinstance(step, ConvStep) for step in layers)
    for step in layers:
        widths = step.weight.shape if perceptron else step.weight.shape[:1]
        if isinstance(step, LinearStep) and max(widths) > MAX_WIDTH:
            words = f"widths {step.weight.shape[::-1]}, expected at most {MAX_WIDTH}"
            problems.append(f"{step.where}: {words}")
    return problems


def _shapes(layers: Sequence[LayerStep], shape: Shape) -> list[str]:
    problems = []
    for before, after in pairwise([None, *layers]):
        assert after is not None
        gives = shape if before is None else before.gives
        maker = "a record" if before is None else before.where
        if isinstance(after, LinearStep):
            count, taken = int(np.prod(gives)), after.takes[0]
            if count != taken:
                problems.append(f"{maker} gives {count} values, {after.where} takes {taken}")
        elif gives != after.takes:
            words = f"{maker} has the shape {gives}, {after.where} takes {after.takes}"
            problems.append(f"{words}: do not reshape before a convolution")
    return problems
