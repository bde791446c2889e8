"""A PyTorch module, or a program that `torch.export.save` wrote, as a network.

The module is exported in evaluation mode and not decomposed, so that each of its layers is one operator. The
batch has to be free. What is imported is then compared with the module in double precision.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proofward.models.graph.parts.branches import Operator, Read
from proofward.models.graph.parts.concatenations import row_of
from proofward.models.graph.parts.network import ImportedNetwork, compare, network_of
from proofward.models.graph.parts.refusals import (
    ADD,
    CONTROL,
    ImportRefused,
    first_line,
    refusing,
    require_package,
    unsupported,
)
from proofward.models.graph.torch.nodes import check_type, where
from proofward.models.graph.torch.operators import Program, is_add, is_concat
from proofward.models.graph.torch.pt2_archive import vetted
from proofward.models.graph.torch.runs import run_of, twin_of


def from_torch(module: Any, example: Any) -> ImportedNetwork:
    """The network in a torch.nn.Module of Conv2d, Linear and ReLU with an output for each class.

    A BatchNorm in evaluation mode is folded into the layer before it.

    Args:
        module: The module. It is not changed.
        example: A tensor of records (n, ...), of which only the shape of a record and the type count. Nothing
            is learned from its values. Of a module that takes a row of a table with each record it is both
            tensors, in the module's order.

    Raises:
        ImportRefused: Everything that is wrong, and what to use instead.
    """
    require_package("torch")
    import torch

    if not isinstance(module, torch.nn.Module):
        raise ImportRefused([f"expected a torch.nn.Module, found {type(module).__name__}"])
    examples = example if isinstance(example, tuple) else (example,)
    if not examples or not all(
        isinstance(own, torch.Tensor) and own.dim() > 1 and len(own) for own in examples
    ):
        raise ImportRefused(["example: expected a tensor of records, one a row, such as torch.zeros(1, 30)"])
    problems = _masks(module)
    with _evaluating(module):
        rows = tuple(torch.zeros((2, *own.shape[1:]), dtype=own.dtype) for own in examples)
        try:
            batch = tuple({0: torch.export.Dim.DYNAMIC} for _ in rows)
            program = torch.export.export(module, rows, dynamic_shapes=batch)
        except Exception as error:  # torch documents no type for a module that it cannot export
            raise ImportRefused([*problems, _not_run(module, rows) or _not_exported(error)]) from error
        made, row = _network(program, problems)
        twin = copy.deepcopy(module).double()
        return _compared(made, twin, row)


def from_pt2(path: Path) -> ImportedNetwork:
    """The network in a file that `torch.export.save` wrote; nothing of the file is unpickled or executed."""
    with refusing(path):
        program = read_pt2(path)
        made, row = _network(program, [])
        return _compared(made, twin_of(program), row)


def read_pt2(path: Path) -> Any:
    """The exported program in such a file, made harmless before; raises ImportRefused."""
    require_package("torch")
    import torch

    data = vetted(path)
    try:
        return torch.export.load(io.BytesIO(data))
    except Exception as error:  # torch documents no type for a file that it cannot read
        raise ImportRefused([f"{path}: torch cannot read it: {first_line(error)}"]) from error


def _compared(made: ImportedNetwork, twin: Any, row: int) -> ImportedNetwork:
    """row: at which place the module takes the row of a table, -1 for none."""
    try:
        compare(made, run_of(twin, row), "the module")
    except (RuntimeError, TypeError, AttributeError) as error:
        words = f"the module does not compute in double precision: {first_line(error)}"
        raise ImportRefused([words]) from error
    return made


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _masks(module: Any) -> list[str]:
    """Layers that act in training as no operator of evaluation mode says."""
    problems = []
    for name, part in module.named_modules():
        kind, place = type(part).__name__, name or "the module"
        if "Dropout" in kind and getattr(part, "p", 0) > 0:
            problems.append(unsupported(kind, place, f"p = {part.p}"))
        if "BatchNorm" in kind and part.training:
            problems.append(unsupported("BatchNorm", place, f"{kind} in training mode"))
    return problems


def _not_run(module: Any, rows: tuple[Any, ...]) -> str:
    """Why a module does not even compute outputs of such records, "" if it does; a copy of it is asked."""
    import torch

    try:
        with torch.no_grad():
            copy.deepcopy(module)(*rows)
    except Exception as error:  # whatever a module raises
        shapes = " and ".join("x".join(map(str, own.shape[1:])) for own in rows)
        words = f"the module does not compute outputs of records of the example's shape, {shapes}"
        return f"{words}: {type(error).__name__}: {first_line(error)}"
    return ""


def _not_exported(error: Exception) -> str:
    words = f"{type(error).__name__}: {first_line(error)}"
    if "DataDependent" in words or "data-dependent" in words:
        return f"{CONTROL} ({words})"
    return f"torch.export cannot export it with a batch of any size: {words}"


def _network(exported: Any, problems: list[str]) -> tuple[ImportedNetwork, int]:
    """The network of an exported program, and the place of its row among the inputs, -1 where it has none.

    problems: what is known to be wrong already.
    """
    program = Program(exported)
    read = read_program(program, problems)
    return network_of(read), -1 if read.row is None else program.inputs.index(read.row)


def read_program(program: Program, problems: list[str]) -> Read[Any]:
    """What a program is made of; raises ImportRefused."""
    inputs, outputs = program.inputs, program.outputs
    problems = problems + [
        found for found in program.problems() if not any(_same_place(found, said) for said in problems)
    ]
    shapes, row = [_shape(own) for own in inputs], -1
    if len(inputs) != 1:
        row, of_inputs = row_of(shapes)
        problems += of_inputs
    if len(outputs) != 1:
        problems.append(f"{len(outputs)} outputs of the module: return one tensor of logits, one a class")
    if problems:
        raise ImportRefused(problems)
    for own in inputs:
        check_type(own.meta["val"], "the input")
        if isinstance(own.meta["val"].shape[0], int):
            words = "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
            raise ImportRefused([f"a batch of one fixed size: export it with {words}"])
    at = 1 if row == 0 else 0
    of_row = (inputs[row], shapes[row][0]) if row >= 0 else ()
    return Read(shapes[at], _operators(program, inputs, outputs[0]), inputs[at], outputs[0], *of_row)


def _shape(node: Any) -> tuple[int, ...]:
    """Of one record of an input."""
    return tuple(int(size) for size in node.meta["val"].shape[1:])


def _operators(program: Program, inputs: list[Any], last: Any) -> dict[Any, Operator[Any]]:
    """All operators between the inputs and the output, in the program's order."""
    first, reached, ahead = inputs[0], set(inputs), [last]
    while ahead:
        node = ahead.pop()
        if node in reached:
            continue
        if node.op == "placeholder":
            raise ImportRefused([f"{node.name}: a tensor that does not depend on the input: {ADD}"])
        reached.add(node)
        ahead += program.sources(node)
    operators = {}
    for node in program.exported.graph.nodes:
        if node not in reached or node in inputs:
            continue
        steps = () if is_add(node) else tuple(program.steps(node))
        if node.meta["val"].shape[0] != first.meta["val"].shape[0]:
            raise ImportRefused([f"{where(node)}: joins or splits records: keep the first axis, the batch"])
        operators[node] = Operator(where(node), steps, tuple(program.sources(node)), is_concat(node))
    return operators


def _same_place(found: str, said: str) -> bool:
    """Whether both are of one Dropout, which a module and its operator name."""
    return "ropout" in found and "ropout" in said and found.split(":")[0] == said.split(":")[0]
