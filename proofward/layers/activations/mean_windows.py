"""Windows side by side that a picture is cut into, and the sums of a table over them.

    S(c, y, x) = sum over the taps of the window (y, x) of A(c, h, w)

Where heights and widths of windows are powers of two, or there is one window, a tap is the last digits of h
and w, and what a padded window has beyond a real one is 0 in A:
    S~(c, y, x) = 2^e A~(c, (y, 1/2, ..), (x, 1/2, ..)),     e the digits of a tap,
so that a claim on S~ is one on A~ at one point. In other windows, of k values a side, it is
    S~(c, y, x) = sum over h, w of A~(c, h, w) eq(y, floor(h / k)) eq(x, floor(w / k)),
over the real h and w. A value for each window at all its taps, D(c, h, w) = G(c, floor(h / k), floor(w / k))
there and 0 in padding, has
    D~(c, h, w) = G~(c, y, x), y and x the leading digits,      where taps are digits
    D~(c, h, w) = sum over y, x of G~(c, y, x) V(y) V'(x),      V(y) = sum over the h of y of eq(h, .), else.

What is proved: claims on S~ and D~, of windows whose taps are no digits. Message order: of S~ a claim that is
made already, of D~
    prover: D~ at the point
then `public_weights` for the sum, which ends in a claim on A~, or in a form in the columns that G is made of.
Soundness and how it hides: see there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import ext_dot, zeros
from proofward.field.multilinear import eq_table
from proofward.layers.arithmetic.rounding import Quotient
from proofward.layers.basics.layout import Layout, log_padded, padded
from proofward.layers.columns.claims import DerivedTable
from proofward.layers.columns.public_weights import known_entry, outer, said_entry
from proofward.layers.columns.stack import Input, sum_last
from proofward.proof.forms import ONE, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Windows:
    """Windows of tall x wide values of pictures (channels, height, width), which they fill."""

    takes: Layout
    tall: int
    wide: int

    @property
    def gives(self) -> Layout:
        """A value for every window."""
        channels, height, width = self.takes.axes
        return Layout((channels, height // self.tall, width // self.wide))

    @property
    def taps(self) -> int:
        return self.tall * self.wide

    @property
    def are_digits(self) -> bool:
        """Whether a tap is the last digits of a padded picture's places."""
        pairs = zip((self.tall, self.wide), self.takes.axes[1:], strict=True)
        return all(side == whole or not side & (side - 1) for side, whole in pairs)

    def apart(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(n, windows, taps) of values (n, size)."""
        (channels, rows, columns), sides = self.gives.axes, (self.tall, self.wide)
        whole = values.reshape(len(values), channels, rows, sides[0], columns, sides[1])
        return whole.transpose(0, 1, 2, 4, 3, 5).reshape(len(values), -1, self.taps)

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Each window's value at all its taps: (n, windows) to (n, size)."""
        pictures = values.reshape(-1, *self.gives.axes)
        whole = pictures.repeat(self.tall, axis=2).repeat(self.wide, axis=3)
        return whole.reshape(len(pictures), -1)

    def sums_of(self, table: DerivedTable) -> Input:
        """The sums of a table over windows."""
        return WindowSums(table, self) if self.are_digits else UnevenSums(table, self)

    def over_sums(self, party: Party, gradient: LinearCombination) -> Quotient:
        """A column over windows as one over what they are sums of."""
        return OverSums(gradient, self) if self.are_digits else UnevenOver(party, gradient, self)

    # -- places in padded pictures
    # ----------------------------------------------------------------------------------------------------

    @property
    def down(self) -> int:
        """Digits of a tap's row."""
        return log_padded(self.tall)

    @property
    def across(self) -> int:
        return log_padded(self.wide)

    def rows_and_columns(self, point: Point, layout: Layout) -> tuple[Point, Point, Point]:
        """The parts of a point of (.., height, width) of a layout."""
        _, tall, wide = layout.log_axes
        cut = len(point) - tall - wide
        return point[:cut], point[cut : cut + tall], point[cut + tall :]

    def of_sum(self, point: Point) -> Point:
        """The window's coordinates of a point of (.., height, width)."""
        before, rows, columns = self.rows_and_columns(point, self.takes)
        return (*before, *rows[: len(rows) - self.down], *columns[: len(columns) - self.across])

    def at_half(self, point: Point) -> Point:
        """The point of (.., height, width) with 1/2 in every coordinate of the tap."""
        half = (ONE * 2).inverse()
        before, rows, columns = self.rows_and_columns(point, self.gives)
        return (*before, *rows, *(half,) * self.down, *columns, *(half,) * self.across)

    def padded_sums(self, values: Array) -> Array:
        """The sums of an F-matrix (n, padded size), padded."""
        return self.gives.pad(sum_last(np.ascontiguousarray(self.apart(self.takes.unpad(values)))))

    def padded_spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Each window's value at all its taps, and 0 in padding: (n, padded windows) to (n, padded size)."""
        return self.takes.pad(self.spread(self.gives.unpad(values)))


@dataclass(frozen=True, slots=True)
class WindowSums:
    """The sums of a table over windows whose taps are digits, as an Input."""

    values: DerivedTable
    windows: Windows

    def matrix(self, party: Party) -> Array:
        return self.windows.padded_sums(self.values.matrix(party))

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        share = (ONE * (1 << (self.windows.down + self.windows.across))).inverse()
        self.values.assert_at(party, samples, self.windows.at_half(unit), claim * share)


@dataclass(frozen=True, slots=True)
class OverSums:
    """A column over such windows as one over their sums: the same value at every tap."""

    gradient: LinearCombination
    windows: Windows

    @property
    def log_size(self) -> int:
        return self.gradient.log_size + self.windows.down + self.windows.across

    def at(self, point: Point) -> Form:
        return self.gradient.at(self.windows.of_sum(point))

    def values(self, of: Callable[[Column], Array]) -> Array:
        windows = self.windows
        whole = self.gradient.values(of).reshape(-1, *windows.gives.padded_axes)
        spread = whole.repeat(1 << windows.down, axis=2).repeat(1 << windows.across, axis=3)
        return np.ascontiguousarray(spread).reshape(-1)


@dataclass(frozen=True, slots=True)
class UnevenSums:
    """The sums of a table over any windows, as an Input."""

    values: DerivedTable
    windows: Windows

    def matrix(self, party: Party) -> Array:
        return self.windows.padded_sums(self.values.matrix(party))

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        own = self.windows
        channel, rows, columns = own.rows_and_columns(unit, own.gives)
        sides = zip((rows, columns), own.takes.axes[1:], (own.tall, own.wide), strict=True)
        weights = [_at_windows(*side) for side in sides]

        def plane() -> Array:
            at = eq_table((*samples, *channel))
            return combine_rows(at, self.values.flat(party).reshape(at.shape[1], -1))

        place, entry = said_entry(party, claim, weights, plane)
        self.values.assert_at(party, samples, (*channel, *place), entry)


@dataclass(frozen=True, slots=True)
class UnevenOver:
    """A column over any windows as one over their sums."""

    party: Party
    gradient: LinearCombination
    windows: Windows

    @property
    def log_size(self) -> int:
        return self.gradient.log_size - self.windows.gives.log_size + self.windows.takes.log_size

    def at(self, point: Point) -> Form:
        """What the prover says, and proves at once."""
        party, own = self.party, self.windows
        before, rows, columns = own.rows_and_columns(point, own.takes)
        sides = zip((rows, columns), own.gives.axes[1:], (own.tall, own.wide), strict=True)
        weights = [_of_windows(*side) for side in sides]

        def plane() -> Array:
            at = eq_table(before)
            return combine_rows(at, self.gradient.values(party.values).reshape(at.shape[1], -1))

        claim = party.send(ext_dot(plane(), outer(weights)) if party.knows_witness else None)
        known_entry(party, claim, weights, plane, lambda window: self.gradient.at((*before, *window)))
        return claim

    def values(self, of: Callable[[Column], Array]) -> Array:
        rows = self.gradient.values(of).reshape(-1, self.windows.gives.padded_size)
        return np.ascontiguousarray(self.windows.padded_spread(rows)).reshape(-1)


def _at_windows(window: Point, size: int, side: int) -> Array:
    """eq(window, floor(h / side)) of the real h, and 0 of the others: an E-array."""
    result = zeros(padded(size))
    result[:, :size] = eq_table(window)[:, np.arange(size) // side]
    return result


def _of_windows(place: Point, count: int, side: int) -> Array:
    """By window the sum over its h of eq(place, h), an E-array; 0 of windows that there are not."""
    result = zeros(padded(count))
    real = eq_table(place)[:, : count * side].reshape(len(result), count, side)
    result[:, :count] = sum_last(np.ascontiguousarray(real))
    return result
