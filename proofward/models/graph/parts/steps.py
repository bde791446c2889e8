"""What every importer reduces a network to: layers, ReLUs, shortcuts and frozen scalings, in order.

What reorders nothing (flatten, view, identity) leaves no step. A BatchNorm in evaluation mode multiplies and
shifts each channel by fixed numbers: directly behind a layer it becomes part of that layer's weights,

    scale (W x + b) + shift = (scale W) x + (scale b + shift),

and is trained from then on as these are. A MaxPool2d(2) before or behind the ReLU of a convolution is one
activation with it: the order changes no value. So is a mean behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proofward.data.frozen.windows import Windows
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.record import source_word
from proofward.layers.convolutions.axis import Axis
from proofward.layers.networks.registry import ACTIVATIONS, IMPLIED
from proofward.layers.networks.shortcuts import ADD
from proofward.models.graph.parts.refusals import BEHIND, POOL

_POOLS = {
    ReluMaxPool2d.kind: "max_pool2d",
    ReluAvgPool2d.kind: "avg_pool2d",
    ReluGlobalAvgPool.kind: "the mean of a picture",
}
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
        """The layer in the plain form of `layers.networks.network.chain`."""
        return [{"kind": "linear", "outputs": len(self.weight)}]


@dataclass(frozen=True)
class ConvStep:
    """weight (outputs, channels / groups, K, K), as `LinearStep`; takes: (channels, height, width)."""

    where: str
    key: str
    weight: FloatArray
    bias: FloatArray | None
    takes: Shape
    stride: int
    padding: int
    bias_key: str = ""
    groups: int = 1
    pool: PoolStep | None = None  #: of the activation behind it, if it pools

    @property
    def kernel(self) -> int:
        """K."""
        return int(self.weight.shape[2])

    @property
    def gives(self) -> Shape:
        """Shape of what it gives behind its activation: (outputs, height, width)."""
        plain = {"kind": IMPLIED.kind} if self.pool is None else self.pool.plain
        own = IMPLIED if self.pool is None else ACTIVATIONS[self.pool.kind]
        rest = (self.kernel, self.stride, self.padding, own.window_of(plain))
        sums = (len(self.weight), *(Axis(size, *rest).outputs for size in self.takes[1:]))
        return own.from_plain(Layout(sums), plain).gives.axes

    @property
    def plain(self) -> list[dict[str, object]]:
        """The layer, with its activation where it pools, in plain form (`layers.networks.network.chain`)."""
        layer: dict[str, object] = {
            "kind": "conv2d", "outputs": len(self.weight), "kernel": self.kernel, "stride": self.stride,
            "padding": self.padding, **({"groups": self.groups} if self.groups > 1 else {}),
        }  # fmt: skip
        return [layer] if self.pool is None else [layer, self.pool.plain]


@dataclass(frozen=True)
class ReluStep:
    """max(x, 0)."""

    where: str


@dataclass(frozen=True)
class PoolStep:
    """A pool, of the activation of this kind: maxima of windows of 2 x 2 side by side, means of such, or one.

    size: of windows that there are means of.
    """

    where: str
    kind: str = ReluMaxPool2d.kind
    size: int = 2

    @property
    def plain(self) -> dict[str, object]:
        """ReLU and this pool in the plain form of `layers.networks.network.chain`."""
        return {"kind": self.kind, **({"size": self.size} if self.size != 2 else {})}


@dataclass(frozen=True)
class ScaleStep:
    """Channel c becomes scale[c] x + shift[c]: a BatchNorm in evaluation mode."""

    where: str
    scale: FloatArray
    shift: FloatArray


@dataclass(frozen=True)
class AddStep:
    """Values behind so many layers join the sums before it, through these steps: none, or a layer."""

    where: str
    source: int
    through: tuple[Step, ...] = ()

    @property
    def by(self) -> LayerStep | None:
        """The layer between, once its scaling is folded into it."""
        return next((step for step in self.through if isinstance(step, LinearStep | ConvStep)), None)

    @property
    def plain(self) -> dict[str, object]:
        """The shortcut in the plain form of `layers.networks.network.chain`."""
        through = {} if self.by is None else {"by": self.by.plain[0]}
        return {"kind": ADD, "from": source_word(self.source), **through}


@dataclass(frozen=True)
class RowStep:
    """Where a row of a table comes in, which goes with each record."""

    where: str


@dataclass(frozen=True)
class ConcatStep:
    """The row is concatenated, behind the values or before them."""

    where: str
    row_first: bool


@dataclass(frozen=True)
class WindowStep:
    """A pool of any windows, of a frozen network alone; mean: of each window, else its largest value."""

    where: str
    windows: Windows
    mean: bool


@dataclass(frozen=True)
class CutStep:
    """min(max(x, 0), most), of a frozen network alone."""

    where: str
    most: float


LayerStep = LinearStep | ConvStep
Step = LayerStep | ReluStep | PoolStep | ScaleStep | AddStep | RowStep | ConcatStep | WindowStep | CutStep


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
    notes, problems = list[str](), list[str]()
    for step in steps:
        if isinstance(step, AddStep):
            inner, own_notes, own_problems = folded(step.through)
            made.append(replace(step, through=tuple(inner)))
            notes, problems = notes + own_notes, problems + own_problems
            continue
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
        before = not (made and isinstance(made[-1], ReluStep))
        at = len(made) - 2 + before
        at -= at >= 0 and isinstance(made[at], AddStep)
        layer = made[at] if at >= 0 else None
        wrong_order = before != isinstance(behind, ReluStep) or (before and step.kind != ReluMaxPool2d.kind)
        if not isinstance(layer, ConvStep) or wrong_order:
            problems.append(f"{step.where}: {_POOLS[step.kind]}: {POOL}")
        elif layer.pool:
            problems.append(f"{step.where}: a second pool behind {layer.where}: {POOL}")
        elif min(layer.gives[1:]) < ACTIVATIONS[step.kind].window_of(step.plain):
            words = f"have no window of {step.size} x {step.size}"
            problems.append(f"{step.where}: pictures of {layer.gives[1:]} {words}")
        else:
            made[at] = replace(layer, pool=step)
    return made, problems
