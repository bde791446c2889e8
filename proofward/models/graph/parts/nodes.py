"""The nodes of a graph, with typed fields; a layer of the trainer is one node class, named in `LAYERS`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

from proofward.encoding.cbor import Item
from proofward.layers.activations.activation import Activation
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.affine_layers import linear
from proofward.layers.affine_layers.affine import Affine
from proofward.layers.convolutions import conv2d


@dataclass(frozen=True)
class Node:
    """sources: places of the nodes whose values this one takes."""

    kind: ClassVar[str]
    sources: tuple[int, ...]

    def to_plain(self) -> dict[str, Item]:
        """Kind and fields, in items of the encoding."""
        return {"kind": self.kind, **{entry.name: getattr(self, entry.name) for entry in fields(self)}}


@dataclass(frozen=True)
class Input(Node):
    """shape: of one record, without the batch."""

    kind: ClassVar[str] = "input"
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Flatten(Node):
    """A record's values in one row, the last axis running fastest."""

    kind: ClassVar[str] = "flatten"


@dataclass(frozen=True)
class LayerNode(Node):
    """A layer with parameters: sums, linear in its inputs, each with a bias."""

    @classmethod
    @abstractmethod
    def of(cls, source: int, layer: Affine) -> LayerNode:
        """The node of one of the trainer's layers."""

    @abstractmethod
    def plain(self) -> dict[str, object]:
        """The layer in the plain form of `layers.networks.network.chain`."""


@dataclass(frozen=True)
class Linear(LayerNode):
    """W x + b with W (outputs, inputs)."""

    kind: ClassVar[str] = "linear"
    inputs: int
    outputs: int

    @classmethod
    def of(cls, source: int, layer: Affine) -> Linear:
        assert isinstance(layer, linear.Linear)
        return cls((source,), layer.fan_in, layer.outputs)

    def plain(self) -> dict[str, object]:
        return {"kind": self.kind, "outputs": self.outputs}


@dataclass(frozen=True)
class Conv2d(LayerNode):
    """Convolution of a picture (channels, height, width) with a square kernel, zeros beyond the edges."""

    kind: ClassVar[str] = "conv2d"
    outputs: int
    kernel: int
    stride: int
    padding: int
    groups: int = 1

    @classmethod
    def of(cls, source: int, layer: Affine) -> Conv2d:
        assert isinstance(layer, conv2d.Conv2d)
        return cls((source,), layer.outputs, layer.kernel, layer.stride, layer.padding, layer.groups)

    def to_plain(self) -> dict[str, Item]:
        """One group is not named: such a convolution has the encoding that it had without groups."""
        plain = super().to_plain()
        return {name: value for name, value in plain.items() if (name, value) != ("groups", 1)}

    def plain(self) -> dict[str, object]:
        return {name: value for name, value in self.to_plain().items() if name != "sources"}


LAYERS: dict[str, type[LayerNode]] = {node.kind: node for node in (Linear, Conv2d)}


@dataclass(frozen=True)
class ReLU(Node):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"


@dataclass(frozen=True)
class PoolNode(Node):
    """A pool behind the ReLU of a convolution; `activation`: the trainer's, of both."""

    activation: ClassVar[type[Activation]]

    @classmethod
    def of(cls, source: int, activation: Activation) -> PoolNode:
        """The node of the trainer's pool."""
        return cls((source,))

    def plain(self) -> dict[str, object]:
        """ReLU and this pool in the plain form of `layers.networks.network.chain`."""
        return {"kind": self.activation.kind}


@dataclass(frozen=True)
class WindowPoolNode(PoolNode):
    """Of every window x window values of a channel; what fills no window is dropped."""

    window: int

    @classmethod
    def of(cls, source: int, activation: Activation) -> WindowPoolNode:
        return cls((source,), activation.window)

    def plain(self) -> dict[str, object]:
        return {"kind": self.activation.kind, **({"size": self.window} if self.window != 2 else {})}


@dataclass(frozen=True)
class MaxPool2d(WindowPoolNode):
    """The maximum of every window."""

    kind: ClassVar[str] = "maxpool2d"
    activation: ClassVar[type[Activation]] = ReluMaxPool2d


@dataclass(frozen=True)
class AvgPool2d(WindowPoolNode):
    """The mean of every window."""

    kind: ClassVar[str] = "avgpool2d"
    activation: ClassVar[type[Activation]] = ReluAvgPool2d


@dataclass(frozen=True)
class GlobalAvgPool(PoolNode):
    """The mean of every channel."""

    kind: ClassVar[str] = "global-avgpool"
    activation: ClassVar[type[Activation]] = ReluGlobalAvgPool


POOLS: dict[str, type[PoolNode]] = {
    node.activation.kind: node for node in (MaxPool2d, AvgPool2d, GlobalAvgPool)
}


@dataclass(frozen=True)
class Add(Node):
    """A shortcut: a layer's sums, and values or another layer's sums, of one shape."""

    kind: ClassVar[str] = "add"


@dataclass(frozen=True)
class TwoClassHead(Node):
    """Two logits, of the classes 0 and 1, with cross-entropy as the loss."""

    kind: ClassVar[str] = "two-class-head"


@dataclass(frozen=True)
class SoftmaxHead(Node):
    """A logit for each of three and more classes, with cross-entropy as the loss."""

    kind: ClassVar[str] = "softmax-head"
