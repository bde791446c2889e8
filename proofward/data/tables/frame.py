"""A data frame of pandas, or a table of pyarrow, in the place of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proofward.data.tables.batches import Batches
from proofward.data.tables.parquet import of_frame


@dataclass(frozen=True)
class Frame:
    """What it holds is read as from a Parquet file."""

    frame: Any
    typed: bool = True

    @contextmanager
    def rows(self, usual: str = ",", decimal: str = ".") -> Iterator[Iterator[list[str]]]:
        """See TableFile."""
        yield of_frame(self.frame).rows(decimal)

    @contextmanager
    def batches(self) -> Iterator[Batches]:
        """See TableFile."""
        yield of_frame(self.frame)
