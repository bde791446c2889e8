"""Whatever gives a table's rows: a file, a data frame, columns that a program holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class Rows(Protocol):
    """The header and the rows, cell by cell as texts."""

    @property
    def typed(self) -> bool:
        """Whether cells have types, so that a text is no number."""
        ...

    def rows(self, usual: str = ",", decimal: str = ".") -> AbstractContextManager[Iterator[list[str]]]:
        """usual: the delimiter of a CSV file that says none. decimal: the mark in texts of numbers."""
        ...
