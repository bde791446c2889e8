"""The operators of an ONNX graph, one by one: what each is to the trainer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.convolutions.conv2d import MAX_KERNEL
from proofward.models.graph.parts.convolutions import SAME, Convolution, named_padding
from proofward.models.graph.parts.pool_words import onnx_windows
from proofward.models.graph.parts.refusals import ADD, CONCAT, CONV, ONE_OUTPUT, ImportRefused, unsupported
from proofward.models.graph.parts.steps import (
    ConvStep,
    FloatArray,
    LinearStep,
    PoolStep,
    ReluStep,
    Step,
    batch_norm,
)
from proofward.models.graph.parts.weights_read import WeightsRead

RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
PLAIN_KINDS = ("Gemm", "MatMul", "Add", "Relu", "Identity", "Constant", *RESHAPES)
DTYPES = ("float32", "float64")
AUTO_PAD = {"SAME_UPPER": (SAME, False), "SAME_LOWER": (SAME, True), "VALID": ("", False)}


@dataclass
class Operators:
    """What is known of a graph: constants and makers of values by name, shapes of values, problems so far."""

    graph: Any
    constants: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    read: WeightsRead = field(default_factory=WeightsRead)

    def __post_init__(self) -> None:
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

    def check(self) -> None:
        """Notes every operator that is no layer of the trainer."""
        for node in self.graph.node:
            if node.domain not in ("", "ai.onnx"):
                words = f"{node.domain}.{node.op_type}: only ONNX's own operators are read"
                self.problems.append(f"{where(node)}: {words}")
            else:
                self.check_node(node)

    def check_node(self, node: Any) -> None:
        """Notes why an operator of ONNX's own is no layer of the trainer."""
        kind = node.op_type
        if kind == "Dropout":
            ratio = self._constant(node, 1)
            ratio = attributes(node).get("ratio", 0.5) if ratio is None else float(ratio)
            if ratio > 0:
                self.problems.append(unsupported(kind, where(node), f"p = {ratio:g}"))
        elif kind == "Add" and self.bias_of(node) is None and self.has_constant(node):
            self.problems.append(f"{where(node)}: Add (of a constant): {ADD}")
        elif kind == "MatMul" and self._constant(node, 1) is None:
            self.problems.append(unsupported(kind, where(node), "of two computed tensors"))
        elif kind == "Reshape" and self._constant(node, 1) is None:
            words = "a shape that is computed: use Flatten, or torch.onnx.export(..., dynamo=True)"
            self.problems.append(f"{where(node)}: Reshape: {words}")
        elif kind == "Conv":
            self._check_conv(node)
        elif self._pool(node) or self.is_concat(node):
            return
        elif kind == "Concat":
            self.problems.append(f"{where(node)}: Concat: {CONCAT}")
        elif kind == "BatchNormalization":
            if attributes(node).get("training_mode", 0) or len([name for name in node.output if name]) > 1:
                self.problems.append(unsupported(kind, where(node), "in training mode"))
        elif kind not in PLAIN_KINDS:
            self.problems.append(unsupported(kind, where(node), onnx_windows(kind, attributes(node))))
            if kind == "Sigmoid" and self.shapes.get(node.output[0], ())[-1:] == (1,):
                self.problems.append(f"{where(node)}: {ONE_OUTPUT}")

    def steps(self, node: Any, bias: FloatArray | None) -> list[Step] | None:
        """The step of a node that `check` has nothing against, none if it is no layer; bias: from an Add."""
        match node.op_type:
            case "Relu":
                return [ReluStep(where(node))]
            case "MaxPool" | "AveragePool" | "GlobalAveragePool" | "ReduceMean":
                pool = self._pool(node)
                assert pool is not None  # or the file was refused
                return [pool]
            case "Gemm" | "MatMul":
                return self._linear(node, bias)
            case "Conv":
                return [self._conv(node)]
            case "BatchNormalization":
                return self._norm(node)
        return None

    def is_concat(self, node: Any) -> bool:
        """Whether it concatenates the rows of two computed tensors."""
        if node.op_type != "Concat" or len(node.input) != 2 or self.has_constant(node):
            return False
        flat = all(len(self.shapes.get(name, ())) == 2 for name in node.input)
        return flat and attributes(node).get("axis", 0) in (1, -1)

    def keeps_records(self, node: Any, source: str) -> bool:
        """Whether each record stays in a row of its own, as far as the shapes say."""
        before, after = self.shapes.get(source), self.shapes.get(node.output[0])
        if not before or not after:
            return False
        if before[0] and before[0] == after[0]:
            return True
        rest = before[1:], after[1:]
        known = all(isinstance(size, int) and size for part in rest for size in part)
        return known and math.prod(map(int, rest[0])) == math.prod(map(int, rest[1]))

    def has_constant(self, node: Any) -> bool:
        """Whether one of its first two inputs is a constant."""
        return any(self._constant(node, place) is not None for place in (0, 1))

    def sources(self, node: Any) -> list[str]:
        """The inputs that count: two of an Add or Concat, but the layer's own of its bias; else the first."""
        if node.op_type == "Concat":
            return list(node.input)
        if node.op_type != "Add":
            return [node.input[0]]
        bias = self.bias_of(node)
        return list(node.input) if bias is None else [bias[1]]

    def bias_of(self, node: Any) -> tuple[FloatArray, str] | None:
        """The constant that an Add puts on a MatMul's outputs, and the MatMul's own output."""
        for place in (0, 1):
            constant, source = self._constant(node, place), node.input[1 - place]
            maker = self.made.get(source)
            if constant is None or maker is None or maker.op_type != "MatMul":
                continue
            weight = self._constant(maker, 1)
            if weight is not None and constant.size == weight.shape[-1] == constant.shape[-1]:
                return self._numbers(constant, where(node)).reshape(-1), source
        return None

    def check_type(self, name: str, place: str) -> None:
        """Notes other numbers than those of single and double precision."""
        if name not in DTYPES:
            self.problems.append(f"{place}: numbers of type {name}: expected float32 or float64")

    def _constant(self, node: Any, place: int) -> Any:
        return self.constants.get(node.input[place]) if len(node.input) > place else None

    def _numbers(self, values: Any, place: str) -> FloatArray:
        self.check_type(values.dtype.name, place)
        self.read.take(values.size)
        return np.array(values if values.dtype.name in DTYPES else np.zeros(values.shape), dtype=np.float64)

    def _computed(self, node: Any, place: int) -> bool:
        """Whether there is such an input that is no constant."""
        return len(node.input) > place and bool(node.input[place]) and self._constant(node, place) is None

    def _linear(self, node: Any, bias: FloatArray | None) -> list[Step]:
        place, weight, options = where(node), self._constant(node, 1), attributes(node)
        if weight is None or weight.ndim != 2 or len(self.shapes.get(node.input[0], (0, 0))) != 2:
            words = "of records with several axes, or without a weight: flatten the records before"
            self.problems.append(f"{place}: {node.op_type} {words}")
            return []
        if node.op_type == "Gemm":
            if self._computed(node, 2):
                self.problems.append(f"{place}: Gemm whose bias is computed: give it a bias of its own")
                return []
            wrong = {name: options.get(name, 1) for name in ("alpha", "beta") if options.get(name, 1) != 1}
            if wrong or options.get("transA", 0):
                self.problems.append(f"{place}: Gemm with {wrong or 'transA'}: scale the weights instead")
                return []
            weight = weight if options.get("transB", 0) else weight.T
            constant = self._constant(node, 2)
            if constant is not None:
                bias = np.broadcast_to(self._numbers(constant, place).reshape(-1), (len(weight),))
        else:
            weight = weight.T
        return [LinearStep(place, node.input[1], self._numbers(weight, place), bias)]

    def _check_conv(self, node: Any) -> None:
        place, weight = where(node), self._constant(node, 1)
        sizes = self.shapes.get(node.input[0], ())[1:]
        if weight is None or self._computed(node, 2):
            words = "weights that are computed: give it weights of its own"
            self.problems.append(f"{place}: Conv of {words}")
        elif weight.ndim != 4:
            self.problems.append(f"{place}: Conv along {weight.ndim - 2} axes: {CONV}")
        elif len(sizes) != 3 or not all(isinstance(size, int) and size for size in sizes):
            words = "pictures of a size that the file leaves open: fix channels, height and width"
            self.problems.append(f"{place}: Conv of {words}")
        else:
            self.problems += [f"{place}: Conv: {words}" for words in self._convolution(node).problems()]

    def _conv(self, node: Any) -> Step:
        place, written, constant = where(node), self._convolution(node), self._constant(node, 2)
        weight = self._numbers(self._constant(node, 1), place)
        bias = None if constant is None else self._numbers(constant, place)
        takes = tuple(int(size) for size in self.shapes[node.input[0]][1:])
        sizes = (takes, written.stride, written.padding)
        return ConvStep(place, node.input[1], weight, bias, *sizes, groups=written.groups)

    def _convolution(self, node: Any) -> Convolution:
        """A Conv of four axes and known sizes, as it is written."""
        options, shape = attributes(node), self._constant(node, 1).shape
        height, width = (int(size) for size in self.shapes[node.input[0]][2:])
        down, across = options.get("strides", [1, 1])
        dilations = options.get("dilations", [1, 1])
        name = options.get("auto_pad", b"NOTSET").decode()
        top, left, bottom, right = options.get("pads", [0, 0, 0, 0])
        before, after = (top, left), (bottom, right)
        if name in AUTO_PAD:
            kind, extra_first = AUTO_PAD[name]
            before, after = named_padding(
                kind, kernel=(shape[2], shape[3]), size=(height, width), strides=(down, across),
                dilations=(dilations[0], dilations[1]), extra_first=extra_first,
            )  # fmt: skip
        return Convolution(
            tuple(shape), (height, width), (down, across), before, after, (dilations[0], dilations[1]),
            int(options.get("group", 1)),
        )  # fmt: skip

    def _pool(self, node: Any) -> PoolStep | None:
        """The pool of an activation that is one with Relu, if it is such a pool."""
        own, sizes = attributes(node), self.shapes.get(node.input[0], ()) if node.input else ()
        whole = PoolStep(where(node), ReluGlobalAvgPool.kind)
        if node.op_type == "GlobalAveragePool" and len(sizes) == 4:
            return whole
        if node.op_type == "ReduceMean" and len(sizes) == 4:
            constant = self._constant(node, 1)
            axes = own.get("axes", ()) if constant is None else constant.reshape(-1).tolist()
            return whole if {int(axis) % 4 for axis in axes} == {2, 3} else None
        if node.op_type not in ("MaxPool", "AveragePool") or not is_plain_pool(own):
            return None
        kernel, strides = (list(own.get(key, (1, 1))) for key in ("kernel_shape", "strides"))
        outputs = len([name for name in node.output if name])
        if node.op_type == "MaxPool":
            by_two = kernel == strides == [2, 2] and outputs == 1
            return PoolStep(where(node), ReluMaxPool2d.kind) if by_two else None
        if kernel == list(sizes[2:]) and not kernel == strides == [2, 2]:
            return whole
        side = kernel[0] if kernel == strides == kernel[:1] * 2 else 0
        return PoolStep(where(node), ReluAvgPool2d.kind, side) if 2 <= side <= MAX_KERNEL else None

    def _norm(self, node: Any) -> list[Step]:
        place = where(node)
        parts = [self._constant(node, at) for at in (1, 2, 3, 4)]
        if any(part is None for part in parts):
            self.problems.append(f"{place}: BatchNormalization with statistics that are computed: freeze it")
            return []
        gamma, beta, mean, variance = (self._numbers(part, place) for part in parts)
        epsilon = float(attributes(node).get("epsilon", 1e-5))
        return [batch_norm(place, gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=epsilon)]


