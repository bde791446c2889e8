"""A file of `torch.export.save` as a frozen network. It may have more than the trainer can prove."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from proofward.data.frozen.network import FrozenNetwork
from proofward.data.frozen.windows import Windows
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.graph.frozen.network import KINDS, check_alike, frozen_network
from proofward.models.graph.parts.convolutions import pair_of
from proofward.models.graph.parts.refusals import plain_name
from proofward.models.graph.parts.steps import CutStep, FloatArray, Step, WindowStep
from proofward.models.graph.torch.from_torch import read_program, read_pt2
from proofward.models.graph.torch.nodes import argument, target_of, where
from proofward.models.graph.torch.operators import Program
from proofward.models.graph.torch.runs import run_of, twin_of

_POOLS = ("maxpool2d", "avgpool2d", "adaptiveavgpool2d")
_CUTS = {"relu6": (), "hardtanh": ("min_val", "max_val"), "clamp": ("min", "max")}


def frozen_from_pt2(path: Path) -> FrozenNetwork:
    """The frozen network in a file that `torch.export.save` wrote; raises ImportRefused.

    Nothing of the file is unpickled or executed. What it computes was compared with a run of the program.
    """
    exported = read_pt2(path)
    made = frozen_network(read_program(FrozenProgram(exported), []))
    check_alike(made, run_of(twin_of(exported)), "the program")
    return made


class FrozenProgram(Program):
    """The operators of a frozen network."""

    def problems_of(self, node: Any) -> list[str]:
        """Why an operator is none of a frozen network."""
        name = plain_name(target_of(node))
        if name in _POOLS:
            found = self._windows(node)
            return [f"{where(node)}: {found}"] if isinstance(found, str) else []
        if name in _CUTS:
            low, high = self._ends(node)
            cut = low == 0 and high > 0
            return (
                []
                if cut
                else [f"{where(node)}: {name} to {low, high}: only from 0 to a number above, as ReLU6"]
            )
        if name == "dropout" and argument(node, "train") is False:
            return []
        problems = super().problems_of(node)
        return [f"{where(node)}: {name}: {KINDS}"] if problems and name not in _NAMED else problems

    def steps(self, node: Any) -> list[Step]:
        """The step of a node that `problems_of` has nothing against, none if it only reorders."""
        name = plain_name(target_of(node))
        if name in _POOLS:
            found = self._windows(node)
            assert isinstance(found, Windows)  # or the program was refused
            return [WindowStep(where(node), found, mean="max" not in name)]
        if name in _CUTS:
            return [CutStep(where(node), self._ends(node)[1])]
        return super().steps(node)

    def _parameter(self, place: str, node: Any, *, trained: bool = False) -> tuple[str, FloatArray]:
        """Frozen ones are what they should be."""
        return super()._parameter(place, node)

    def _ends(self, node: Any) -> tuple[float, float]:
        """From where to where it cuts."""
        name = plain_name(target_of(node))
        if name == "relu6":
            return 0.0, 6.0
        low, high = (argument(node, end) for end in _CUTS[name])
        return -math.inf if low is None else float(low), math.inf if high is None else float(high)

    def _windows(self, node: Any) -> Windows | str:
        """The windows of a pool, or why it is refused."""
        sizes = tuple(int(size) for size in self.source(node).meta["val"].shape[1:])
        name = plain_name(target_of(node))
        if len(sizes) != 3:
            return f"{name} of what is no picture"
        if name.startswith("adaptive"):
            one = pair_of(argument(node, "output_size")) == (1, 1)
            return (
                Windows((sizes[1], sizes[2]), (1, 1)) if one else f"{name} to more than one value a channel"
            )
        kernel, padding = pair_of(argument(node, "kernel_size")), pair_of(argument(node, "padding"))
        stride = pair_of(argument(node, "stride") or kernel)
        mean = name == "avgpool2d"
        uneven = mean and any(padding) and not argument(node, "count_include_pad")
        apart = not mean and pair_of(argument(node, "dilation")) != (1, 1)
        if uneven or apart or argument(node, "ceil_mode") or (mean and argument(node, "divisor_override")):
            return f"{name}: only windows without gaps, with zeros that count in means"
        try:
            found = Windows(kernel, stride, (*padding, *padding))
            found.gives(sizes)
        except ConfigurationError as error:
            return f"{name}: {error}"
        return found


_NAMED = ("conv2d", "linear", "batchnorm", "dropout", "add", "mean")
"""Operators of which the trainer's reader says better why they are refused."""
