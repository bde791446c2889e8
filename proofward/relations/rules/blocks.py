"""The entries of an encrypted vector as blocks, padded to powers of two.

The parameters of a model have one for each layer's weights and one for its biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.layers.basics.layout import Layout
from proofward.layers.networks.network import Network

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Integer = TypeVar("Integer", np.int8, np.int64, np.uint64)


@dataclass(frozen=True)
class Entries:
    """Entries from `offset` of a flat vector on."""

    name: str
    offset: int
    layout: Layout

    @property
    def log_size(self) -> int:
        return self.layout.log_size

    @property
    def size(self) -> int:
        return self.layout.size

    def pad(self, flat: npt.NDArray[Integer]) -> npt.NDArray[Integer]:
        """The block of a flat vector of its integers' type, padded with zeros: flat over its axes."""
        return self.layout.pad(flat[self.offset : self.offset + self.size])

    def field_values(self, flat: Signed) -> Array:
        """`pad` as field elements."""
        return to_field(np.ascontiguousarray(self.pad(flat)))

    def unpad(self, table: Array) -> Array:
        """The entries of real parameters of an E-array over the padded block, in flat order."""
        return np.ascontiguousarray(self.layout.unpad(table))


@dataclass(frozen=True)
class Block(Entries):
    """A layer's weights, or its biases, among the flat parameters."""

    layer: int
    is_bias: bool


def blocks_of(model: Network) -> list[Block]:
    """All blocks, in flat order."""
    result = []
    for index, ((start, bias, _), layer) in enumerate(zip(model.offsets, model.layers, strict=True)):
        title = f"layer {index + 1}"
        result.append(Block(f"{title} weights", start, layer.weights, index, False))
        result.append(Block(f"{title} biases", bias, layer.biases, index, True))
    return result
