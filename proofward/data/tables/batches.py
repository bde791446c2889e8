"""A table in pieces: the names of its columns, and their cells, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proofward.data.tables.cells import Column, texts


@dataclass(frozen=True)
class Batches:
    """columns: of each batch in the order of the names, all of one length; they raise FileRefused."""

    names: list[str]
    columns: Iterable[list[Column]]

    def rows(self, decimal: str) -> Iterator[list[str]]:
        """The header and the rows as a CSV file would have them; `decimal` is the mark in its numbers."""
        yield list(self.names)
        for batch in self.columns:
            yield from map(list, zip(*(texts(column, decimal) for column in batch), strict=True))
