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

import numpy as np

from proofward.models.graph.network import (
    FloatArray,
    ImportedNetwork,
    LinearStep,
    ReluStep,
    Step,
    compare,
    network,
)
from proofward.models.graph.pt2_archive import vetted
from proofward.models.graph.refusals import (
    CONTROL,
    ONE_OUTPUT,
    ImportRefused,
    plain_name,
    require_package,
    unsupported,
)

RESHAPES = ("view", "reshape", "flatten", "unsafeview", "squeeze", "unsqueeze")
SAME = ("alias", "detach", "clone", "contiguous", "identity", "liftfreshcopy")
RELU = ("relu",)
SIZES = ("symsize", "mul", "floordiv", "add", "sub", "ge", "le", "eq", "assertscalar", "symconstrainrange")
DTYPES = ("torch.float32", "torch.float64")


def from_torch(module: Any, example: Any) -> ImportedNetwork:
    """The network in a torch.nn.Module of Linear layers and ReLU with two outputs.

    example: a tensor of records (n, ...), of which only the shape of a record and the type count; nothing is
    learned from its values. Raises ImportRefused, with everything that is wrong and what to use instead.
    """
    require_package("torch")
    import torch

    if not isinstance(module, torch.nn.Module):
        raise ImportRefused([f"expected a torch.nn.Module, found {type(module).__name__}"])
    if not isinstance(example, torch.Tensor) or example.dim() < 2 or not len(example):
        raise ImportRefused(["example: expected a tensor of records, one a row, such as torch.zeros(1, 30)"])
    with _evaluating(module):
        problems = _masks(module)
        rows = torch.zeros((2, *example.shape[1:]), dtype=example.dtype)
        try:
            batch = ({0: torch.export.Dim.DYNAMIC},)
            program = torch.export.export(module, (rows,), dynamic_shapes=batch)
        except Exception as error:  # torch documents no type for a module that it cannot export
            raise ImportRefused([*problems, _not_exported(error)]) from error
        made = _network(program, problems)
        twin = copy.deepcopy(module).double()
        return _compared(made, twin)


def from_pt2(path: Path) -> ImportedNetwork:
    """The network in a file that `torch.export.save` wrote; nothing of the file is unpickled or executed."""
    require_package("torch")
    import torch

    data = vetted(path)
    try:
        program = torch.export.load(io.BytesIO(data))
    except Exception as error:  # torch documents no type for a file that it cannot read
        raise ImportRefused([f"{path}: torch cannot read it: {_first_line(error)}"]) from error
    made = _network(program, [])
    return _compared(made, program.module(check_guards=False).double())


def _compared(made: ImportedNetwork, twin: Any) -> ImportedNetwork:
    import torch

    def original(rows: FloatArray) -> FloatArray:
        with torch.no_grad():
            found = twin(torch.from_numpy(rows))
        return np.asarray(found.double().numpy(), dtype=np.float64)

    try:
        compare(made, original, "the module")
    except (RuntimeError, TypeError, AttributeError) as error:
        words = f"the module does not compute in double precision: {_first_line(error)}"
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
    """Layers that have no operator in evaluation mode, but act in training."""
    return [
        unsupported(type(part).__name__, name or "the module", f"p = {part.p}")
        for name, part in module.named_modules()
        if "Dropout" in type(part).__name__ and getattr(part, "p", 0) > 0
    ]


def _not_exported(error: Exception) -> str:
    words = f"{type(error).__name__}: {_first_line(error)}"
    if "DataDependent" in words or "data-dependent" in words:
        return f"{CONTROL} ({words})"
    return f"torch.export cannot export it with a batch of any size: {words}"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:200]


