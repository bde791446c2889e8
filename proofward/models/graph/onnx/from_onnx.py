"""An ONNX file as a network, read node by node from the output back, and compared with a run of the file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from proofward.data.frozen.network import MOST_VALUES
from proofward.models.graph.onnx.operators import Operators, read_operators, where
from proofward.models.graph.onnx.runs import ROWS, double_run, single_run
from proofward.models.graph.parts.branches import Operator, Read
from proofward.models.graph.parts.concatenations import row_of
from proofward.models.graph.parts.network import ImportedNetwork, compare, network_of
from proofward.models.graph.parts.refusals import ImportRefused, first_line, refusing, require_package
from proofward.models.graph.parts.steps import FloatArray

DYNAMIC = "build the file with a free batch, such as torch.onnx.export(..., dynamic_shapes=({0: 'batch'},))"
MAX_BYTES, MOST_OPERATORS = 1 << 31, 1 << 14
SINGLE_TOLERANCE = 1e-3


def from_onnx(path: Path | str) -> ImportedNetwork:
    """The network in an ONNX file of Conv, Gemm or MatMul + Add, Relu, proved pools and reshapes.

    A frozen BatchNormalization is folded into the layer before it.

    Args:
        path: The file.

    Raises:
        ImportRefused: Everything that is wrong, and what to use instead.
    """
    with refusing(Path(path)):
        file = read_file(Path(path), MAX_BYTES)
        read, batch = read_graph(file.graph, Operators)
        made = network_of(read)
        names = [read.first] if read.row is None else [read.first, read.row]
        compare(made, double_run(file, batch, names), "the file")
        single = single_run(file, batch, names)
        if single is not None:
            compare(made, single, "the file in onnxruntime", SINGLE_TOLERANCE)
        return made


def read_file(path: Path, most: int, *, external: bool = True) -> Any:
    """An ONNX file of at most so many bytes, checked, with what its output depends on and nothing else.

    external: whether weights may lie in files beside it. Raises ImportRefused.
    """
    require_package("onnx")
    import onnx

    try:
        if path.stat().st_size > most:
            raise ImportRefused([f"{path}: expected a file of at most {most} bytes"])
        file = onnx.load(path, load_external_data=external)
        if not external and any(map(onnx.external_data_helper.uses_external_data, _tensors(file))):
            raise ImportRefused([f"{path}: weights in files beside it: save it as one file"])
        _leave_out(file)
        onnx.checker.check_model(file)
        file = onnx.shape_inference.infer_shapes(file, strict_mode=True)
    except ImportRefused:
        raise
    except Exception as error:  # onnx raises errors of several libraries, protobuf's among them
        words = f"no ONNX file that can be read: {type(error).__name__}: {first_line(error)}"
        raise ImportRefused([f"{path}: {words}"]) from error
    return file


def _leave_out(file: Any) -> None:
    """Takes out nodes that the output does not depend on, and functions, whose calls are refused by name.

    Shapes are inferred, and the file is run, with what is left. The bodies of functions that call others
    twice would be gone through 2^depth times.
    """
    makers = {name: node for node in file.graph.node for name in node.output}
    needed, ahead = set[str](), [entry.name for entry in file.graph.output]
    while ahead:
        name = ahead.pop()
        if name in needed:
            continue
        needed.add(name)
        if name in makers:
            ahead += _taken(makers[name])
    kept = [node for node in file.graph.node if needed.intersection(node.output)]
    if len(kept) > MOST_OPERATORS:
        raise ImportRefused([f"{len(kept)} operators: expected at most {MOST_OPERATORS}"])
    del file.functions[:]
    del file.graph.node[:]
    file.graph.node.extend(kept)


def _taken(node: Any) -> list[str]:
    """What a node takes, by itself or in graphs within it."""
    inner = [own for entry in node.attribute if entry.HasField("g") for own in entry.g.node]
    return [*node.input, *(name for own in inner for name in _taken(own))]


def _tensors(file: Any) -> list[Any]:
    """All that hold weights."""
    held = [entry.t for node in file.graph.node for entry in node.attribute if entry.HasField("t")]
    return [*file.graph.initializer, *held]


def read_graph(graph: Any, kind: type[Operators]) -> tuple[Read[str], int]:
    """A graph by a reader of this kind, and how many records it takes at a time.

    Raises ImportRefused with all problems.
    """
    operators = read_operators(graph, kind)
    inputs = [entry for entry in graph.input if entry.name not in operators.constants]
    for entry in inputs:
        _check_input(operators, entry)
    if operators.problems:
        raise ImportRefused(operators.problems)
    names, last, row = [entry.name for entry in inputs], graph.output[0].name, -1
    shapes = [tuple(int(size) for size in operators.shapes[name][1:]) for name in names]
    if len(names) > 1:
        row, operators.problems = row_of(shapes)
        if row == 0:
            names, shapes = names[::-1], shapes[::-1]
    found = {} if operators.problems else _between(operators, names, last)
    most = 0 if operators.problems else _largest(operators, names)
    if operators.problems:
        raise ImportRefused(operators.problems)
    own = operators.shapes[names[0]][0]
    batch = own if isinstance(own, int) else max(1, min(ROWS, MOST_VALUES // most))
    if not 1 <= batch * most <= MOST_VALUES:
        words = f"a batch of {batch}, of which values are {batch * most}: expected at most {MOST_VALUES}"
        raise ImportRefused([f"{words}: {DYNAMIC}"])
    of_row = (names[1], shapes[1][0]) if row >= 0 else ()
    return Read(shapes[0], found, names[0], last, *of_row), batch


def _largest(operators: Operators, inputs: list[str]) -> int:
    """Values of a record at the operator that has most; notes those of no known size."""
    most = 1
    for name in (*inputs, *(node.output[0] for node in operators.graph.node if node.op_type != "Constant")):
        sizes = operators.shapes.get(name, ("?", "?"))[1:]
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            operators.problems.append(f"{name} of shape {sizes}: expected known sizes: {DYNAMIC}")
        else:
            most = max(most, math.prod(map(int, sizes)))
    return most


def _check_input(operators: Operators, entry: Any) -> None:
    """Notes what is wrong with an input of the file."""
    import onnx

    kind = onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type).name
    operators.check_type(kind, f"input {entry.name}")
    shape = operators.shapes[entry.name]
    if len(shape) < 2 or not all(isinstance(size, int) and size for size in shape[1:]):
        words = f"of shape {shape}: expected records of a known shape"
        operators.problems.append(f"input {entry.name} {words}")


def _between(operators: Operators, inputs: list[str], last: str) -> dict[str, Operator[str]]:
    """The operators that the output depends on, by the names of what they make, in the file's order."""
    biases: dict[str, FloatArray] = {}
    reached, ahead = set(inputs), [last]
    while ahead:
        name = ahead.pop()
        if name in reached:
            continue
        node = operators.made.get(name)
        if node is None:
            operators.problems.append("the output does not depend on the input")
            return {}
        reached.add(name)
        found = operators.bias_of(node) if node.op_type == "Add" else None
        if found is not None:
            biases[found[1]] = found[0]
        ahead += operators.sources(node)
    made = {}
    for node in operators.graph.node:
        name = node.output[0]
        if name not in reached:
            if node.op_type != "Constant":
                words = f"{node.op_type} makes what only a constant, or a source of values, may be"
                operators.problems.append(f"{where(node)}: {words}")
            continue
        steps = operators.steps(node, biases.get(name))
        joins = node.op_type in ("Add", "Concat")
        if steps is None and not joins and not operators.keeps_records(node, node.input[0]):
            words = f"{node.op_type} joins or splits records, or the batch is fixed within the file"
            operators.problems.append(f"{where(node)}: {words}: {DYNAMIC}")
        sources, concat = tuple(operators.sources(node)), node.op_type == "Concat"
        made[name] = Operator(where(node), tuple(steps or ()), sources, concat)
    return made
