"""An ONNX file as a network, read node by node from the output back, and compared with a run of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from proofward.models.graph.branches import Operator, Read
from proofward.models.graph.concatenations import row_of
from proofward.models.graph.network import ImportedNetwork, compare, network_of
from proofward.models.graph.onnx_operators import Operators, read_operators, where
from proofward.models.graph.onnx_runs import double_run, single_run
from proofward.models.graph.refusals import ImportRefused, require_package
from proofward.models.graph.steps import FloatArray

DYNAMIC = "build the file with a free batch, such as torch.onnx.export(..., dynamic_shapes=({0: 'batch'},))"
MAX_BYTES = 1 << 31
SINGLE_TOLERANCE = 1e-3


def from_onnx(path: Path | str) -> ImportedNetwork:
    """The network in an ONNX file of Conv, Gemm or MatMul + Add, Relu, proved pools and reshapes.

    A frozen BatchNormalization is folded into the layer before it. Raises ImportRefused, with everything that
    is wrong and what to use instead.
    """
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
    """An ONNX file of at most so many bytes, checked; external: whether weights may lie in files beside it.

    Raises ImportRefused.
    """
    require_package("onnx")
    import onnx

    try:
        if path.stat().st_size > most:
            raise ImportRefused([f"{path}: expected a file of at most {most} bytes"])
        file = onnx.load(path, load_external_data=external)
        if not external and any(map(onnx.external_data_helper.uses_external_data, _tensors(file))):
            raise ImportRefused([f"{path}: weights in files beside it: save it as one file"])
        onnx.checker.check_model(file)
        file = onnx.shape_inference.infer_shapes(file, strict_mode=True)
    except ImportRefused:
        raise
    except Exception as error:  # onnx raises errors of several libraries, protobuf's among them
        words = str(error).splitlines()[0][:200] if str(error) else ""
        words = f"no ONNX file that can be read: {type(error).__name__}: {words}"
        raise ImportRefused([f"{path}: {words}"]) from error
    return file


def _tensors(file: Any) -> list[Any]:
    """All that hold weights."""
    held = [entry.t for node in file.graph.node for entry in node.attribute if entry.HasField("t")]
    return [*file.graph.initializer, *held]


def read_graph(graph: Any, kind: type[Operators]) -> tuple[Read[str], int]:
    """A graph by a reader of this kind, and its fixed batch or 0; raises ImportRefused with all problems."""
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
    if operators.problems:
        raise ImportRefused(operators.problems)
    own = operators.shapes[names[0]][0]
    batch = own if isinstance(own, int) else 0
    of_row = (names[1], shapes[1][0]) if row >= 0 else ()
    return Read(shapes[0], found, names[0], last, *of_row), batch


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
            continue
        steps = operators.steps(node, biases.get(name))
        joins = node.op_type in ("Add", "Concat")
        if steps is None and not joins and not operators.keeps_records(node, node.input[0]):
            words = f"{node.op_type} joins or splits records, or the batch is fixed within the file"
            operators.problems.append(f"{where(node)}: {words}: {DYNAMIC}")
        sources, concat = tuple(operators.sources(node)), node.op_type == "Concat"
        made[name] = Operator(where(node), tuple(steps or ()), sources, concat)
    return made
