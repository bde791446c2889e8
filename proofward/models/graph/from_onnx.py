"""An ONNX file as a network, read node by node from the output back, and compared with a run of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from proofward.models.graph.branches import Operator, chained
from proofward.models.graph.network import ImportedNetwork, compare, network
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
    require_package("onnx")
    import onnx

    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImportRefused([f"{path}: expected a file of at most {MAX_BYTES} bytes"])
        file = onnx.load(path)
        onnx.checker.check_model(file)
        file = onnx.shape_inference.infer_shapes(file, strict_mode=True)
    except ImportRefused:
        raise
    except Exception as error:  # onnx raises errors of several libraries, protobuf's among them
        words = str(error).splitlines()[0][:200] if str(error) else ""
        words = f"no ONNX file that can be read: {type(error).__name__}: {words}"
        raise ImportRefused([f"{path}: {words}"]) from error
    made, batch = _network(file.graph)
    compare(made, double_run(file, batch), "the file")
    single = single_run(file, batch)
    if single is not None:
        compare(made, single, "the file in onnxruntime", SINGLE_TOLERANCE)
    return made


def _network(graph: Any) -> tuple[ImportedNetwork, int]:
    """The network, and the file's fixed batch or 0."""
    import onnx

    operators = read_operators(graph)
    (first,) = (entry for entry in graph.input if entry.name not in operators.constants)
    kind = onnx.helper.tensor_dtype_to_np_dtype(first.type.tensor_type.elem_type).name
    operators.check_type(kind, f"input {first.name}")
    shape = operators.shapes[first.name]
    if len(shape) < 2 or not all(isinstance(size, int) and size for size in shape[1:]):
        words = f"of shape {shape}: expected records of a known shape"
        operators.problems.append(f"input {first.name} {words}")
    if operators.problems:
        raise ImportRefused(operators.problems)
    first_name, last = first.name, graph.output[0].name
    found = _between(operators, first_name, last)
    if operators.problems:
        raise ImportRefused(operators.problems)
    steps, problems = chained(found, first_name, last)
    if problems:
        raise ImportRefused(problems)
    batch = shape[0] if isinstance(shape[0], int) else 0
    return network(tuple(int(size) for size in shape[1:]), steps), batch


def _between(operators: Operators, first: str, last: str) -> dict[str, Operator[str]]:
    """The operators that the output depends on, by the names of what they make, in the file's order."""
    biases: dict[str, FloatArray] = {}
    reached, ahead = {first}, [last]
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
        if steps is None and node.op_type != "Add" and not operators.keeps_records(node, node.input[0]):
            words = f"{node.op_type} joins or splits records, or the batch is fixed within the file"
            operators.problems.append(f"{where(node)}: {words}: {DYNAMIC}")
        made[name] = Operator(where(node), tuple(steps or ()), tuple(operators.sources(node)))
    return made
