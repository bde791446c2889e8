"""What an ONNX file computes, to compare with: in double precision, and as it stands.

In double precision the weights of a copy are converted, so that rounding hides no difference. onnxruntime
runs it where it is installed and has the file's operators in that precision, which it lacks for convolutions;
the reference implementation in onnx does elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from proofward.models.graph.steps import FloatArray

Run = Callable[[FloatArray], FloatArray]
Session = Callable[[dict[str, Any]], Any]
ROWS = 8  #: records at a time


def double_run(file: Any, batch: int) -> Run:
    """What the file computes for records in double precision; batch: the file's fixed batch, 0 for any."""
    twin = _double(file)
    session = _session(twin)
    if session is None:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(twin)
        session = lambda inputs: evaluator.run(None, inputs)[0]  # noqa: E731
    return _batched(session, _input(file).name, np.float64, batch)


def single_run(file: Any, batch: int) -> Run | None:
    """What onnxruntime computes with a file of single precision; None for others, and where it is not."""
    import onnx

    if _input(file).type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        return None
    session = _session(file)
    return None if session is None else _batched(session, _input(file).name, np.float32, batch)


def _input(file: Any) -> Any:
    """The one input that is no weight."""
    held = {entry.name for entry in file.graph.initializer}
    return next(entry for entry in file.graph.input if entry.name not in held)


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


def _batched(session: Session, name: str, dtype: type[np.floating[Any]], batch: int) -> Run:
    def run(rows: FloatArray) -> FloatArray:
        step = batch or ROWS
        whole = np.resize(rows, (-(-len(rows) // step) * step, *rows.shape[1:])).astype(dtype)
        parts = [session({name: whole[start : start + step]}) for start in range(0, len(whole), step)]
        return np.concatenate(parts)[: len(rows)].astype(np.float64)

    return run
