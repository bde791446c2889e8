"""A frozen network: its nodes, its one encoding and digest, its limits, and its outputs in exact integers.

The encoding is the file that a kit carries and that a model is used with. A file that anybody altered has
another digest; whoever made it, its shapes, its sizes and the bound of its sums are checked when it is read,
and nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from proofward.data.frozen.nodes import NODES, Node
from proofward.data.frozen.weights import LIMIT, VALUE_BITS, Weights
from proofward.data.frozen.windows import FloatArray, Shape, Windows
from proofward.encoding import MalformedMessage
from proofward.encoding.cbor import Item, decode_item, encode_item
from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.basics.errors import ConfigurationError

FORMAT = "proofward/frozen-network/v1"
MAX_BYTES = 1 << 28
MOST_NODES, MOST_VALUES, MOST_PRODUCTS, MOST_MET = 1 << 12, 1 << 26, 1 << 37, 1 << 31
"""Of nodes; for a picture, of values held at a time, of multiplications, of values that all nodes meet."""
_BLOCK = 1 << 23
"""So many values are held at a time where pictures are many."""


@dataclass(frozen=True, eq=False)
class FrozenNetwork:
    """shape: of a picture (channels, height, width). nodes: in order; the last one gives the features."""

    shape: Shape
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        sides = len(self.shape) == 3 and all(type(side) is int and side >= 1 for side in self.shape)
        if not sides or math.prod(self.shape) > MOST_VALUES:
            raise _wrong("a shape (channels, height, width)", self.shape)
        if not 1 <= len(self.nodes) <= MOST_NODES:
            raise _wrong(f"1 to {MOST_NODES} nodes", len(self.nodes))
        if unread := set(range(len(self.shapes) - 1)) - self._last.keys():
            raise _wrong("values that a later node takes", f"value {min(unread)}, which none does")
        if self.held > MOST_VALUES:
            raise _wrong(f"at most {MOST_VALUES} values at a time for a picture", self.held)
        if (met := sum(node.met(self._taken_by(node)) for node in self.nodes)) > MOST_MET:
            raise _wrong(f"at most {MOST_MET} values that its nodes meet for a picture", met)
        if self.products > MOST_PRODUCTS:
            raise _wrong(f"at most {MOST_PRODUCTS} multiplications for a picture", self.products)
        if not 1 <= self.outputs <= MAX_WIDTH:
            raise _wrong(f"1 to {MAX_WIDTH} features", self.outputs)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Of the picture and of what each node gives; raises ConfigurationError where nodes do not fit."""
        found = [self.shape]
        for number, node in enumerate(self.nodes, 1):
            own = node.sources
            if len(own) != node.takes or not all(type(at) is int and 0 <= at < number for at in own):
                raise _wrong("values from before each node", f"node {number} of {own}")
            found.append(node.gives([found[source] for source in own]))
        return tuple(found)

    def _taken_by(self, node: Node) -> list[Shape]:
        return [self.shapes[source] for source in node.sources]

    @cached_property
    def _last(self) -> dict[int, int]:
        """Of each value that a node takes the last node that does."""
        return {source: number for number, node in enumerate(self.nodes, 1) for source in node.sources}

    @cached_property
    def held(self) -> int:
        """Values for a picture that are held at a time: what a node meets, and what later ones take."""
        sizes = [math.prod(shape) for shape in self.shapes]
        kept = most = sizes[0]
        for number, node in enumerate(self.nodes, 1):
            taken = set(node.sources)
            beside = kept - sum(sizes[value] for value in taken)
            most = max(most, beside + node.met(self._taken_by(node)))
            kept += sizes[number] - sum(sizes[value] for value in taken if self._last[value] == number)
        return most

    @property
    def products(self) -> int:
        """Multiplications for a picture."""
        return sum(node.products(self._taken_by(node)) for node in self.nodes)

    @property
    def outputs(self) -> int:
        """Features of a picture."""
        return math.prod(self.shapes[-1])

    @cached_property
    def data(self) -> bytes:
        """The one encoding."""
        nodes = [{"kind": node.kind, "sources": node.sources, **node.plain()} for node in self.nodes]
        return encode_item([FORMAT, self.shape, nodes])

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the encoding."""
        return hashlib.sha256(self.data).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> FrozenNetwork:
        """The network of this encoding; raises ConfigurationError for any other bytes."""
        try:
            item = decode_item(data, MAX_BYTES)
        except MalformedMessage as error:
            raise _wrong("a file that ProofWard wrote", error) from error
        match item:
            case (version, tuple() as shape, tuple() as nodes) if version == FORMAT:
                made = cls(tuple(shape), tuple(_node(plain) for plain in nodes))
                if made.data != data:
                    raise _wrong("the canonical encoding", "another of the same network")
                return made
        raise _wrong(FORMAT, "another format")

    @property
    def at_a_time(self) -> int:
        """Pictures whose values fit into memory together, at least one."""
        return max(1, _BLOCK // self.held)

    def features(self, pictures: FloatArray) -> FloatArray:
        """Integers in float64 (n, outputs), of pictures (n, *shape) of such integers, |v| <= LIMIT."""
        last = self._last
        values: dict[int, FloatArray] = {0: pictures}
        for number, node in enumerate(self.nodes, 1):
            values[number] = node.forward([values[source] for source in node.sources])
            for source in set(node.sources):
                if last[source] == number:
                    del values[source]
        return values[len(self.nodes)].reshape(len(pictures), -1)


def _node(plain: Item) -> Node:
    if isinstance(plain, dict):
        kind, sources = plain.get("kind"), plain.get("sources")
        if isinstance(kind, str) and kind in NODES and isinstance(sources, tuple):
            return NODES[kind](sources, **_fields(NODES[kind], plain))
    raise _wrong(f"nodes of the kinds {', '.join(NODES)}", "another")


def _fields(kind: type[Node], plain: Mapping[str, Item]) -> dict[str, Any]:
    """The values of a node's own fields; raises ConfigurationError."""
    found: dict[str, Any] = {}
    for entry in fields(kind)[1:]:
        if entry.name == "weights":
            found[entry.name] = Weights.from_plain(plain)
        elif entry.name == "windows":
            sizes = [plain.get(name) for name in ("kernel", "stride", "padding")]
            if not all(isinstance(own, tuple) for own in sizes):
                raise _wrong("kernel, stride and padding", sorted(plain))
            found[entry.name] = Windows(*sizes)  # type: ignore[arg-type]  # checked above, and there
        else:
            found[entry.name] = plain.get(entry.name)
    return found


def _wrong(expected: str, actual: object) -> ConfigurationError:
    return ConfigurationError("frozen network", expected, actual)


def to_values(numbers: Sequence[float] | FloatArray) -> FloatArray:
    """Real numbers as a network's values: at scale 2^VALUE_BITS, halves to even, saturated."""
    scaled = np.rint(np.asarray(numbers, dtype=np.float64) * (1 << VALUE_BITS))
    return np.clip(scaled, -LIMIT, LIMIT)
