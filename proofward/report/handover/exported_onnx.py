"""An exported model as an ONNX file: records in their own units to logits and the classes' probabilities.

It centres, scales, rounds and clips as at enrolment, and saturates hidden values as in training, in double
precision; but it convolves in single precision, since runtimes convolve in no other. Records are rows of a
table, (n, features), or pictures, (n, channels, height, width). The metadata has the description of every
exported model, and the classes' names.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.layers.conv2d import Conv2d
from proofward.models.graph.refusals import require_package
from proofward.report.handover.agreement import Program, scaling
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
    return data, _runner(data, model.model.inputs.axes)


def _file(model: ExportedModel) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    scales = model.scales
    unit = 1 << scales.activation_bits
    described, double = model.description.features, TensorProto.DOUBLE
    centre, spread = scaling(model)
    held: dict[str, NDArray[Any]] = {
        "centre": centre,
        "spread": spread,
        "unit": np.array(float(unit)),
        "least": np.array(float(scales.input_range[0])),
        "most": np.array(float(scales.input_range[1])),
    }
    nodes = [
        helper.make_node("Sub", [RECORDS, "centre"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["normalised"]),
        helper.make_node("Mul", ["normalised", "unit"], ["scaled"]),
        helper.make_node("Round", ["scaled"], ["rounded"]),
        helper.make_node("Clip", ["rounded", "least", "most"], ["clipped"]),
        helper.make_node("Div", ["clipped", "unit"], ["values0"]),
    ]
    layers = _Layers(model, held, nodes)
    for index in range(len(model.model.layers)):
        layers.append(index)
    nodes.append(helper.make_node("Softmax", [LOGITS], [PROBABILITIES], axis=1))
    graph = helper.make_graph(
        nodes,
        "proofward",
        [helper.make_tensor_value_info(RECORDS, double, ["batch", *model.model.inputs.axes])],
        [
            helper.make_tensor_value_info(name, double, ["batch", model.model.head.classes])
            for name in (LOGITS, PROBABILITIES)
        ],
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


class _Layers:
    """The nodes of the layers, and what they hold."""

    def __init__(self, model: ExportedModel, held: dict[str, NDArray[Any]], nodes: list[Any]) -> None:
        self.model, self.held, self.nodes = model, held, nodes
        self.parts = model.model.unflatten(model.weights)
        self.single = False  #: the precision of the values so far

    def append(self, index: int) -> None:
        """The nodes of a layer, and its saturation unless it is the last."""
        layer = self.model.model.layers[index]
        number, values = index + 1, f"values{index}"
        last = number == len(self.parts)
        made = LOGITS if last else f"sums{number}"
        values = self._converted(values, isinstance(layer, Conv2d))
        inputs = [f"layer{number}.weight", f"layer{number}.bias"]
        for name, part in zip(inputs, self.parts[index], strict=True):
            self.held[name] = self.model.real(part).astype(self._type)
        if isinstance(layer, Conv2d):
            self._node(
                "Conv", [values, *inputs], made, kernel_shape=[layer.kernel] * 2,
                strides=[layer.stride] * 2, pads=[layer.padding] * 4,
            )  # fmt: skip
        else:
            if len(layer.takes.axes) > 1:
                values = self._node("Flatten", [values], f"row{number}", axis=1)
            self._node("Gemm", [values, *inputs], made, transB=1)
        if last:
            return
        window = self.model.model.activations[index].window
        clipped = f"values{number}" if window == 1 else f"clipped{number}"
        self._node("Clip", [made, *self._ends()], clipped)
        if window > 1:
            sizes = {"kernel_shape": [window] * 2, "strides": [window] * 2}
            self._node("MaxPool", [clipped], f"values{number}", **sizes)

    @property
    def _type(self) -> type[np.floating[Any]]:
        return np.float32 if self.single else np.float64

    def _node(self, kind: str, inputs: list[str], output: str, **options: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def _converted(self, values: str, single: bool) -> str:
        """The values in the precision of the next layer."""
        if single == self.single:
            return values
        from onnx import TensorProto

        self.single = single
        kind = TensorProto.FLOAT if single else TensorProto.DOUBLE
        return self._node("Cast", [values], f"{values}.converted", to=kind)

    def _ends(self) -> list[str]:
        names = ["zero.single", "limit.single"] if self.single else ["zero", "limit"]
        scales = self.model.scales
        limit = scales.activation_limit / (1 << scales.activation_bits)
        for name, value in zip(names, (0.0, limit), strict=True):
            self.held[name] = np.array(value, dtype=self._type)
        return names


def _runner(data: bytes, axes: tuple[int, ...]) -> Program:
    try:
        import onnxruntime
    except ImportError:
        import onnx
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(onnx.load_from_string(data))
        return lambda rows: np.asarray(
            evaluator.run([LOGITS], {RECORDS: rows.reshape(-1, *axes)})[0], dtype=np.float64
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    return lambda rows: np.asarray(
        session.run([LOGITS], {RECORDS: rows.reshape(-1, *axes)})[0], dtype=np.float64
    )
