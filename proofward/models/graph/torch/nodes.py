"""The nodes of an exported PyTorch program: names, places and arguments of operators, numbers of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.parts.steps import FloatArray

DTYPES = ("torch.float32", "torch.float64")


def where(node: Any) -> str:
    """The module's own name of the place, where torch kept it."""
    stack = node.meta.get("nn_module_stack") or {}
    names = [entry[0] for entry in stack.values() if isinstance(entry, tuple) and entry[0]]
    return str(names[-1]) if names else str(node.name)


def check_type(value: Any, place: str) -> None:
    """Raises ImportRefused for other numbers than those of single and double precision."""
    if str(value.dtype) not in DTYPES:
        words = f"numbers of type {value.dtype}: expected float32 or float64"
        raise ImportRefused([f"{place}: {words}; convert with .float()"])


def numbers(tensor: Any) -> FloatArray:
    return np.array(tensor.detach().double().numpy(), dtype=np.float64)


def target_of(node: Any) -> str:
    """ATen's name of the operator."""
    target = str(node.target)
    return target if target.startswith("aten.") else str(getattr(node.target, "__name__", target))


def bare(node: Any) -> str:
    """Such as relu_ of aten.relu_.default."""
    target = target_of(node)
    return target.split(".")[1] if target.startswith("aten.") else ""


def argument(node: Any, name: str) -> Any:
    """The value of an ATen operator's argument."""
    if name in node.kwargs:
        return node.kwargs[name]
    for place, argument in enumerate(node.target._schema.arguments):
        if argument.name == name:
            return node.args[place] if place < len(node.args) else argument.default_value
    return None