def read_operators(graph: Any, kind: type[Operators]) -> Operators:
    """The graph's operators; raises ImportRefused where one is nothing that this kind of reader takes."""
    found = kind(graph)
    inputs = [entry for entry in graph.input if entry.name not in found.constants]
    if len(inputs) not in (1, 2) or len(graph.output) != 1:
        counts = f"{len(inputs)} inputs and {len(graph.output)} outputs"
        found.problems.append(f"{counts}: one tensor of records in and one of logits out are proved")
    found.check()
    if found.problems:
        raise ImportRefused(found.problems)
    return found


def is_plain_pool(options: dict[str, Any]) -> bool:
    """Whether a pool's windows have neither gaps nor padding, and what is left over is dropped."""
    name = options.get("auto_pad", b"NOTSET").decode()
    found = [list(options.get(key, usual)) for key, usual in (("dilations", (1, 1)), ("pads", (0, 0, 0, 0)))]
    return name in ("NOTSET", "VALID") and found == [[1, 1], [0, 0, 0, 0]] and not options.get("ceil_mode", 0)


def where(node: Any) -> str:
    """The node's name, or that of what it makes."""
    return str(node.name or node.output[0])


def attributes(node: Any) -> dict[str, Any]:
    """The node's attributes by name."""
    import onnx

    return {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
