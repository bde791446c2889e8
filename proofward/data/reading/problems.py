"""What is wrong with a table, all of it at once: kinds with counts and places, never a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHOWN_ROWS, SHOWN_KINDS, SHOWN_NAMES = 3, 40, 5


class CsvRefused(ValueError):
    """A file that is not accepted.

    problems: where and what is wrong, a line each, never a value. kinds: column, what is wrong there and in
    how many rows, "" for the file as a whole, and 0 rows. clipped: as of a table, in rows that could be read.
    """

    def __init__(
        self,
        problems: Sequence[str],
        kinds: Sequence[tuple[str, str, int]] = (),
        clipped: Mapping[str, int] | None = None,
    ) -> None:
        self.problems, self.kinds, self.clipped = tuple(problems), tuple(kinds), dict(clipped or {})
        super().__init__("\n".join(self.problems))


class Places:
    """Rows that have something in common: how many, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, row: int) -> None:
        """Counts a row, by its number in the file."""
        self.count += 1
        if len(self.first) < SHOWN_ROWS:
            self.first.append(row)

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.first))
        if self.count == 1:
            return f"row {shown}"
        more = f" and {self.count - len(self.first)} more" if self.count > len(self.first) else ""
        return f"rows {shown}{more}"


class Problems:
    """Collects what is wrong. A kind is counted by column; column 0 stands for whole rows."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._kinds: dict[tuple[int, str], Places] = {}
        self._columns: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._words or self._kinds)

    def say(self, words: str) -> None:
        """Something about the file as a whole."""
        self._words.append(words)

    def row(self, row: int, what: str) -> None:
        """A row that is wrong as a whole."""
        self.cell(row, 0, "", what)

    def cell(self, row: int, column: int, name: str, what: str) -> None:
        """A cell that is wrong: its row and column, counted from 1, and the column's agreed name."""
        self._columns[column] = name
        self._kinds.setdefault((column, what), Places()).add(row)

    def kinds(self) -> list[tuple[str, str, int]]:
        """Column, what is wrong, and in how many rows; 0 for what is said of the file as a whole."""
        whole = [("", words, 0) for words in self._words]
        found = sorted(self._kinds.items())
        return [*whole, *((self._columns[at], what, places.count) for (at, what), places in found)]

    def lines(self) -> list[str]:
        """A line each, in the order of the columns; the first kinds if there are many."""
        lines = list(self._words)
        for (column, what), places in sorted(self._kinds.items()):
            where = described(column, self._columns[column]) + ": " if column else ""
            lines.append(f"{where}{what}: {places.count} ({places})")
        if len(lines) > SHOWN_KINDS:
            lines = [*lines[:SHOWN_KINDS], f"and {len(lines) - SHOWN_KINDS} more problems of these kinds"]
        return lines


def described(position: int, name: str) -> str:
    """A column: where it stands, and its agreed name."""
    return f"column {position}, {name}"


def listed(names: Sequence[str]) -> str:
    """Names, the first of them if there are many."""
    shown = ", ".join(names[:SHOWN_NAMES])
    return shown if len(names) <= SHOWN_NAMES else f"{shown} and {len(names) - SHOWN_NAMES} more"
