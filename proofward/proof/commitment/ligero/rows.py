"""The data of a tableau: columns laid into rows of k values, and rows of pads behind them.

Columns of k values and more fill rows of their own and stay in the arrays that they are kept in (`narrow`).
Some rows at a time are laid out as elements of F where they are transformed, so a large tableau never lies
beside its columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from proofward.field.memory import large_empty
from proofward.field.narrow import Narrow, widen_into, widened
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.layout import Layout


class PlacedRows:
    """An F-matrix of `count` rows of k values, as the columns that it is made of."""

    def __init__(self, layout: Layout, values: Sequence[Narrow], more: int = 0) -> None:
        """`more` rows of zeros are behind those of the layout; `behind` are they, to be filled."""
        self.k = 1 << layout.log_k
        self.count = layout.rows + more
        self._rest = np.zeros((self.count - layout.large_rows, self.k), dtype=np.uint64)
        self.behind = self._rest[layout.rows - layout.large_rows :]
        self._starts: list[int] = []
        self._large: list[Narrow] = []
        for size, where, column in zip(layout.log_sizes, layout.placements, values, strict=True):
            if column.shape != (1 << size,):
                raise ValueError(f"column of shape {column.shape}, declared length {1 << size}")
            if size >= layout.log_k:
                self._starts.append(where.row)
                self._large.append(column.reshape(-1, self.k))
            else:
                inside = slice(where.offset, where.offset + column.size)
                self._rest[where.row - layout.large_rows, inside] = widened(column)
        self._starts.append(layout.large_rows)
        self._large.append(self._rest)

    def __len__(self) -> int:
        return self.count

    def part(self, start: int, stop: int) -> Array:
        """Rows start .. stop as elements of F, in an array of their own."""
        out = large_empty(stop - start, self.k)
        index = bisect_right(self._starts, start) - 1
        done = start
        while done < stop:
            first, own = self._starts[index], self._large[index]
            last = min(stop, first + len(own))
            widen_into(own[done - first : last - first], out[done - start : last - start])
            done, index = last, index + 1
        return out


class MatrixRows:
    """Rows that are a matrix already."""

    def __init__(self, data: Array) -> None:
        self.count, self.k = len(data), data.shape[1]
        self._data = data

    def __len__(self) -> int:
        return self.count

    def part(self, start: int, stop: int) -> Array:
        """Rows start .. stop as elements of F."""
        return self._data[start:stop]


Rows = PlacedRows | MatrixRows
