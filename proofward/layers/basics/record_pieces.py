"""The columns in which records are committed to: one, or pieces where channels are no power of two.

A picture's channels are padded to a power of two in what layers read, and three would take the room of four.
So they are cut at the bits of their number, C = 2^a + 2^b + .. with a > b > ..: the first 2^a channels are a
column, the next 2^b another. With X~ the extension of padded records and c the coordinates of a channel,
    X~(r, c, y, x) = sum over pieces of eq(c', bits of the piece) piece~(r, c'', y, x),   c = (c', c''),
c'' as many coordinates as the piece needs for its channels. Channels that there are not are in no piece, and
0. So a claim on records is one on a sum of columns with public factors, without a message or an error.

Records with a row beside the picture are one column: the row lies in the padding (`record`). So are records
of a table, and those of predictions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proofward.field.extension import Ext
from proofward.layers.basics.layout import log_padded
from proofward.layers.basics.record import RecordLayout, bits_of
from proofward.proof.forms import ONE, Point

Sides = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Piece:
    """A run of the places of a padded record, from `start` on: a power of two of them, at a multiple of it.

    sides: length and variables of its axes; block: see `RecordLayout`. name: of its column.
    """

    name: str
    start: int
    log_size: int
    sides: Sides
    block: tuple[int, int] = (0, 0)

    @property
    def places(self) -> slice:
        """Where it lies in a padded record."""
        return slice(self.start, self.start + (1 << self.log_size))

    def term(self, unit: Point) -> tuple[Ext, Point]:
        """Its factor in the extension of the whole at `unit`, and the point of its own."""
        above = len(unit) - self.log_size
        factor = ONE
        for bit, coordinate in zip(bits_of(self.start >> self.log_size, above), unit, strict=False):
            factor = factor * (coordinate if bit == ONE else ONE - coordinate)
        return factor, unit[above:]


def pieces_of(record: RecordLayout) -> tuple[Piece, ...]:
    """The columns of records of this layout."""
    axes = record.first.axes
    if record.row or len(axes) != 3 or not axes[0] & (axes[0] - 1):
        return (Piece("features", 0, record.log_size, record.sides, record.block),)
    return tuple(_channels(record))


def committed_size(record: RecordLayout) -> int:
    """Places that a record has in all its columns."""
    return sum(1 << piece.log_size for piece in pieces_of(record))


def _channels(record: RecordLayout) -> Iterator[Piece]:
    channels, *rest = record.first.axes
    sides = tuple((axis, log_padded(axis)) for axis in rest)
    plane, first = sum(bits for _, bits in sides), 0
    for bits in range(channels.bit_length() - 1, -1, -1):
        if channels >> bits & 1:
            name = f"features from channel {first + 1} on"
            yield Piece(name, first << plane, bits + plane, ((1 << bits, bits), *sides))
            first += 1 << bits
