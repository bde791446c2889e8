"""Public tables that values are looked up in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.histogram import histogram
from proofward.field.multilinear import evaluate
from proofward.proof.forms import ZERO, Point

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """Entries (first[i], second[i]), or first[i] alone; `tag` tells the tables of one argument apart.

    `entries` makes the 2^log_size entries when they are first needed. Who measures a statement has no need of
    them, and neither has a verifier where the extensions are known in closed form: first components that are
    the integers from `low` on, or of which `first_form` says the extension at a point, and second ones of
    which `second_form` says it. Others are evaluated entry by entry.
    """

    name: str
    tag: int
    log_size: int
    entries: Callable[[], tuple[Signed, Signed | None]]
    low: int | None = None
    first_form: Callable[[Point], Ext] | None = None
    second_form: Callable[[Point], Ext] | None = None

    @staticmethod
    def of(name: str, tag: int, first: Signed, second: Signed | None = None) -> Table:
        """These entries, as many as a power of two."""
        return Table(name, tag, first.size.bit_length() - 1, lambda: (first, second))

    @staticmethod
    def interval(name: str, tag: int, low: int, log_size: int) -> Table:
        """The integers low .. low + 2^log_size - 1."""
        return Table(name, tag, log_size, lambda: (integers(low, log_size), None), low)

    @staticmethod
    def function(
        name: str,
        tag: int,
        low: int,
        log_size: int,
        values: Callable[[], Signed],
        form: Callable[[Point], Ext],
    ) -> Table:
        """The pairs (i, values[i - low]) of the integers from low on; `form` is the values' extension."""
        made = partial(_pairs, low, log_size, values)
        return Table(name, tag, log_size, made, low, second_form=form)

    @staticmethod
    def padded(name: str, tag: int, entries: list[int]) -> Table:
        """The entries, the last repeated up to a power of two."""
        size = 1 << (len(entries) - 1).bit_length()
        return Table.of(name, tag, np.array(entries + entries[-1:] * (size - len(entries)), dtype=np.int64))

    @cached_property
    def _entries(self) -> tuple[Signed, Signed | None]:
        return self.entries()

    @property
    def first(self) -> Signed:
        """The entries, or their first components."""
        return self._entries[0]

    @property
    def second(self) -> Signed | None:
        """The second components, where there are any."""
        return self._entries[1]

    def first_at(self, point: Point) -> Ext:
        """Multilinear extension of the first entries."""
        if self.first_form is not None:
            return self.first_form(point)
        if self.is_interval:
            return bits_at(point) + (int(self.first[0]) if self.low is None else self.low)
        return evaluate(to_field(self.first), point)

    def second_at(self, point: Point) -> Ext:
        """Multilinear extension of the second entries, 0 where there are none."""
        if self.second_form is not None:
            return self.second_form(point)
        if self.low is not None:
            return ZERO
        return ZERO if self.second is None else evaluate(to_field(self.second), point)

    def count(self, first: Signed, second: Signed | None) -> tuple[Signed, int]:
        """How often each entry is looked up, and the position of the first value that is no entry.

        The position is -1 if all values are entries.
        """
        counts = np.zeros(self.first.size, dtype=np.int64)
        bad = self.add_counts(first, second, counts)
        return (counts, -1) if bad < 0 else (np.zeros_like(counts), bad)

    def add_counts(self, first: Signed, second: Signed | None, counts: Signed) -> int:
        """Add to `counts`; returns the position of the first value that is no entry, or -1."""
        position = None if self.is_interval else self._positions
        paired = None if second is None else self.second
        checked = second if self.second is not None else None
        return histogram((first, checked), int(self.first.min()), position, paired, counts)

    @cached_property
    def is_interval(self) -> bool:
        """Whether the entries are consecutive integers in their order."""
        return self.low is not None or bool((np.diff(self.first) == 1).all())

    @cached_property
    def _positions(self) -> Signed:
        """The first entry of every integer from the least one on, -1 where there is none."""
        low = int(self.first.min())
        position = np.full(int(self.first.max()) - low + 1, -1, dtype=np.int64)
        position[(self.first - low)[::-1]] = np.arange(self.first.size, dtype=np.int64)[::-1]
        return position


def _pairs(low: int, log_size: int, values: Callable[[], Signed]) -> tuple[Signed, Signed]:
    return integers(low, log_size), values()


def integers(low: int, log_size: int) -> Signed:
    """low .. low + 2^log_size - 1."""
    return np.arange(low, low + (1 << log_size), dtype=np.int64)


def bits_at(point: Point) -> Ext:
    """The extension of the number whose bits the coordinates are, the highest first."""
    value = ZERO
    for coordinate in point:
        value = value * 2 + coordinate
    return value
