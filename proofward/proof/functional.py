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

from proofward.field.extension import Ext, ext_add, ext_dot, ext_scale, zeros
from proofward.field.multilinear import eq_table, evaluate
from proofward.proof.forms import ZERO, Column, Form, Point
from proofward.proof.layout import ExtensionRows, Layout

Array = npt.NDArray[np.uint64]


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
        self._pads: dict[int, Ext] = {}
        power = gamma
        for form in constraints:
            self.constant = self.constant + power * form.constant
            for key, coefficient in form.pads.items():
                self._pads[key] = self._pads.get(key, ZERO) + power * coefficient
            for coefficient, column, at in form.witness:
                self._add(power * coefficient, column, at)
            power = power * gamma

    def _add(self, coefficient: Ext, column: Column, at: Point | Array) -> None:
        layout = self._layouts[column.tableau]
        place = layout.placements[column.index]
        if column.log_size < layout.log_k:
            self._blocks.append(_Block(coefficient, column.tableau, place.row, place.offset, at))
        elif isinstance(at, tuple):
            split = column.log_size - layout.log_k
            high, low = at[:split], at[split:]
            group = self._large.setdefault(low, _Large(low, {}))
            rows = group.rows.setdefault(column.tableau, zeros(layout.rows))
            span = slice(place.row, place.row + (1 << split))
            rows[:, span] = ext_add(rows[:, span].copy(), ext_scale(eq_table(high), coefficient))
        else:
            for i in range(1 << (column.log_size - layout.log_k)):
                part = np.ascontiguousarray(at[:, i * self.k : (i + 1) * self.k])
                self._blocks.append(_Block(coefficient, column.tableau, place.row + i, 0, part))

    def large_terms(self) -> list[tuple[Point, dict[int, Array]]]:
        """(low point, row weights by tableau): in-row weights eq(low point)."""
        return [(group.low, group.rows) for group in self._large.values()]

    def dense_rows(self) -> dict[tuple[int, int], Array]:
        """In-row weights, an E-array of length k, of every (tableau, row) that has dense terms."""
        rows: dict[tuple[int, int], Array] = {}
        for block in self._blocks:
            row = rows.setdefault((block.tableau, block.row), zeros(self.k))
            values = eq_table(block.values) if isinstance(block.values, tuple) else block.values
            span = slice(block.offset, block.offset + values.shape[1])
            row[:, span] = ext_add(row[:, span].copy(), ext_scale(values, block.coefficient))
        return rows

    @cached_property
    def dense_extension_rows(self) -> dict[int, Array]:
        """In-row weights of every row over E that has pads."""
        rows: dict[int, Array] = {}
        for key, coefficient in self._pads.items():
            index, position = self._extension_rows.position(key)
            row = rows.setdefault(index, zeros(self.k))
            row[0, position] = coefficient.c0
            row[1, position] = coefficient.c1
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
                weights[tableau] = ext_add(weights[tableau], ext_scale(rows, inside))
        for block in self._blocks:
            size = 1 << len(block.values) if isinstance(block.values, tuple) else block.values.shape[1]
            part = np.ascontiguousarray(lagrange[:, block.offset : block.offset + size])
            inside = (
                evaluate(part, block.values)
                if isinstance(block.values, tuple)
                else ext_dot(block.values, part)
            )
            added = block.coefficient * inside
            row = weights[block.tableau]
            old = Ext(int(row[0, block.row]), int(row[1, block.row])) + added
            row[0, block.row], row[1, block.row] = old.c0, old.c1
        extension = [ZERO] * self._extension_rows.count
        for index, dense in self.dense_extension_rows.items():
            extension[index] = ext_dot(dense, lagrange)
        return weights, extension