def _network(program: Any, problems: list[str]) -> ImportedNetwork:
    """The network of an exported program; problems: what is known to be wrong already."""
    kinds = {entry.arg.name: entry for entry in program.graph_signature.input_specs}
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and _user(kinds[node.name])]
    output = next(node for node in program.graph.nodes if node.op == "output")
    outputs = list(output.args[0])
    problems = problems + [
        found for found in _operators(program) if not any(_same_place(found, said) for said in problems)
    ]
    if len(inputs) != 1:
        problems.append(f"{len(inputs)} inputs: one tensor of records is proved; join them beforehand")
    if len(outputs) != 1:
        problems.append(f"{len(outputs)} outputs of the module: return one tensor of two logits a record")
    if problems:
        raise ImportRefused(problems)
    _check_type(inputs[0].meta["val"], "the input")
    if isinstance(inputs[0].meta["val"].shape[0], int):
        words = "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
        raise ImportRefused([f"a batch of one fixed size: export it with {words}"])
    steps: list[Step] = []
    node = outputs[0]
    while node is not inputs[0]:
        name = plain_name(str(node.target))
        if name == "linear":
            steps.append(_linear(program, kinds, node))
        elif name in RELU:
            steps.append(ReluStep(_where(node)))
        elif node.op == "placeholder":
            raise ImportRefused(["the output does not depend on the input"])
        if node.meta["val"].shape[0] != inputs[0].meta["val"].shape[0]:
            raise ImportRefused([f"{_where(node)}: joins or splits records: keep the first axis, the batch"])
        node = node.args[0]
    return network(tuple(int(size) for size in inputs[0].meta["val"].shape[1:]), steps[::-1])


def _same_place(found: str, said: str) -> bool:
    """Whether both are of one Dropout, which a module and its operator name."""
    return "ropout" in found and "ropout" in said and found.split(":")[0] == said.split(":")[0]


def _user(entry: Any) -> bool:
    return bool(entry.kind.name == "USER_INPUT")


def _operators(program: Any) -> list[str]:
    """Every operator that is no layer of the trainer."""
    problems = []
    for node in program.graph.nodes:
        if node.op == "get_attr":
            problems.append(f"{node.target}: data-dependent control flow or a constant is not proved")
        if node.op != "call_function":
            continue
        name, value = plain_name(_target(node)), node.meta.get("val")
        if name in ("linear", *RELU, *SAME, *RESHAPES):
            continue
        if name in SIZES and not hasattr(value, "shape"):
            continue  # arithmetic of sizes
        if "dropout" in name:
            if node.args[1] > 0:
                problems.append(unsupported(_target(node), _where(node), f"p = {node.args[1]}"))
            continue
        problems.append(unsupported(_target(node), _where(node), _details(name, node)))
        if name == "sigmoid" and getattr(value, "shape", ())[-1:] == (1,):
            problems.append(f"{_where(node)}: {ONE_OUTPUT}")
    return problems


def _target(node: Any) -> str:
    target = str(node.target)
    return target if target.startswith("aten.") else str(getattr(node.target, "__name__", target))


def _details(name: str, node: Any) -> str:
    at = 5
    if name.startswith("conv") and len(node.args) > at and any(size != 1 for size in node.args[at]):
        return f"dilation {list(node.args[at])}, which no version will prove: use 1"
    return ""


def _where(node: Any) -> str:
    """The module's own name of the place, where torch kept it."""
    stack = node.meta.get("nn_module_stack") or {}
    names = [entry[0] for entry in stack.values() if isinstance(entry, tuple) and entry[0]]
    return str(names[-1]) if names else str(node.name)


def _check_type(value: Any, where: str) -> None:
    if str(value.dtype) not in DTYPES:
        words = f"numbers of type {value.dtype}: expected float32 or float64"
        raise ImportRefused([f"{where}: {words}; convert with .float()"])


def _linear(program: Any, kinds: dict[str, Any], node: Any) -> LinearStep:
    where, names = _where(node), [argument.name for argument in node.args[1:3] if argument is not None]
    parts: list[FloatArray] = []
    keys = []
    for name in names:
        entry = kinds.get(name)
        if entry is None or entry.kind.name != "PARAMETER":
            words = "weights that are computed or no parameters: use nn.Linear, with its own"
            raise ImportRefused([f"{where}: {words}"])
        tensor = program.state_dict[entry.target]
        _check_type(tensor, where)
        if not tensor.requires_grad:
            words = f"{where}: {entry.target} is frozen, but every layer is trained"
            raise ImportRefused([f"{words}: call module.requires_grad_(True)"])
        parts.append(np.array(tensor.detach().double().numpy(), dtype=np.float64))
        keys.append(tensor.untyped_storage().data_ptr())
    if node.args[0].meta["val"].dim() != 2:
        words = f"{where}: Linear of records with {node.args[0].meta['val'].dim() - 1} axes"
        raise ImportRefused([f"{words}: flatten them before, with nn.Flatten()"])
    return LinearStep(where, str(keys[0]), parts[0], parts[1] if len(parts) > 1 else None)
