"""The graph of a network: a list of nodes with typed fields, one encoding and one digest.

A node names the nodes whose values it takes by their places in the list, all of them earlier ones. The graph
holds no weights: two networks of the same structure have the same digest, whatever they were written in.
`Graph` accepts any nodes in order; which graphs can be proved is said by `to_mlp`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import ClassVar

from proofward.encoding.cbor import Item, encode_item
from proofward.layers.errors import ConfigurationError
from proofward.layers.linear import MAX_WIDTH
from proofward.layers.network import Network, mlp

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
class Linear(Node):
    """W x + b with W (outputs, inputs); it always has a bias."""

    kind: ClassVar[str] = "linear"
    inputs: int
    outputs: int


@dataclass(frozen=True)
class ReLU(Node):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"


@dataclass(frozen=True)
class TwoClassHead(Node):
    """Two logits, of the classes 0 and 1, with cross-entropy as the loss."""

    kind: ClassVar[str] = "two-class-head"


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

    def to_mlp(self) -> Network:
        """The trainer's network; raises ConfigurationError for a graph that it cannot train."""
        linear = [node for node in self.nodes if isinstance(node, Linear)]
        first = self.nodes[0] if self.nodes else None
        shape = first.shape if isinstance(first, Input) else ()
        if not linear or mlp_graph(shape, [linear[0].inputs, *(node.outputs for node in linear)]) != self:
            expected = "Input, Flatten of several axes, Linear layers with ReLU between, two-class head"
            raise ConfigurationError("graph", expected, [node.kind for node in self.nodes])
        return mlp((linear[0].inputs, *(node.outputs for node in linear)))

    def words(self) -> str:
        """The nodes in one line."""
        return " -> ".join(
            f"Linear({node.inputs}, {node.outputs})" if isinstance(node, Linear) else type(node).__name__
            for node in self.nodes
        )


def mlp_graph(shape: tuple[int, ...], widths: Sequence[int]) -> Graph:
    """The canonical graph of a multilayer perceptron for records of this shape."""
    if math.prod(shape) != widths[0] or not 1 <= widths[0] <= MAX_WIDTH:
        raise ConfigurationError("inputs", f"{widths[0]} values, in [1, {MAX_WIDTH}]", shape)
    nodes: list[Node] = [Input((), shape)]
    if len(shape) != 1:
        nodes.append(Flatten((len(nodes) - 1,)))
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        if index:
            nodes.append(ReLU((len(nodes) - 1,)))
        nodes.append(Linear((len(nodes) - 1,), inputs, outputs))
    nodes.append(TwoClassHead((len(nodes) - 1,)))
    return Graph(tuple(nodes))
