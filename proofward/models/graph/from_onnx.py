"""An ONNX file as a network, read node by node and compared with a run of the file.

onnxruntime runs it where it is installed, the reference implementation in onnx elsewhere, in both cases in
double precision: the weights of the copy that is run are converted, so that rounding hides no difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
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
from proofward.models.graph.refusals import ONE_OUTPUT, ImportRefused, require_package, unsupported

RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
DTYPES = ("float32", "float64")
DYNAMIC = "build the file with a free batch, such as torch.onnx.export(..., dynamic_shapes=({0: 'batch'},))"
MAX_BYTES = 1 << 31


def from_onnx(path: Path | str) -> ImportedNetwork:
    """The network in an ONNX file of Gemm or MatMul + Add, Relu, Flatten and Reshape, with two outputs.

    Raises ImportRefused, with everything that is wrong and what to use instead.
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
    made, batch = _Reader(file.graph).read()
    compare(made, _runner(file, batch), "the file")
    return made


@dataclass
class _Reader:
    """What is known of a graph: constants by name, shapes of values, problems and steps so far."""

    graph: Any
    constants: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def read(self) -> tuple[ImportedNetwork, int]:
        """The network, and the file's fixed batch or 0."""
        import onnx

        for entry in self.graph.initializer:
            self.constants[entry.name] = onnx.numpy_helper.to_array(entry)
        for node in self.graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                self.constants[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
            self.made.update({name: node for name in node.output})
        for entry in (*self.graph.input, *self.graph.value_info, *self.graph.output):
            sizes = entry.type.tensor_type.shape.dim
            self.shapes[entry.name] = tuple(size.dim_value or size.dim_param for size in sizes)
        inputs = [entry for entry in self.graph.input if entry.name not in self.constants]
        if len(inputs) != 1 or len(self.graph.output) != 1:
            counts = f"{len(inputs)} inputs and {len(self.graph.output)} outputs"
            self.problems.append(f"{counts}: one tensor of records in and one of two logits out are proved")
        self._operators()
        if self.problems:
            raise ImportRefused(self.problems)
        kind = onnx.helper.tensor_dtype_to_np_dtype(inputs[0].type.tensor_type.elem_type).name
        self._check_type(kind, f"input {inputs[0].name}")
        shape = self.shapes[inputs[0].name]
        if len(shape) < 2 or not all(isinstance(size, int) and size for size in shape[1:]):
            words = f"of shape {shape}: expected records of a known shape"
            self.problems.append(f"input {inputs[0].name} {words}")
        if self.problems:
            raise ImportRefused(self.problems)
        self._chain(self.graph.output[0].name, inputs[0].name)
        if self.problems:
            raise ImportRefused(self.problems)
        batch = shape[0] if isinstance(shape[0], int) else 0
        record = tuple(int(size) for size in shape[1:])
        return network(record, self.steps[::-1]), batch

    def _operators(self) -> None:
        """Notes every operator that is no layer of the trainer."""
        for node in self.graph.node:
            kind = node.op_type
            if node.domain not in ("", "ai.onnx"):
                words = f"{node.domain}.{kind}: only ONNX's own operators are read"
                self.problems.append(f"{_where(node)}: {words}")
            elif kind == "Dropout":
                ratio = self._constant(node, 1)
                ratio = _attributes(node).get("ratio", 0.5) if ratio is None else float(ratio)
                if ratio > 0:
                    self.problems.append(unsupported(kind, _where(node), f"p = {ratio:g}"))
            elif kind == "Add" and self._bias_of(node) is None:
                words = "of two layers or of a constant"
                self.problems.append(unsupported(kind, _where(node), words))
            elif kind == "MatMul" and self._constant(node, 1) is None:
                self.problems.append(unsupported(kind, _where(node), "of two computed tensors"))
            elif kind == "Reshape" and self._constant(node, 1) is None:
                words = "a shape that is computed: use Flatten, or torch.onnx.export(..., dynamo=True)"
                self.problems.append(f"{_where(node)}: Reshape: {words}")
            elif kind not in ("Gemm", "MatMul", "Add", "Relu", "Identity", "Constant", *RESHAPES):
                self.problems.append(unsupported(kind, _where(node), _details(node)))
                if kind == "Sigmoid" and self.shapes.get(node.output[0], ())[-1:] == (1,):
                    self.problems.append(f"{_where(node)}: {ONE_OUTPUT}")

    def _chain(self, name: str, first: str) -> None:
        """The steps from the output back to the input; every node has one computed source."""
        bias: FloatArray | None = None
        while name != first:
            node = self.made.get(name)
            if node is None:
                self.problems.append("the output does not depend on the input")
                return
            source, kind = node.input[0], node.op_type
            if kind == "Relu":
                self.steps.append(ReluStep(_where(node)))
            elif kind == "Add":
                found = self._bias_of(node)
                assert found is not None  # or the operator was refused
                bias, source = found
            elif kind in ("Gemm", "MatMul"):
                self._linear(node, bias)
                bias = None
            elif not self._keeps_records(node, source):
                words = f"{kind} joins or splits records, or the batch is fixed within the file"
                self.problems.append(f"{_where(node)}: {words}: {DYNAMIC}")
            name = source

    def _keeps_records(self, node: Any, source: str) -> bool:
        """Whether each record stays in a row of its own, as far as the shapes say."""
        before, after = self.shapes.get(source), self.shapes.get(node.output[0])
        if not before or not after:
            return False
        if before[0] and before[0] == after[0]:
            return True
        rest = before[1:], after[1:]
        known = all(isinstance(size, int) and size for part in rest for size in part)
        return known and math.prod(map(int, rest[0])) == math.prod(map(int, rest[1]))

    def _bias_of(self, node: Any) -> tuple[FloatArray, str] | None:
        """The constant that an Add puts on a MatMul's outputs, and the MatMul's own output."""
        for place in (0, 1):
            constant, source = self._constant(node, place), node.input[1 - place]
            maker = self.made.get(source)
            if constant is None or maker is None or maker.op_type != "MatMul":
                continue
            weight = self._constant(maker, 1)
            if weight is not None and constant.size == weight.shape[-1] == constant.shape[-1]:
                self._check_type(constant.dtype.name, _where(node))
                return constant.astype(np.float64).reshape(-1), source
        return None

    def _constant(self, node: Any, place: int) -> Any:
        return self.constants.get(node.input[place]) if len(node.input) > place else None

    def _linear(self, node: Any, bias: FloatArray | None) -> None:
        where, weight, options = _where(node), self._constant(node, 1), _attributes(node)
        if weight is None or weight.ndim != 2 or len(self.shapes.get(node.input[0], (0, 0))) != 2:
            words = "of records with several axes, or without a weight: flatten the records before"
            self.problems.append(f"{where}: {node.op_type} {words}")
            return
        if node.op_type == "Gemm":
            constant = self._constant(node, 2)
            if len(node.input) > 2 and node.input[2] and constant is None:
                self.problems.append(f"{where}: Gemm whose bias is computed: give it a bias of its own")
                return
            wrong = {name: options.get(name, 1) for name in ("alpha", "beta") if options.get(name, 1) != 1}
            if wrong or options.get("transA", 0):
                self.problems.append(f"{where}: Gemm with {wrong or 'transA'}: scale the weights instead")
                return
            weight = weight if options.get("transB", 0) else weight.T
            if constant is not None:
                self._check_type(constant.dtype.name, where)
                bias = np.broadcast_to(constant.astype(np.float64).reshape(-1), (len(weight),))
        else:
            weight = weight.T
        self._check_type(weight.dtype.name, where)
        self.steps.append(LinearStep(where, node.input[1], np.array(weight, np.float64), bias))

    def _check_type(self, name: str, where: str) -> None:
        if name not in DTYPES:
            self.problems.append(f"{where}: numbers of type {name}: expected float32 or float64")


def _where(node: Any) -> str:
    return str(node.name or node.output[0])


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    return {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}


def _details(node: Any) -> str:
    dilations = _attributes(node).get("dilations", [])
    return f"dilation {list(dilations)}, which no version will prove: use 1" if set(dilations) - {1} else ""


def _runner(file: Any, batch: int) -> Callable[[FloatArray], FloatArray]:
    """What the file computes in double precision; batch: the file's fixed batch, 0 for any."""
    import onnx

    twin = onnx.ModelProto()
    twin.CopyFrom(file)
    del twin.graph.value_info[:]
    double = onnx.TensorProto.DOUBLE
    for entry in (*twin.graph.input, *twin.graph.output):
        entry.type.tensor_type.elem_type = double
    held = [*twin.graph.initializer, *(
        entry.t for node in twin.graph.node if node.op_type == "Constant" for entry in node.attribute
    )]  # fmt: skip
    for tensor in held:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    name, run = twin.graph.input[0].name, _session(twin)

    def original(rows: FloatArray) -> FloatArray:
        step = batch or len(rows)
        whole = np.resize(rows, (-(-len(rows) // step) * step, *rows.shape[1:]))
        parts = [run({name: whole[start : start + step]}) for start in range(0, len(whole), step)]
        return np.concatenate(parts)[: len(rows)]

    return original


def _session(file: Any) -> Callable[[dict[str, FloatArray]], FloatArray]:
    try:
        import onnxruntime
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(file)
        return lambda inputs: np.asarray(evaluator.run(None, inputs)[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda inputs: np.asarray(session.run(None, inputs)[0])
