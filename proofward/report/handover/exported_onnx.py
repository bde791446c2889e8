"""An exported model as an ONNX file: records in their own units to two logits and the classes' probabilities.

It centres, scales, rounds and clips as at enrolment, and saturates hidden values as in training, in double
precision. The metadata has the description of every exported model, and the classes' names.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from proofward.models.graph.refusals import require_package
from proofward.report.handover.agreement import FloatArray, Program
from proofward.report.handover.exported_model import FORMAT, ExportedModel

OPSET, IR_VERSION = 17, 8
RECORDS, LOGITS, PROBABILITIES = "records", "logits", "probabilities"


def onnx_program(model: ExportedModel) -> tuple[bytes, Program]:
    """The file's bytes, and what they compute when they are loaded again."""
    require_package("onnx")
    import onnx

    file = _file(model)
    onnx.checker.check_model(file, full_check=True)
    data: bytes = file.SerializeToString(deterministic=True)
    return data, _runner(data)


def _file(model: ExportedModel) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    scales = model.scales
    unit = 1 << scales.activation_bits
    described, double = model.description.features, TensorProto.DOUBLE
    held: dict[str, FloatArray] = {
        "centre": np.array([entry.centre for entry in described]),
        "spread": np.array([entry.spread for entry in described]),
        "unit": np.array(float(unit)),
        "least": np.array(float(scales.input_range[0])),
        "most": np.array(float(scales.input_range[1])),
        **{name: model.real(part) for name, part in model.tensors()},
    }
    nodes = [
        helper.make_node("Sub", [RECORDS, "centre"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["normalised"]),
        helper.make_node("Mul", ["normalised", "unit"], ["scaled"]),
        helper.make_node("Round", ["scaled"], ["rounded"]),
        helper.make_node("Clip", ["rounded", "least", "most"], ["clipped"]),
        helper.make_node("Div", ["clipped", "unit"], ["values0"]),
    ]
    last = len(model.model.layers)
    if last > 1:
        held |= {"zero": np.array(0.0), "limit": np.array(scales.activation_limit / unit)}
    for index in range(1, last + 1):
        made = LOGITS if index == last else f"sums{index}"
        inputs = [f"values{index - 1}", f"layer{index}.weight", f"layer{index}.bias"]
        nodes.append(helper.make_node("Gemm", inputs, [made], transB=1))
        if index < last:
            nodes.append(helper.make_node("Clip", [made, "zero", "limit"], [f"values{index}"]))
    nodes.append(helper.make_node("Softmax", [LOGITS], [PROBABILITIES], axis=1))
    graph = helper.make_graph(
        nodes,
        "proofward",
        [helper.make_tensor_value_info(RECORDS, double, ["batch", len(described)])],
        [helper.make_tensor_value_info(name, double, ["batch", 2]) for name in (LOGITS, PROBABILITIES)],
        [numpy_helper.from_array(values, name) for name, values in held.items()],
    )
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="proofward")
    file.ir_version = IR_VERSION
    plain = model.to_plain()
    texts = {
        "format": FORMAT,
        "description": json.dumps(plain, ensure_ascii=False),
        "features": json.dumps([entry.name for entry in described], ensure_ascii=False),
        "classes": json.dumps(list(model.description.classes), ensure_ascii=False),
    }
    helper.set_model_props(file, texts)
    return file


def _runner(data: bytes) -> Program:
    try:
        import onnxruntime
    except ImportError:
        import onnx
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(onnx.load_from_string(data))
        return lambda rows: np.asarray(evaluator.run([LOGITS], {RECORDS: rows})[0], dtype=np.float64)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    return lambda rows: np.asarray(session.run([LOGITS], {RECORDS: rows})[0], dtype=np.float64)
