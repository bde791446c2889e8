"""The graph of a network: a list of nodes with typed fields, one encoding and one digest.

A node names the nodes whose values it takes by their places in the list, all of them earlier ones. The graph
holds no weights: two networks of the same structure have the same digest, whatever they were written in.
`Graph` accepts any nodes in order; which graphs can be proved is said by `to_network`. A layer of the trainer
is one node class, named in `LAYERS`.
"""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

from proofward.encoding.cbor import Item, encode_item
from proofward.layers import conv2d, linear
from proofward.layers.affine import Affine
from proofward.layers.errors import ConfigurationError
from proofward.layers.network import Network, chain, mlp
from proofward.layers.registry import ACTIVATIONS

FORMAT = "proofward/graph/v1"


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
        """The layer in the plain form of `layers.network.chain`."""


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

    @classmethod
    def of(cls, source: int, layer: Affine) -> Conv2d:
        assert isinstance(layer, conv2d.Conv2d)
        return cls((source,), layer.outputs, layer.kernel, layer.stride, layer.padding)

    def plain(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in ("outputs", "kernel", "stride", "padding")}
        return {"kind": self.kind, **values}


LAYERS: dict[str, type[LayerNode]] = {node.kind: node for node in (Linear, Conv2d)}


@dataclass(frozen=True)
class ReLU(Node):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"


@dataclass(frozen=True)
class MaxPool2d(Node):
    """The maximum of every window x window values of a channel; what fills no window is dropped."""

    kind: ClassVar[str] = "maxpool2d"
    window: int

    def plain(self) -> dict[str, object]:
        """ReLU and this pool in the plain form of `layers.network.chain`."""
        kinds = [kind for kind, own in ACTIVATIONS.items() if own.window == self.window]
        if not kinds:
            raise ConfigurationError("window of a pool", "2", self.window)
        return {"kind": kinds[0]}


@dataclass(frozen=True)
class TwoClassHead(Node):
    """Two logits, of the classes 0 and 1, with cross-entropy as the loss."""

    kind: ClassVar[str] = "two-class-head"


@dataclass(frozen=True)
class SoftmaxHead(Node):
    """A logit for each of three and more classes, with cross-entropy as the loss."""

    kind: ClassVar[str] = "softmax-head"


@dataclass(frozen=True)
class Graph:
    """nodes: in an order in which they can be computed."""

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        for place, node in enumerate(self.nodes):
            if any(not 0 <= source < place for source in node.sources):
                raise ConfigurationError(f"node {place}", "sources among the nodes before it", node.sources)

    def encoding(self) -> bytes:
        """The one encoding of this graph."""
        return encode_item([FORMAT, [node.to_plain() for node in self.nodes]])

    @property
    def digest(self) -> bytes:
        """SHA-256 of the encoding."""
        return hashlib.sha256(self.encoding()).digest()

    def to_network(self) -> Network:
        """The trainer's network; raises ConfigurationError for a graph that it cannot train."""
        layers = [node for node in self.nodes if isinstance(node, LayerNode)]
        first = self.nodes[0] if self.nodes else None
        if not isinstance(first, Input) or not layers:
            raise self._untrained()
        rows = [node.outputs for node in layers if isinstance(node, Linear)]
        if len(rows) == len(layers):
            made = mlp((math.prod(first.shape), *rows))
        else:
            plain = [node.plain() for node in self.nodes if isinstance(node, LayerNode | MaxPool2d)]
            made = chain(first.shape, plain)
        if network_graph(first.shape, made) != self:
            raise self._untrained()
        return made

    def _untrained(self) -> ConfigurationError:
        expected = (
            "Input, convolutions and Linear layers with ReLU between, MaxPool2d(2) behind the ReLU of a "
            "convolution, Flatten where a picture becomes a row, "
            "a head"
        )
        return ConfigurationError("graph", expected, [node.kind for node in self.nodes])

    def words(self) -> str:
        """The nodes in one line."""
        return " -> ".join(_words(node) for node in self.nodes)


def _words(node: Node) -> str:
    match node:
        case Linear():
            return f"Linear({node.inputs}, {node.outputs})"
        case Conv2d():
            return f"Conv2d({node.outputs}, {node.kernel}, stride={node.stride}, padding={node.padding})"
        case MaxPool2d():
            return f"MaxPool2d({node.window})"
    return type(node).__name__


def network_graph(shape: tuple[int, ...], network: Network) -> Graph:
    """The canonical graph of a network on records of this shape, in which they may come unflattened."""
    first = network.inputs
    if math.prod(shape) != first.size or (len(first.axes) > 1 and first.axes != shape):
        raise ConfigurationError("inputs", f"records of {first.words} values", shape)
    nodes: list[Node] = [Input((), shape)]
    axes = shape
    for index, layer in enumerate(network.layers):
        if index:
            nodes.append(ReLU((len(nodes) - 1,)))
            if (window := network.activations[index - 1].window) > 1:
                nodes.append(MaxPool2d((len(nodes) - 1,), window))
        if len(layer.gives.axes) == 1 and len(axes) != 1:
            nodes.append(Flatten((len(nodes) - 1,)))
        nodes.append(LAYERS[layer.kind].of(len(nodes) - 1, layer))
        axes = layer.gives.axes
    head = TwoClassHead if network.head.classes == 2 else SoftmaxHead
    nodes.append(head((len(nodes) - 1,)))
    return Graph(tuple(nodes))
