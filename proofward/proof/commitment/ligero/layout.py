"""Where columns lie in a tableau.

A column of 2^n values with n >= log_k fills 2^(n - log_k) consecutive rows. Smaller columns share rows, the
largest first. Each is aligned to its size, so a position inside a row is an index whose high bits are public.

After the columns of the witness tableau come rows over E, each stored as two rows over F: the masks of the
three tests, the pads, and the triples LEFT, RIGHT, PRODUCT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.proof.commitment.contract import Commitment, PadCounts
from proofward.proof.forms import LEFT, PAD, PRODUCT, RIGHT, pad_key, split_pad_key, split_pad_keys

# The first rows over E: masks of the combined row, of the linear test (two) and of the quadratic test (two).
MASK_ROW, MASK_LINEAR_LOW, MASK_LINEAR_HIGH, MASK_QUADRATIC_LOW, MASK_QUADRATIC_HIGH, FIRST_PAD_ROW = range(6)


@dataclass(frozen=True, slots=True)
class Placement:
    """First row and offset inside it."""

    row: int
    offset: int


class Layout:
    """Placements of the columns of one tableau."""

    def __init__(self, log_k: int, log_sizes: Sequence[int]) -> None:
        self.log_k = log_k
        self.log_sizes = tuple(log_sizes)
        placements: dict[int, Placement] = {}
        row = 0
        for index, size in enumerate(log_sizes):
            if size >= log_k:
                placements[index] = Placement(row, 0)
                row += 1 << (size - log_k)
        self.large_rows = row
        offset = 0
        small = [index for index, size in enumerate(log_sizes) if size < log_k]
        for index in sorted(small, key=lambda i: (-log_sizes[i], i)):
            if offset == 1 << log_k:
                row, offset = row + 1, 0
            placements[index] = Placement(row, offset)
            offset += 1 << log_sizes[index]
        self.rows = row + (offset > 0)
        self.placements = [placements[index] for index in range(len(log_sizes))]


@dataclass(frozen=True, slots=True)
class ExtensionRows:
    """The rows over E of a witness tableau with this many pads and product triples."""

    log_k: int
    pads: int
    products: int

    @property
    def pad_rows(self) -> int:
        return -(-self.pads >> self.log_k)

    @property
    def product_rows(self) -> int:
        return -(-self.products >> self.log_k)

    @property
    def count(self) -> int:
        return FIRST_PAD_ROW + self.pad_rows + 3 * self.product_rows

    def product_row(self, kind: int, index: int) -> int:
        """The row over E of the index-th LEFT, RIGHT or PRODUCT row."""
        return FIRST_PAD_ROW + self.pad_rows + (kind - LEFT) * self.product_rows + index

    def flat(self, key: int) -> int:
        """The index of a pad in the rows over E, one after another."""
        kind, index = split_pad_key(key)
        first = FIRST_PAD_ROW if kind == PAD else self.product_row(kind, 0)
        return (first << self.log_k) + index

    def flat_all(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """`flat` of many pads."""
        first = np.array(
            [self.flat(pad_key(kind, 0)) for kind in (PAD, LEFT, RIGHT, PRODUCT)], dtype=np.int64
        )
        kinds, indices = split_pad_keys(keys)
        return first[kinds] + indices

    def position(self, key: int) -> tuple[int, int]:
        """(row over E, position in it) of a pad."""
        index = self.flat(key)
        return index >> self.log_k, index & ((1 << self.log_k) - 1)


class OpenedRows:
    """The rows of all tableaux of a proof: of the columns, and over E behind those of the padded tableau."""

    def __init__(self, log_k: int, commitments: Sequence[Commitment], pads: PadCounts) -> None:
        self.layouts = [Layout(log_k, own.log_sizes) for own in commitments]
        self.extension = ExtensionRows(log_k, pads.pads, pads.products)
        self.padded = [own.padded for own in commitments].index(True)

    @property
    def first(self) -> int:
        """Where the rows over E begin in their tableau."""
        return self.layouts[self.padded].rows

    @property
    def counts(self) -> list[int]:
        """How many rows over F each tableau has."""
        counts = [layout.rows for layout in self.layouts]
        counts[self.padded] += 2 * self.extension.count
        return counts
