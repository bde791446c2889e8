"""What an ONNX file computes, to compare with: in double precision, and as it stands.

In double precision the weights of a copy are converted, so that rounding hides no difference. onnxruntime
runs it where it is installed and has the file's operators in that precision, which it lacks for convolutions;
the reference implementation in onnx does elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from proofward.models.graph.parts.steps import FloatArray

Run = Callable[..., FloatArray]
"""Logits of records, and of a row behind each where the file takes such."""
Session = Callable[[dict[str, Any]], Any]
ROWS = 8  #: records at a time


def double_run(file: Any, batch: int, names: Sequence[str]) -> Run:
    """What the file computes for records in double precision; batch: so many at a time, 0 for the usual.

    names: of the file's inputs, that of the records first.
    """
    twin = _double(file)
    session = _session(twin)
    if session is None:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(twin)
        session = lambda inputs: evaluator.run(None, inputs)[0]  # noqa: E731
    return _batched(session, names, np.float64, batch)


def single_run(file: Any, batch: int, names: Sequence[str]) -> Run | None:
    """What onnxruntime computes with a file of single precision; None for others, and where it is not."""
    import onnx

    if _input(file, names[0]).type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        return None
    session = _session(file)
    return None if session is None else _batched(session, names, np.float32, batch)


def _input(file: Any, name: str) -> Any:
    return next(entry for entry in file.graph.input if entry.name == name)


def _double(file: Any) -> Any:
    """A copy of the file in double precision."""
    import onnx

    twin = onnx.ModelProto()
    twin.CopyFrom(file)
    del twin.graph.value_info[:]
    single, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    for entry in (*twin.graph.input, *twin.graph.output):
        if entry.type.tensor_type.elem_type == single:
            entry.type.tensor_type.elem_type = double
    held = [*twin.graph.initializer, *(
        entry.t for node in twin.graph.node if node.op_type == "Constant" for entry in node.attribute
    )]  # fmt: skip
    for tensor in held:
        if tensor.data_type == single:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return twin


def _session(file: Any) -> Session | None:
    """onnxruntime's run of the file; None where it is not installed, or too old, or has not all operators."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    state = onnxruntime.capi.onnxruntime_pybind11_state
    try:
        session = onnxruntime.InferenceSession(file.SerializeToString(), options, ["CPUExecutionProvider"])
    except (state.NotImplemented, state.Fail):
        return None
    return lambda inputs: session.run(None, inputs)[0]


def _batched(session: Session, names: Sequence[str], dtype: type[np.floating[Any]], batch: int) -> Run:
    def run(*given: FloatArray) -> FloatArray:
        step, count = batch or ROWS, len(given[0])
        size = -(-count // step) * step
        whole = {
            name: np.resize(part, (size, *part.shape[1:])).astype(dtype)
            for name, part in zip(names, given, strict=True)
        }
        parts = [
            session({name: part[start : start + step] for name, part in whole.items()})
            for start in range(0, size, step)
        ]
        return np.concatenate(parts)[:count].astype(np.float64)

    return run
