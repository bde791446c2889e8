"""What lies outside the records of a column, and outside their axes, is 0.

What is proved: with marked(x) = 1 for such an entry x, else 0,
    sum over x of eq(r, x) marked(x) X(x) = 0 at a random r.
What a verifier needs of `marked` at the sumcheck's end is a product of sums over the first rows and the first
places of every axis, a few multiplications for each variable: a claimed number of rows costs it nothing. A
row beside what the first layer reads (`layers.basics.record`) is a run of places of every record: a
difference of two such sums more.

Messages: verifier: r        a sumcheck of the sum, which ends in a value of X
Soundness error: log(size) for r and 2 log(size) for the sumcheck, over |E|. How it hides: every message is
padded by the party. Source: zero tests by multilinear extensions, as in Spartan (Setty 2019/550).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, lift
from proofward.field.multilinear import eq_table
from proofward.layers.columns.stack import plain_weights
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.party import Party, Tables

Sides = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What may differ from 0: of the first `rows` of 2^log_rows rows the first places of every axis.

    axes: length and variables of each. block: of the places of a row, those from the first number on and
    below the second are kept too; they are none of the axes'.
    """

    rows: int
    log_rows: int
    axes: Sides
    block: tuple[int, int] = (0, 0)

    @property
    def inside(self) -> npt.NDArray[np.uint64]:
        """1 for what may differ from 0, else 0; a prover's."""
        places = np.ones(1, dtype=np.uint64)
        for count, bits in self.axes:
            places = np.outer(places, np.arange(1 << bits) < count).astype(np.uint64).reshape(-1)
        places[slice(*self.block)] = 1
        return np.outer(np.arange(1 << self.log_rows) < self.rows, places).astype(np.uint64).reshape(-1)

    def weight_outside(self, left: Point, right: Point) -> Ext:
        """sum of eq(left, x) eq(right, x) over the entries x that have to be 0."""
        start = self.log_rows
        rows = prefix_weight(left[:start], right[:start], self.rows)
        everything = prefix_weight(left, right, 1 << len(left))
        own_left, own_right, places = left[start:], right[start:], ONE
        for count, bits in self.axes:
            stop = start + bits
            places = places * prefix_weight(left[start:stop], right[start:stop], count)
            start = stop
        if self.block != (0, 0):
            first, last = (prefix_weight(own_left, own_right, own) for own in self.block)
            places = places + last - first
        return everything - rows * places


def assert_zero_outside(party: Party, column: Column, kept: Kept) -> None:
    """The column is 0 wherever it is not kept."""
    corner = party.challenges(column.log_size)
    party.soundness.add("zeros of the padding", "Schwartz-Zippel", column.log_size)

    def tables() -> Tables:
        return Tables([(eq_table(corner) * (np.uint64(1) - kept.inside), lift(party.values(column)))])

    reduced = party.sumcheck(Form.of(0), plain_weights(column.log_size), tables)
    public = party.public(lambda: kept.weight_outside(corner, reduced.point))
    party.assert_zero(reduced.claim - column.at(reduced.point) * public)


def prefix_weight(left: Point, right: Point, count: int) -> Ext:
    """sum of eq(left, x) eq(right, x) over the first `count` of the 2^bits entries x of an axis.

    The entries below `count` are, for every bit 1 of it, those that agree with it before and have a 0 there.
    """
    bits = len(left)
    pairs = [(r * s, (ONE - r) * (ONE - s)) for r, s in zip(left, right, strict=True)]
    below = [ONE]  # below[k]: the sum over all settings of the last k variables
    for one, zero in reversed(pairs):
        below.append(below[-1] * (one + zero))
    if count == 1 << bits:
        return below[bits]
    total, agreeing = ZERO, ONE
    for position, (one, zero) in enumerate(pairs):
        if count >> (bits - 1 - position) & 1:
            total = total + agreeing * zero * below[bits - 1 - position]
            agreeing = agreeing * one
        else:
            agreeing = agreeing * zero
    return total
