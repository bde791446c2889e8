"""A record's layout in its column: what the first layer reads, and beside it, where there is one, a row.

    first   the picture, or the row of features, that the chain of layers begins with, place 0
    row     the table's row that joins the sums of a later layer through a layer of its own, place ROW

The row is a block of the column: padded to a power of two p, it begins at the least multiple of p behind the
last value of the first part, and the whole is as long as the next power of two. So a row costs nothing where
the padding of a picture's axes has room for it, makes four planes of three channels (`record_pieces`), and
doubles the column where not. With X~ the extension of the whole and b the bits of start / p,
    row~(r)   = X~(b, r)
    first~(u) = X~(u) - eq(u', b) X~(b, u''),   u = (u', u''), u'' the last log p coordinates,
or X~(0, u) where the row is beyond the first part. So a claim on a part is one on the column, with nothing to
be proved in addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.field.extension import Ext
from proofward.layers.basics.layout import Layout, log_padded
from proofward.proof.forms import ONE, ZERO, Point

T = TypeVar("T", bound=np.generic)

FIRST = 0  #: place of what the first layer reads
ROW = 1 << 16  #: place of the row; that of no layer's values, and beyond any list of them
ROW_WORD = "row"


def source_word(place: int) -> int | str:
    """How the plain form of a shortcut names its source: the number of a layer's values, or "row"."""
    return ROW_WORD if place == ROW else place


@dataclass(frozen=True)
class RecordLayout:
    """first: what the first layer reads. row: the length of the row beside it, 0 where there is none."""

    first: Layout
    row: int = 0

    @property
    def size(self) -> int:
        """Values of a record: those of the first part, then the row."""
        return self.first.size + self.row

    @property
    def log_row(self) -> int:
        return log_padded(self.row) if self.row else 0

    @cached_property
    def start(self) -> int:
        """Where the row begins, a multiple of its padded length."""
        last = 0
        for axis, bits in zip(self.first.axes, self.first.log_axes, strict=True):
            last = (last << bits) + axis - 1
        return ((last >> self.log_row) + 1) << self.log_row

    @property
    def log_size(self) -> int:
        if not self.row:
            return self.first.log_size
        return max(self.first.log_size, log_padded(self.start + (1 << self.log_row)))

    @property
    def padded_size(self) -> int:
        return 1 << self.log_size

    @property
    def log_beyond(self) -> int:
        """Variables before those of the first part, which are 0 there."""
        return self.log_size - self.first.log_size

    @property
    def sides(self) -> tuple[tuple[int, int], ...]:
        """Length and variables of every axis of the first part in the column."""
        beyond = ((1, self.log_beyond),) if self.log_beyond else ()
        return (*beyond, *zip(self.first.axes, self.first.log_axes, strict=True))

    @property
    def block(self) -> tuple[int, int]:
        """The row's first place in the column, and the one behind its last."""
        return (self.start, self.start + self.row) if self.row else (0, 0)

    @property
    def layouts(self) -> Mapping[int, Layout]:
        """Of every part, by its place."""
        return {FIRST: self.first, **({ROW: Layout((self.row,))} if self.row else {})}

    @property
    def words(self) -> str:
        """Such as 1x128x128, with a row 1x128x128,5."""
        return f"{self.first.words},{self.row}" if self.row else self.first.words

    def pad(self, values: NDArray[T]) -> NDArray[T]:
        """(..., size) to (..., padded size)."""
        if not self.row:
            return self.first.pad(values)
        full = np.zeros((*values.shape[:-1], self.padded_size), dtype=values.dtype)
        full[..., : self.first.padded_size] = self.first.pad(values[..., : self.first.size])
        full[..., slice(*self.block)] = values[..., self.first.size :]
        return full

    def whole_parts(self, values: NDArray[T]) -> dict[int, NDArray[T]]:
        """By place, each part (..., its size) of records (..., size)."""
        if not self.row:
            return {FIRST: values}
        return {FIRST: values[..., : self.first.size], ROW: values[..., self.first.size :]}

    def parts(self, values: NDArray[T]) -> dict[int, NDArray[T]]:
        """By place, each part (..., padded) of records (..., size)."""
        return {place: self.layouts[place].pad(part) for place, part in self.whole_parts(values).items()}

    def part(self, whole: NDArray[T], place: int) -> NDArray[T]:
        """A part (..., padded) of padded records (..., padded size)."""
        block = slice(self.start, self.start + (1 << self.log_row))
        if place == ROW:
            return whole[..., block]
        if not self.row:
            return whole
        own = whole[..., : self.first.padded_size].copy()
        own[..., block] = whole.dtype.type(0)
        return own

    def terms(self, place: int, unit: Point) -> list[tuple[Ext, Point]]:
        """The extension of a part at `unit`: a sum of factors times that of the whole at points."""
        if not self.row:
            return [(ONE, unit)]
        block = bits_of(self.start >> self.log_row, self.log_size - self.log_row)
        if place == ROW:
            return [(ONE, (*block, *unit))]
        own: list[tuple[Ext, Point]] = [(ONE, ((ZERO,) * self.log_beyond + tuple(unit)))]
        if not self.log_beyond:
            factor = ZERO - ONE
            for bit, coordinate in zip(block, unit, strict=False):
                factor = factor * (coordinate if bit == ONE else ONE - coordinate)
            own.append((factor, (*block, *unit[len(block) :])))
        return own


def bits_of(number: int, count: int) -> Point:
    """The bits of a number, the most significant first, as a point."""
    return tuple(ONE if number >> at & 1 else ZERO for at in range(count - 1, -1, -1))
