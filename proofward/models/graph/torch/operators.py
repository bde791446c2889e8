"""The operators of an exported PyTorch program, one by one: what each is to the trainer.

Operators are named as ATen names them, and their arguments are found by ATen's own names, whether they are
written by place, by name or left out.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.convolutions.conv2d import MAX_KERNEL
from proofward.models.graph.parts.convolutions import SAME as SAME_PADDING
from proofward.models.graph.parts.convolutions import Convolution, Pair, named_padding, pair_of
from proofward.models.graph.parts.refusals import (
    ADD,
    CONCAT,
    ONE_OUTPUT,
    ImportRefused,
    plain_name,
    unsupported,
)
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
from proofward.models.graph.torch.nodes import argument, bare, check_type, numbers, target_of, where
from proofward.models.graph.torch.pool_words import torch_windows

RESHAPES = ("view", "reshape", "flatten", "unsafeview", "unflatten", "squeeze", "unsqueeze")
SAME = ("alias", "detach", "clone", "contiguous", "identity", "liftfreshcopy")
RELU = ("relu",)
SIZES = ("symsize", "mul", "floordiv", "add", "sub", "ge", "le", "eq", "assertscalar", "symconstrainrange")
COUNTER = "num_batches_tracked"


class Program:
    """A program of `torch.export`, read node by node."""

    def __init__(self, exported: Any) -> None:
        self.exported, self.read = exported, WeightsRead()
        self.kinds = {entry.arg.name: entry for entry in exported.graph_signature.input_specs}

    @property
    def inputs(self) -> list[Any]:
        """The nodes of what a caller gives."""
        nodes = [node for node in self.exported.graph.nodes if node.op == "placeholder"]
        return [node for node in nodes if self.kinds[node.name].kind.name == "USER_INPUT"]

    @property
    def outputs(self) -> list[Any]:
        """The nodes of what a caller gets."""
        return list(next(node for node in self.exported.graph.nodes if node.op == "output").args[0])

    def source(self, node: Any, place: int = 0) -> Any:
        """The node whose values this one takes, changed in place where that came before."""
        return self._sources.get((node, place), node.args[place])

    def sources(self, node: Any) -> list[Any]:
        """Those that count: two of an Add or a Concat, else one."""
        taken = _taken(node)[: 1 + (is_add(node) or is_concat(node))]
        return [self._sources.get((node, place), own) for place, own in enumerate(taken)]

    @cached_property
    def _sources(self) -> dict[Any, Any]:
        """Per node and place its source, if an operator before the node has changed the source in place."""
        changed: dict[Any, Any] = {}
        found = {}
        for node in self.exported.graph.nodes:
            if node.op != "call_function" or not node.args:
                continue
            for place, source in enumerate(_taken(node)):
                if isinstance(source, type(node)) and source in changed:
                    found[node, place] = changed[source]
            if bare(node).endswith("_"):
                changed[node.args[0]] = node
        return found

    def problems(self) -> list[str]:
        """Every operator that is no layer of the trainer, with what to use instead."""
        problems = []
        for node in self.exported.graph.nodes:
            if node.op == "get_attr":
                problems.append(f"{node.target}: data-dependent control flow or a constant is not proved")
            if node.op == "call_function":
                problems += self.problems_of(node)
        return problems

    def problems_of(self, node: Any) -> list[str]:
        """Why an operator is no layer of the trainer."""
        name, value, place = plain_name(target_of(node)), node.meta.get("val"), where(node)
        if name in ("linear", *RELU, *SAME, *RESHAPES):
            return []
        if name in SIZES and not hasattr(value, "shape"):
            return []  # arithmetic of sizes
        if name == "add" and str(node.args[0]).endswith(COUNTER):
            return []  # a BatchNorm in training mode, refused by itself, counts batches
        if is_add(node) or is_concat(node):
            return []
        if name in ("cat", "concat"):
            return [f"{place}: {target_of(node)}: {CONCAT}"]
        if name == "add" and hasattr(value, "shape"):
            return [f"{place}: {target_of(node)} (of a constant, or with alpha): {ADD}"]
        if name == "conv2d":
            written = self._convolution(node)
            if written is None:
                return [f"{place}: conv2d of weights that are computed: use nn.Conv2d, with its own"]
            return [f"{place}: {target_of(node)}: {words}" for words in written.problems()]
        if name == "batchnorm":
            training = bool(argument(node, "training")) or argument(node, "running_mean") is None
            words = "it takes its statistics from each batch"
            return [unsupported(target_of(node), place, words)] if training else []
        if _pool(node):
            return []
        if "dropout" in name:
            p = node.args[1]
            return [unsupported(target_of(node), place, f"p = {p}")] if p > 0 else []
        problems = [unsupported(target_of(node), place, torch_windows(node))]
        if name == "sigmoid" and getattr(value, "shape", ())[-1:] == (1,):
            problems.append(f"{place}: {ONE_OUTPUT}")
        return problems

    def steps(self, node: Any) -> list[Step]:
        """The step of a node that `problems` has nothing against, none if it only reorders."""
        name = plain_name(target_of(node))
        if name == "linear":
            return [self._linear(node)]
        if name == "conv2d":
            return [self._conv(node)]
        if name == "batchnorm":
            return [self._norm(node)]
        if pool := _pool(node):
            return [pool]
        return [ReluStep(where(node))] if name in RELU else []

    def _linear(self, node: Any) -> LinearStep:
        place, axes = where(node), self.source(node).meta["val"].dim() - 1
        key, weight, bias_key, bias = self._parameters(node)
        if axes != 1:
            words = f"{place}: Linear of records with {axes} axes"
            raise ImportRefused([f"{words}: flatten them before, with nn.Flatten()"])
        return LinearStep(place, key, weight, bias, bias_key)

    def _conv(self, node: Any) -> ConvStep:
        key, weight, bias_key, bias = self._parameters(node)
        written = self._convolution(node)
        assert written is not None  # or the program was refused
        takes = tuple(int(size) for size in self.source(node).meta["val"].shape[1:])
        sizes = (takes, written.stride, written.padding)
        return ConvStep(where(node), key, weight, bias, *sizes, bias_key, written.groups)

    def _convolution(self, node: Any) -> Convolution | None:
        weight, source = argument(node, "weight"), argument(node, "input")
        if weight.op != "placeholder":
            return None
        shape = tuple(int(size) for size in weight.meta["val"].shape)
        size: Pair = (int(source.meta["val"].shape[-2]), int(source.meta["val"].shape[-1]))
        strides, dilations = pair_of(argument(node, "stride")), pair_of(argument(node, "dilation"))
        padding = argument(node, "padding")
        if isinstance(padding, str):
            kernel = (shape[2], shape[3])
            before, after = named_padding(
                padding if padding == SAME_PADDING else "", kernel=kernel, size=size, strides=strides,
                dilations=dilations,
            )  # fmt: skip
        else:
            before = after = pair_of(padding)
        return Convolution(shape, size, strides, before, after, dilations, int(argument(node, "groups")))

    def _norm(self, node: Any) -> Step:
        place = where(node)
        mean, variance = (self._buffer(node, name) for name in ("running_mean", "running_var"))
        weight, bias = argument(node, "weight"), argument(node, "bias")
        return batch_norm(
            place,
            gamma=np.ones_like(mean) if weight is None else self._parameter(place, weight)[1],
            beta=np.zeros_like(mean) if bias is None else self._parameter(place, bias)[1],
            mean=mean,
            variance=variance,
            epsilon=float(argument(node, "eps")),
        )

    def _parameters(self, node: Any) -> tuple[str, FloatArray, str, FloatArray | None]:
        """Weights and bias, each behind its key; raises ImportRefused unless both are trained."""
        place, bias = where(node), argument(node, "bias")
        weights = self._parameter(place, argument(node, "weight"), trained=True)
        return *weights, *(("", None) if bias is None else self._parameter(place, bias, trained=True))

    def _parameter(self, place: str, node: Any, *, trained: bool = False) -> tuple[str, FloatArray]:
        entry = self.kinds.get(node.name)
        if entry is None or entry.kind.name != "PARAMETER":
            words = "weights that are computed or no parameters: use nn.Linear or nn.Conv2d, with its own"
            raise ImportRefused([f"{place}: {words}"])
        tensor = self.exported.state_dict[entry.target]
        self.read.take(tensor.numel())
        check_type(tensor, place)
        if trained and not tensor.requires_grad:
            words = f"{place}: {entry.target} is frozen, but every layer is trained"
            raise ImportRefused([f"{words}: call module.requires_grad_(True)"])
        return str(tensor.untyped_storage().data_ptr()), numbers(tensor)

    def _buffer(self, node: Any, name: str) -> FloatArray:
        place, found = where(node), argument(node, name)
        entry = self.kinds.get(found.name)
        if entry is None or entry.kind.name != "BUFFER":
            raise ImportRefused([f"{place}: BatchNorm whose {name} is computed: use nn.BatchNorm2d, frozen"])
        state = self.exported.state_dict if entry.persistent else self.exported.constants
        check_type(state[entry.target], place)
        return numbers(state[entry.target])


def is_add(node: Any) -> bool:
    """Whether it adds two computed tensors, as they are."""
    if node.op != "call_function" or plain_name(target_of(node)) != "add" or len(node.args) != 2:
        return False
    computed = all(
        getattr(own, "op", "") in ("call_function", "placeholder") and hasattr(own.meta.get("val"), "shape")
        for own in node.args
    )
    return computed and node.kwargs.get("alpha", 1) == 1 and hasattr(node.meta.get("val"), "shape")


def is_concat(node: Any) -> bool:
    """Whether it concatenates the rows of two computed tensors."""
    if node.op != "call_function" or plain_name(target_of(node)) != "cat" or len(node.args[0]) != 2:
        return False
    flat = all(own.meta["val"].dim() == 2 for own in node.args[0])
    return flat and int(argument(node, "dim")) % 2 == 1


def _taken(node: Any) -> list[Any]:
    """The tensors that an operator takes, of an Add or a Concat both."""
    first = node.args[0] if isinstance(node.args[0], list | tuple) else node.args[:2]
    return list(first)


def _pool(node: Any) -> PoolStep | None:
    """The pool of an activation that is one with ReLU, if it is such a pool."""
    name, whole = plain_name(target_of(node)), PoolStep(where(node), ReluGlobalAvgPool.kind)
    if name == "maxpool2d" and _side(node) == 2 and pair_of(argument(node, "dilation")) == (1, 1):
        return PoolStep(where(node), ReluMaxPool2d.kind)
    if name == "avgpool2d" and argument(node, "divisor_override") is None:
        sizes, side = tuple(node.args[0].meta["val"].shape[-2:]), _side(node)
        kernel, padding = (pair_of(argument(node, name)) for name in ("kernel_size", "padding"))
        if side != 2 and (kernel, padding) == (sizes, (0, 0)):
            return whole
        return PoolStep(where(node), ReluAvgPool2d.kind, side) if 2 <= side <= MAX_KERNEL else None
    if name == "adaptiveavgpool2d" and pair_of(argument(node, "output_size")) == (1, 1):
        return whole
    if name == "mean" and node.args[0].meta["val"].dim() == 4 and argument(node, "dtype") is None:
        return whole if {int(axis) % 4 for axis in argument(node, "dim") or ()} == {2, 3} else None
    return None


def _side(node: Any) -> int:
    """That of its windows, if they are square, side by side, and what fills none is dropped; else 0."""
    kernel = pair_of(argument(node, "kernel_size"))
    strides = argument(node, "stride") or kernel
    found = pair_of(strides), pair_of(argument(node, "padding")), bool(argument(node, "ceil_mode"))
    return kernel[0] if found == ((kernel[0], kernel[0]), (0, 0), False) and kernel[0] == kernel[1] else 0
