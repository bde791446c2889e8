"""Operators of a file as a frozen network: real weights become integers, as fine as exact sums allow.

A layer's weights and biases are rounded to multiples of 2^-bits and 2^-(bits + VALUE_BITS), with the most
bits for which its sums stay exact: a function of the weights alone, so that everybody makes the same bytes of
the same file. A frozen BatchNorm becomes part of the layer before it where that layer has no other reader,
else a convolution of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from proofward.data.frozen.network import FrozenNetwork, to_values
from proofward.data.frozen.nodes import Add, Convolution, Linear, Max, Mean, Node, Rectify
from proofward.data.frozen.weights import LARGEST_SUM, LEAST_BITS, LIMIT, MOST_BITS, VALUE_BITS, Weights
from proofward.data.frozen.windows import Shape, Windows
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluGlobalAvgPool
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.graph.parts.branches import Key, Operator, Read
from proofward.models.graph.parts.network import require_close
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.parts.steps import (
    ConvStep,
    CutStep,
    FloatArray,
    LinearStep,
    PoolStep,
    ReluStep,
    ScaleStep,
    Step,
    WindowStep,
    folded,
)

KINDS = (
    "a frozen network has Conv, Gemm, MatMul, BatchNormalization, Relu, Clip from 0, MaxPool, AveragePool, "
    "Add and reshapes: cut it off before this, or use another"
)
TWO_INPUTS = "two inputs: a frozen network takes pictures alone"
COMPARED, COMPARED_SEED = 2, 20261129
TOLERANCE = 1 / 64
"""Of the largest output, or of 1: more than this no rounding of weights and values explains."""


def frozen_network(read: Read[Key]) -> FrozenNetwork:
    """The network of what was read, on pictures; raises ImportRefused."""
    if read.row is not None:
        raise ImportRefused([TWO_INPUTS])
    shape = read.shape
    if len(shape) != 3:
        raise ImportRefused([f"the network takes {shape}, expected pictures (channels, height, width)"])
    operators, last = _folded(read.operators, read.last)
    nodes, values = list[Node](), {read.first: 0}
    shapes: list[Shape] = [shape]

    def append(node: Node) -> int:
        shapes.append(node.gives([shapes[source] for source in node.sources]))
        nodes.append(node)
        return len(nodes)

    for key, own in operators.items():
        places = tuple(values[source] for source in own.sources)
        try:
            at = append(Add(places)) if len(places) == 2 else places[0]
            for step in own.steps:
                at = append(_node(step, at, shapes[at]))
        except ConfigurationError as error:
            raise ImportRefused([f"{own.where}: {error}"]) from error
        values[key] = at
    if values[last] != len(nodes):
        raise ImportRefused(["the output is followed by operators that it does not depend on"])
    try:
        return FrozenNetwork(shape, tuple(nodes))
    except ConfigurationError as error:
        raise ImportRefused([f"no frozen network: {error}"]) from error


def _folded(operators: Mapping[Key, Operator[Key]], last: Key) -> tuple[dict[Key, Operator[Key]], Key]:
    """Operators with scalings as part of the layers that they alone read; and what the output is then."""
    readers = Counter(source for own in operators.values() for source in own.sources)
    made, same = dict[Key, Operator[Key]](), dict[Key, Key]()
    for key, own in operators.items():
        sources = tuple(same.get(source, source) for source in own.sources)
        before = made.get(sources[0])
        layer = before.steps[-1] if before is not None and before.steps else None
        scale = own.steps[0] if len(own.steps) == 1 else None
        fits = isinstance(layer, LinearStep | ConvStep) and readers[own.sources[0]] == 1
        if before is not None and fits and isinstance(scale, ScaleStep):
            steps, _, problems = folded([*before.steps, scale])
            if problems:
                raise ImportRefused(problems)
            made[sources[0]], same[key] = replace(before, steps=tuple(steps)), sources[0]
        else:
            made[key] = replace(own, sources=sources)
    return made, same.get(last, last)


def _node(step: Step, source: int, shape: Shape) -> Node:
    """The node of a step; raises ConfigurationError, ImportRefused."""
    at = (source,)
    match step:
        case LinearStep():
            return Linear(at, weights(step.where, step.weight, step.bias))
        case ConvStep():
            if step.takes != shape:
                words = f"takes {step.takes} of {shape}: do not reshape before a convolution"
                raise ImportRefused([f"{step.where}: {words}"])
            sides = (step.padding,) * 2, (step.kernel,) * 2, (step.stride,) * 2
            windows = Windows(sides[1], sides[2], (*sides[0], *sides[0]))
            return Convolution(at, weights(step.where, step.weight, step.bias), windows, step.groups)
        case ScaleStep():
            if len(shape) != 3 or len(step.scale) != shape[0]:
                raise ImportRefused([f"{step.where}: a scaling of other values than a picture's channels"])
            kernels = step.scale.reshape(-1, 1, 1, 1)
            return Convolution(
                at, weights(step.where, kernels, step.shift), Windows((1, 1), (1, 1)), shape[0]
            )
        case ReluStep():
            return Rectify(at)
        case CutStep():
            return Rectify(at, max(1, round(min(step.most * (1 << VALUE_BITS), LIMIT))))
        case WindowStep():
            return Mean(at, step.windows) if step.mean else Max(at, step.windows)
        case PoolStep():
            whole = step.kind == ReluGlobalAvgPool.kind and len(shape) == 3
            windows = Windows(shape[1:], (1, 1)) if whole else Windows((2, 2), (2, 2))  # type: ignore[arg-type]
            return Max(at, windows) if step.kind == ReluMaxPool2d.kind else Mean(at, windows)
    raise ImportRefused([f"{step.where}: {KINDS}"])


def weights(where: str, real: FloatArray, bias: FloatArray | None) -> Weights:
    """Integers with the most bits for which sums stay exact; raises ImportRefused."""
    shift = np.zeros(len(real)) if bias is None else bias
    if not (np.isfinite(real).all() and np.isfinite(shift).all()):
        raise ImportRefused([f"{where}: weights that are no finite numbers"])
    for bits in range(MOST_BITS, LEAST_BITS - 1, -1):
        values, own = np.rint(real * 2.0**bits), np.rint(shift * 2.0 ** (bits + VALUE_BITS))
        largest = np.abs(values).reshape(len(values), -1).sum(axis=1) * LIMIT + np.abs(own)
        if (largest <= LARGEST_SUM).all():
            return Weights(values.astype(np.int32), own.astype(np.int64), bits)
    words = f"so large that an output's weights add up to more than {LARGEST_SUM / LIMIT / 2**LEAST_BITS:g}"
    raise ImportRefused([f"{where}: weights {words}: scale the network"])


def check_alike(made: FrozenNetwork, original: Callable[[FloatArray], FloatArray], program: str) -> float:
    """Largest difference from a run of the file on random pictures; raises ImportRefused if it is large."""
    random = np.random.default_rng(COMPARED_SEED)
    pictures = to_values(random.standard_normal((COMPARED, *made.shape)))
    unit = 1 << VALUE_BITS
    found = made.features(pictures) / unit
    expected = original(pictures / unit).reshape(len(pictures), -1)
    if expected.shape != found.shape:
        raise ImportRefused([f"{program} gives {expected.shape[1]} features, expected {found.shape[1]}"])
    why = "its values are too large or too small for the fixed point"
    return require_close(expected, found, TOLERANCE, f"{program} and its exact integers", why)
