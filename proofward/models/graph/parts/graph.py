"""The graph of a network: a list of nodes with typed fields, one encoding and one digest.

A node names the nodes whose values it takes by their places in the list, all of them earlier ones. The graph
holds no weights: two networks of the same structure have the same digest, whatever they were written in.
`Graph` accepts any nodes in order; which graphs can be proved is said by `to_network`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from proofward.encoding.cbor import encode_item
from proofward.layers.affine_layers.affine import Affine
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.record import FIRST, ROW, ROW_WORD
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.networks.shortcuts import ADD
from proofward.models.graph.parts.nodes import (
    LAYERS,
    POOLS,
    Add,
    Conv2d,
    Flatten,
    Input,
    LayerNode,
    Linear,
    Node,
    PoolNode,
    ReLU,
    SoftmaxHead,
    TwoClassHead,
    WindowPoolNode,
)

FORMAT = "proofward/graph/v1"


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
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the inputs: a record, and the row that goes with it, where there is one."""
        return [node.shape for node in self.nodes if isinstance(node, Input)]

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
        if len(rows) == len(layers) and not any(isinstance(node, Add) for node in self.nodes):
            made = mlp((math.prod(first.shape), *rows))
        else:
            row = self.shapes[1:2]
            made = chain(first.shape, self._plain(), row[0][0] if row and len(row[0]) == 1 else 0)
        if network_graph(first.shape, made) != self:
            raise self._untrained()
        return made

    def _plain(self) -> list[dict[str, object]]:
        """The layers in the plain form of `layers.networks.network.chain`, as far as the nodes are such."""
        joins = [node for node in self.nodes if isinstance(node, Add) and len(node.sources) == 2]
        between = {node.sources[1] for node in joins if isinstance(self.nodes[node.sources[1]], LayerNode)}
        plain, values = list[dict[str, object]](), list[int]()
        for place, node in enumerate(self.nodes):
            if isinstance(node, LayerNode) and place not in between:
                plain.append(node.plain())
                values.append(self._read(node))
            elif isinstance(node, PoolNode):
                plain.append(node.plain())
            elif node in joins:
                other = node.sources[1]
                through = self.nodes[other]
                read = self._read(through) if isinstance(through, LayerNode) else other
                by = {"by": through.plain()} if isinstance(through, LayerNode) else {}
                if read == 1 and isinstance(self.nodes[1], Input):
                    plain.append({"kind": ADD, "from": ROW_WORD, **by})
                    continue
                if read not in values:
                    raise self._untrained()
                plain.append({"kind": ADD, "from": values.index(read), **by})
        return plain

    def _read(self, node: Node) -> int:
        """The place of the values that a layer takes, before they are flattened."""
        if len(node.sources) != 1:
            raise self._untrained()
        source = node.sources[0]
        before = self.nodes[source]
        return before.sources[0] if isinstance(before, Flatten) and before.sources else source

    def _untrained(self) -> ConfigurationError:
        expected = (
            "Input, convolutions and Linear layers with ReLU between, MaxPool2d(2), AvgPool2d or the mean "
            "of a picture behind the ReLU of a convolution, Flatten where a picture becomes a row, Add of "
            "values into a layer's sums, a second Input of rows that joins through Linear, a head"
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
            groups = f", groups={node.groups}" if node.groups > 1 else ""
            sizes = f"{node.outputs}, {node.kernel}, stride={node.stride}, padding={node.padding}"
            return f"Conv2d({sizes}{groups})"
        case WindowPoolNode():
            return f"{type(node).__name__}({node.window})"
    return type(node).__name__


def network_graph(shape: tuple[int, ...], network: Network) -> Graph:
    """The canonical graph of a network on records of this shape, in which they may come unflattened.

    A row that goes with each record is a second input, behind the first.
    """
    first = network.inputs
    if math.prod(shape) != first.size or (len(first.axes) > 1 and first.axes != shape):
        raise ConfigurationError("inputs", f"records of {first.words} values", shape)
    nodes: list[Node] = [Input((), shape)]
    into = {own.into: own for own in network.shortcuts}
    values, axes = {FIRST: 0}, {FIRST: shape}
    if network.row:
        nodes.append(Input((), (network.row,)))
        values[ROW], axes[ROW] = 1, (network.row,)

    def layer_node(layer: Affine, source: int) -> int:
        """Appends a layer on the values of this number; its place."""
        place = values[source]
        if len(layer.gives.axes) == 1 and len(axes[source]) != 1:
            nodes.append(Flatten((place,)))
            place = len(nodes) - 1
        nodes.append(LAYERS[layer.kind].of(place, layer))
        return len(nodes) - 1

    for index, layer in enumerate(network.chain):
        place = layer_node(layer, index)
        if index in into:
            own = into[index]
            other = values[own.source] if own.by is None else layer_node(network.layers[own.by], own.source)
            nodes.append(Add((place, other)))
        if index == len(network.activations):
            break
        nodes.append(ReLU((len(nodes) - 1,)))
        if (kind := network.activations[index].kind) in POOLS:
            nodes.append(POOLS[kind].of(len(nodes) - 1, network.activations[index]))
        values[index + 1] = len(nodes) - 1
        axes[index + 1] = network.activations[index].gives.axes
    head = TwoClassHead if network.head.classes == 2 else SoftmaxHead
    nodes.append(head((len(nodes) - 1,)))
    return Graph(tuple(nodes))
