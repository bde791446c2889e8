"""The parameters of a model as blocks: one for each layer's weights and one for its biases.

Blocks are padded to powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.layers.model import Mlp, padded

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Integer = TypeVar("Integer", np.int8, np.int64, np.uint64)


@dataclass(frozen=True, slots=True)
class Block:
    """`shape` (outputs, inputs) at `offset` of the flat parameters.

    A block of biases has inputs 1 and no input bits.
    """

    layer: int
    is_bias: bool
    offset: int
    shape: tuple[int, int]

    @property
    def name(self) -> str:
        return f"layer {self.layer + 1} {'biases' if self.is_bias else 'weights'}"

    @property
    def padded_shape(self) -> tuple[int, int]:
        return padded(self.shape[0]), 1 if self.is_bias else padded(self.shape[1])

    @property
    def log_size(self) -> int:
        rows, columns = self.padded_shape
        return (rows * columns).bit_length() - 1

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    def pad(self, flat: npt.NDArray[Integer]) -> npt.NDArray[Integer]:
        """The block of a flat vector of its integers' type, padded with zeros: flat over (output, input)."""
        full = np.zeros(self.padded_shape, dtype=flat.dtype)
        full[: self.shape[0], : self.shape[1]] = flat[self.offset : self.offset + self.size].reshape(
            self.shape
        )
        return full.reshape(-1)

    def field_values(self, flat: Signed) -> Array:
        """`pad` as field elements."""
        return to_field(self.pad(flat))

    def unpad(self, table: Array) -> Array:
        """The entries of real parameters of an E-array over the padded block, in flat order."""
        rows, columns = self.padded_shape
        part = table.reshape(2, rows, columns)[:, : self.shape[0], : self.shape[1]]
        return np.ascontiguousarray(part).reshape(2, self.size)


def blocks_of(model: Mlp) -> list[Block]:
    """All blocks, in flat order."""
    result = []
    for layer, ((start, bias, _), (outputs, inputs)) in enumerate(
        zip(model.offsets, model.shapes, strict=True)
    ):
        result.append(Block(layer, False, start, (outputs, inputs)))
        result.append(Block(layer, True, bias, (outputs, 1)))
    return result
