"""An exported model as an ONNX file: records in their own units to logits and the classes' probabilities.

It centres, scales, rounds and clips as at enrolment, and saturates hidden values as in training, in double
precision; but it convolves in single precision, since runtimes convolve in no other. Records are rows of a
table, (n, features), or pictures, (n, channels, height, width); where a row goes with each, it is the second
input, (n, features of a row). The metadata has the description of every
exported model, and the classes' names.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.layers.activations.activation import Activation
from proofward.layers.activations.relu import Relu
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.basics.record import FIRST, ROW, ROW_WORD
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.models.graph.parts.refusals import require_package
from proofward.report.handover.formats.agreement import FloatArray, Program, parts_of, scaling
from proofward.report.handover.models.exported_model import FORMAT, ExportedModel

OPSET, IR_VERSION = 17, 8
RECORDS, LOGITS, PROBABILITIES = "records", "logits", "probabilities"
_INPUTS = {FIRST: RECORDS, ROW: ROW_WORD}
_ENDS = {FIRST: "", ROW: ".row"}
"""What the names of a part's own values end with."""


def onnx_program(model: ExportedModel) -> tuple[bytes, Program]:
    """The file's bytes, and what they compute when they are loaded again."""
    require_package("onnx")
    import onnx

    file = _file(model)
    onnx.checker.check_model(file, full_check=True)
    data: bytes = file.SerializeToString(deterministic=True)
    return data, _runner(data, model)


def _file(model: ExportedModel) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    scales = model.scales
    unit = 1 << scales.activation_bits
    described, double = model.description.features, TensorProto.DOUBLE
    held: dict[str, NDArray[Any]] = {}
    for name, own in zip(("centre", "spread"), scaling(model), strict=True):
        for place, (part,) in parts_of(model, own[None]).items():
            held[f"{name}{_ENDS[place]}"] = part
    held |= {
        "unit": np.array(float(unit)),
        "least": np.array(float(scales.input_range[0])),
        "most": np.array(float(scales.input_range[1])),
    }
    nodes = [node for place in model.model.record.layouts for node in _scaled(place)]
    layers = _Layers(model, held, nodes)
    for place in range(model.model.depth):
        layers.append(place)
    nodes.append(helper.make_node("Softmax", [LOGITS], [PROBABILITIES], axis=1))
    graph = helper.make_graph(
        nodes,
        "proofward",
        [
            helper.make_tensor_value_info(_INPUTS[place], double, ["batch", *layout.axes])
            for place, layout in model.model.record.layouts.items()
        ],
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


def _scaled(place: int) -> list[Any]:
    """The nodes that make the first layers' values of a part of the records."""
    from onnx import helper

    end = _ENDS[place]
    steps = (
        ("Sub", ("centre" + end,), "centred"),
        ("Div", ("spread" + end,), "normalised"),
        ("Mul", ("unit",), "scaled"),
        ("Round", (), "rounded"),
        ("Clip", ("least", "most"), "clipped"),
        ("Div", ("unit",), f"values{place}"),
    )
    nodes, source = [], _INPUTS[place]
    for kind, others, made in steps:
        made = made if made.startswith("values") else made + end
        nodes.append(helper.make_node(kind, [source, *others], [made]))
        source = made
    return nodes


_TYPES: dict[bool, type[np.floating[Any]]] = {False: np.float64, True: np.float32}
"""Of numbers in double and in single precision."""
_POOLS: dict[type[Activation], str] = {
    Relu: "",
    ReluMaxPool2d: "MaxPool",
    ReluAvgPool2d: "AveragePool",
    ReluGlobalAvgPool: "GlobalAveragePool",
}


class _Layers:
    """The nodes of the layers, and what they hold."""

    def __init__(self, model: ExportedModel, held: dict[str, NDArray[Any]], nodes: list[Any]) -> None:
        self.model, self.held, self.nodes = model, held, nodes
        self.parts = model.model.unflatten(model.weights)
        self.single = {f"values{place}": False for place in model.model.record.layouts}
        """Names of values and sums, and whether they are in single precision."""

    def append(self, place: int) -> None:
        """The nodes of a layer of the chain, of what joins its sums, and of its saturation if it has one."""
        model = self.model.model
        addends, number = model.joints.sums(place, 0), place + 1
        last = number == model.depth
        parts = [layer for layer, _ in addends.layers]
        single = isinstance(model.layers[place], Conv2d)
        names = [f"values{source}" for source, _ in addends.direct]
        made = LOGITS if last else f"sums{number}"
        if len(parts) + len(names) == 1:
            self._sums(place, made)
        else:
            names = [*(self._sums(layer, f"part{layer + 1}") for layer in parts), *names]
            self._node("Add", [self._converted(name, single) for name in names], made)
        if last:
            return
        activation = model.activations[place]
        pool, side = _POOLS[type(activation)], [activation.window] * 2
        sizes = {"kernel_shape": side, "strides": side} if activation.window > 1 else {}
        clipped = f"clipped{number}" if pool else f"values{number}"
        self._node("Clip", [made, *self._ends(place, single)], clipped)
        if pool:
            self._node(pool, [clipped], f"values{number}", **sizes)
        self.single[f"values{number}"] = single

    def _sums(self, index: int, made: str) -> str:
        """The nodes of the sums of one layer."""
        layer, number = self.model.model.layers[index], index + 1
        single = self.single[made] = isinstance(layer, Conv2d)
        values = self._converted(f"values{self.model.model.joints.reads(index)}", single)
        inputs = [f"layer{number}.weight", f"layer{number}.bias"]
        for name, part in zip(inputs, self.parts[index], strict=True):
            self.held[name] = self.model.real(part).astype(_TYPES[single])
        if isinstance(layer, Conv2d):
            self._node(
                "Conv", [values, *inputs], made, kernel_shape=[layer.kernel] * 2,
                strides=[layer.stride] * 2, pads=[layer.padding] * 4, group=layer.groups,
            )  # fmt: skip
        else:
            if len(layer.takes.axes) > 1:
                values = self._node("Flatten", [values], f"row{number}", axis=1)
            self._node("Gemm", [values, *inputs], made, transB=1)
        return made

    def _node(self, kind: str, inputs: list[str], output: str, **options: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def _converted(self, values: str, single: bool) -> str:
        """The values in the precision of what takes them."""
        if single == self.single[values]:
            return values
        from onnx import TensorProto

        made = f"{values}.converted"
        if made not in self.single:
            kind = TensorProto.FLOAT if single else TensorProto.DOUBLE
            self._node("Cast", [values], made, to=kind)
            self.single[made] = single
        return made

    def _ends(self, place: int, single: bool) -> list[str]:
        """Of a layer's values; a limit that is not that of all layers has its number."""
        whole, limit = self.model.scales.real_limit, self.model.scales.of_layer(place).real_limit
        names = ["zero", "limit" if limit == whole else f"limit{place + 1}"]
        names = [f"{name}.single" if single else name for name in names]
        for name, value in zip(names, (0.0, limit), strict=True):
            self.held[name] = np.array(value, dtype=_TYPES[single])
        return names


def _runner(data: bytes, model: ExportedModel) -> Program:
    def given(rows: FloatArray) -> dict[str, FloatArray]:
        return {_INPUTS[place]: own for place, own in parts_of(model, rows).items()}

    try:
        import onnxruntime
    except ImportError:
        import onnx
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(onnx.load_from_string(data))
        return lambda rows: np.asarray(evaluator.run([LOGITS], given(rows))[0], dtype=np.float64)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    return lambda rows: np.asarray(session.run([LOGITS], given(rows))[0], dtype=np.float64)
