"""What is wrong with steps: why they are no network of the trainer, all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.layers.basics.record import ROW
from proofward.models.graph.parts.refusals import ADD, ONE_OUTPUT, SHAPES
from proofward.models.graph.parts.steps import AddStep, ConvStep, LayerStep, LinearStep, ReluStep, Shape, Step
from proofward.models.setting_keys import MOST_HIDDEN_LAYERS


def wrong(steps: Sequence[Step], shape: Shape, row: int = 0) -> list[str]:
    """Why steps without scalings are no network of the trainer on records of this shape, and a row."""
    layers = [step for step in steps if isinstance(step, LinearStep | ConvStep)]
    if not layers:
        return ["no Linear layer: a network has to have at least one, with an output for each class"]
    joins = [step for step in steps if isinstance(step, AddStep)]
    through = [step.by for step in joins if step.by is not None]
    return [
        *_structure([step for step in steps if not isinstance(step, AddStep)]),
        *_joined(steps, shape, row),
        *_shared([*layers, *through]),
        *_finite([*layers, *through]),
        *_outputs(layers[-1]),
        *_sizes(layers),
        *_shapes(layers, shape),
    ]


def _joined(steps: Sequence[Step], shape: Shape, row: int) -> list[str]:
    """What is wrong with shortcuts: each adds values of the shape of a layer's sums, behind which is ReLU."""
    problems, values = [], [shape]
    for place, step in enumerate(steps):
        if isinstance(step, LinearStep | ConvStep):
            layer = step
            values.append(step.gives)
        if not isinstance(step, AddStep):
            continue
        if place + 1 == len(steps) or not isinstance(steps[place + 1], ReluStep):
            problems.append(f"{step.where}: Add without ReLU behind it: {ADD}")
        sums = replace(layer, pool=None).gives if isinstance(layer, ConvStep) else layer.gives
        takes = (row,) if step.source == ROW else values[step.source]
        if step.by is not None and step.by.takes not in (takes, (int(np.prod(takes)),)):
            problems.append(f"{step.where}: {step.by.where} takes {step.by.takes}, the values are {takes}")
        joins = takes if step.by is None else step.by.gives
        if joins != sums:
            problems.append(f"{step.where}: Add of the shapes {sums} and {joins}: {SHAPES}")
    return problems


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
