"""The linear constraints of a proof as one functional on the tableaux' rows.

After a challenge gamma the constraints form_c = 0, c = 1 .. C, become one:
    sum_c gamma^c form_c = 0          (if one is false, this holds with probability <= C / |E|)
Its linear part is a sum over rows i and positions h in H:
    sum_i sum_h L_i(h) w_i(h)

A term of a large column has L_i = u_i v, with u = eq(high part of the point) over the rows and v = eq(low
part) inside a row. All terms with one low part share v. Every other term is a dense L_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add_scaled, ext_dot, zeros
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.proof.algebra import element
from proofward.proof.commitment.ligero.layout import ExtensionRows, Layout
from proofward.proof.forms import ZERO, Column, Form, Point

Array = npt.NDArray[np.uint64]

_NOTHING = (0, 0)


@dataclass(slots=True)
class _Large:
    """Terms of one low point: row weights, an E-array per tableau."""

    low: Point
    rows: dict[int, Array]


@dataclass(slots=True)
class _Block:
    """A term inside a single row: coefficient times eq(point) at an aligned block, or a dense block."""

    coefficient: Ext
    tableau: int
    row: int
    offset: int
    values: Point | Array


class Functional:
    """sum of gamma^c form_c, sorted by where its terms lie."""

    def __init__(
        self,
        constraints: Sequence[Form],
        gamma: Ext,
        layouts: Sequence[Layout],
        extension_rows: ExtensionRows,
    ) -> None:
        self._layouts = layouts
        self._extension_rows = extension_rows
        self.k = 1 << extension_rows.log_k
        self.constant = ZERO
        self._large: dict[Point, _Large] = {}
        self._blocks: list[_Block] = []
        self._pads: dict[int, tuple[int, int]] = {}
        power = gamma
        for form in constraints:
            self.constant = self.constant + power * form.constant
            self._add_pads(power, form.pads)
            for coefficient, column, at in form.witness:
                self._add(power * coefficient, column, at)
            power = power * gamma

    def _add_pads(self, power: Ext, pads: dict[int, Ext]) -> None:
        """Add power * coefficient for every pad; a proof has thousands, hence on plain integers."""
        p0, p1, sums = power.c0, power.c1, self._pads
        for key, coefficient in pads.items():
            c0, c1 = coefficient.c0, coefficient.c1
            old = sums.get(key, _NOTHING)
            sums[key] = (old[0] + p0 * c0 + 7 * p1 * c1) % P, (old[1] + p0 * c1 + p1 * c0) % P

    def _add(self, coefficient: Ext, column: Column, at: Point | Array) -> None:
        layout = self._layouts[column.commitment]
        place = layout.placements[column.index]
        if column.log_size < layout.log_k:
            self._blocks.append(_Block(coefficient, column.commitment, place.row, place.offset, at))
        elif isinstance(at, tuple):
            split = column.log_size - layout.log_k
            high, low = at[:split], at[split:]
            group = self._large.setdefault(low, _Large(low, {}))
            rows = group.rows.setdefault(column.commitment, zeros(layout.rows))
            span = slice(place.row, place.row + (1 << split))
            rows[:, span] = ext_add_scaled(rows[:, span], eq_table(high), coefficient)
        else:
            for i in range(1 << (column.log_size - layout.log_k)):
                part = np.ascontiguousarray(at[:, i * self.k : (i + 1) * self.k])
                self._blocks.append(_Block(coefficient, column.commitment, place.row + i, 0, part))

    def large_terms(self) -> list[tuple[Point, dict[int, Array]]]:
        """(low point, row weights by tableau): in-row weights eq(low point)."""
        return [(group.low, group.rows) for group in self._large.values()]

    def dense_rows(self) -> dict[tuple[int, int], Array]:
        """In-row weights, an E-array of length k, of every (tableau, row) that has dense terms."""
        return self._dense_rows

    @cached_property
    def _dense_rows(self) -> dict[tuple[int, int], Array]:
        rows: dict[tuple[int, int], Array] = {}
        tables: dict[Point, Array] = {}  # many small columns are claimed at one point
        for block in self._blocks:
            key = (block.tableau, block.row)
            row = rows[key] if key in rows else rows.setdefault(key, zeros(self.k))
            at = block.values
            if isinstance(at, tuple):
                values = tables[at] if at in tables else tables.setdefault(at, eq_table(at))
            else:
                values = at
            span = slice(block.offset, block.offset + values.shape[1])
            row[:, span] = ext_add_scaled(row[:, span], values, block.coefficient)
        return rows

    @cached_property
    def dense_extension_rows(self) -> dict[int, Array]:
        """In-row weights of every row over E that has pads."""
        if not self._pads:
            return {}
        flat = self._extension_rows.flat_all(np.array(list(self._pads), dtype=np.int64))
        weights = np.array(list(self._pads.values()), dtype=np.uint64).T
        indices, positions = flat // self.k, flat % self.k
        rows: dict[int, Array] = {}
        for index in np.unique(indices).tolist():
            inside = indices == index
            rows[index] = zeros(self.k)
            rows[index][:, positions[inside]] = weights[:, inside]
        return rows

    def at(self, lagrange: Array) -> tuple[list[Array], list[Ext]]:
        """Weights of all rows at a point z, given the Lagrange basis of H at z.

        sum_i weight_i W_i(z) is the functional's polynomial at z. Returns an E-array over the rows of each
        tableau, and a list over the rows over E.
        """
        weights = [zeros(layout.rows) for layout in self._layouts]
        for group in self._large.values():
            inside = evaluate(lagrange, group.low)
            for tableau, rows in group.rows.items():
                weights[tableau] = ext_add_scaled(weights[tableau], rows, inside)
        for (tableau, index), dense in self.dense_rows().items():
            value = ext_dot(dense, lagrange) + element(weights[tableau], index)
            weights[tableau][:, index] = (value.c0, value.c1)
        extension = [ZERO] * self._extension_rows.count
        for index, dense in self.dense_extension_rows.items():
            extension[index] = ext_dot(dense, lagrange)
        return weights, extension
