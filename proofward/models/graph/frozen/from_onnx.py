"""An ONNX file as a frozen network. It may have more than the trainer can prove: any pools, and ReLU6."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.frozen.network import MAX_BYTES, FrozenNetwork
from proofward.data.frozen.windows import Windows
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.graph.frozen.network import KINDS, check_alike, frozen_network
from proofward.models.graph.onnx.from_onnx import read_file, read_graph
from proofward.models.graph.onnx.operators import PLAIN_KINDS, Operators, attributes, where
from proofward.models.graph.onnx.runs import double_run, single_run
from proofward.models.graph.parts.steps import CutStep, FloatArray, Step, WindowStep

_POOLS = ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean")
_OTHERS = ("Conv", "BatchNormalization", *PLAIN_KINDS)


def frozen_from_onnx(path: Path) -> FrozenNetwork:
    """The frozen network in an ONNX file, which holds all its weights; raises ImportRefused.

    What it computes was compared with a run of the file.
    """
    file = read_file(path, MAX_BYTES, external=False)
    read, batch = read_graph(file.graph, FrozenOperators)
    made = frozen_network(read)
    run = single_run(file, batch, [read.first]) or double_run(file, batch, [read.first])
    check_alike(made, run, "the file")
    return made


class FrozenOperators(Operators):
    """The operators of a frozen network."""

    def check_node(self, node: Any) -> None:
        """Notes why an operator is none of a frozen network."""
        kind = node.op_type
        if kind in _POOLS:
            self._windows(node)
        elif kind == "Clip":
            self._end(node)
        elif kind == "Dropout":
            if len(node.input) > 2 and node.input[2] and self._constant(node, 2) != np.array(False):
                self.problems.append(f"{where(node)}: Dropout in training mode: {KINDS}")
        elif kind in _OTHERS:
            super().check_node(node)
        else:
            self.problems.append(f"{where(node)}: {kind}: {KINDS}")

    def steps(self, node: Any, bias: FloatArray | None) -> list[Step] | None:
        """The step of a node that `check_node` has nothing against, none if it is no layer."""
        if node.op_type in _POOLS:
            found, mean = self._windows(node), node.op_type not in ("MaxPool", "GlobalMaxPool")
            return [] if found is None else [WindowStep(where(node), found, mean)]
        if node.op_type == "Clip":
            return [CutStep(where(node), self._end(node))]
        return super().steps(node, bias)

    def _end(self, node: Any) -> float:
        """Where a Clip that begins at 0 ends."""
        ends = [self._one_end(node, *end) for end in ((1, "min", -math.inf), (2, "max", math.inf))]
        if ends[0] != 0 or not ends[1] > 0:
            self.problems.append(f"{where(node)}: Clip to {ends}: only from 0 to a number above, as ReLU6")
        return ends[1]

    def _one_end(self, node: Any, place: int, name: str, usual: float) -> float:
        """An end of a Clip; no number where it is none, or computed."""
        constant = self._constant(node, place)
        if constant is None:
            return math.nan if self._computed(node, place) else float(attributes(node).get(name, usual))
        numbers = self._numbers(constant, where(node))
        return float(numbers) if numbers.ndim == 0 else math.nan

    def _windows(self, node: Any) -> Windows | None:
        """The windows of a pool; None for one that is refused."""
        own, sizes = attributes(node), self.shapes.get(node.input[0], ())[1:]
        place, kind = where(node), node.op_type
        if len(sizes) != 3 or not all(isinstance(size, int) and size for size in sizes):
            self.problems.append(f"{place}: {kind} of what is no picture of a known size")
            return None
        sides = int(sizes[1]), int(sizes[2])
        if kind in ("GlobalAveragePool", "GlobalMaxPool", "ReduceMean"):
            if kind == "ReduceMean" and not self._pool(node):
                self.problems.append(f"{place}: ReduceMean of other axes than height and width")
                return None
            return Windows(sides, (1, 1))
        kernel = own.get("kernel_shape", [])
        pads = own.get("pads", [0, 0, 0, 0])
        named = own.get("auto_pad", b"NOTSET").decode() not in ("NOTSET", "VALID")
        apart = own.get("dilations", [1, 1]) != [1, 1] or own.get("ceil_mode", 0)
        uneven = kind == "AveragePool" and any(pads) and not own.get("count_include_pad", 0)
        several = len([name for name in node.output if name]) > 1
        if named or apart or uneven or several or len(kernel) != 2:
            words = "only windows without gaps, with zeros that count in means, and padding by numbers"
            self.problems.append(f"{place}: {kind}: {words}")
            return None
        try:
            down, across = own.get("strides", [1, 1])
            above, left, below, right = pads
            found = Windows((kernel[0], kernel[1]), (down, across), (above, left, below, right))
            found.gives((int(sizes[0]), *sides))
        except (ConfigurationError, ValueError) as error:
            self.problems.append(f"{place}: {kind}: {error}")
            return None
        return found
