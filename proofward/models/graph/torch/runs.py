"""What an exported program computes, to compare with, once it is known to be as large as it says.

A file says of every value how large it is, and what is read from it relies on that. So the program is run
without values first, on torch's device `meta`, which makes shapes and no numbers: a file whose shapes are
others costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from proofward.data.frozen.network import MOST_VALUES
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.parts.steps import FloatArray

RECORDS = 2


def twin_of(exported: Any) -> Any:
    """A program's module in double precision, without what its output does not need; raises ImportRefused."""
    twin = exported.module(check_guards=False).double()
    twin.graph.eliminate_dead_code()
    twin.recompile()
    _check_shapes(twin)
    return twin


def _check_shapes(twin: Any) -> None:
    import torch

    class Shapes(torch.fx.Interpreter):  # type: ignore[misc]  # torch has no types here
        """Runs the program without values, and compares each shape with the one that the file says."""

        def fetch_attr(self, target: str) -> Any:
            return super().fetch_attr(target).to("meta")

        def run_node(self, n: Any) -> Any:
            found = super().run_node(n)
            if n.op == "call_function":
                _check_shape(n, found)
            return found

    inputs = [node.meta["val"] for node in twin.graph.nodes if node.op == "placeholder"]
    given = [
        torch.empty((RECORDS, *map(int, own.shape[1:])), dtype=torch.float64, device="meta") for own in inputs
    ]
    with torch.no_grad():
        Shapes(twin).run(*given)


def _check_shape(node: Any, found: Any) -> None:
    said = getattr(node.meta.get("val"), "shape", None)
    shape = getattr(found, "shape", None)
    if (said is None) is not (shape is None):
        raise ImportRefused([f"{node.name}: a tensor where the program says a number, or the reverse"])
    if said is None or shape is None:
        return
    fits = len(said) == len(shape) and all(
        size == own for size, own in zip(said, shape, strict=True) if isinstance(size, int)
    )
    if not fits:
        raise ImportRefused([f"{node.name}: of shape {tuple(shape)}, the program says {tuple(said)}"])
    if found.numel() > RECORDS * MOST_VALUES:
        words = f"{found.numel() // RECORDS} values of a record, expected at most {MOST_VALUES}"
        raise ImportRefused([f"{node.name}: {words}"])


def run_of(twin: Any, row: int = -1) -> Callable[..., FloatArray]:
    """What a module in double precision computes of records, and of rows at this place of its inputs."""
    import torch

    def run(*parts: FloatArray) -> FloatArray:
        given = map(torch.from_numpy, parts if row else parts[::-1])
        with torch.no_grad():
            found = twin(*given)
        return np.asarray(found.double().numpy(), dtype=np.float64)

    return run
