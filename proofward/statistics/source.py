"""What a hospital answers in the rounds of statistics, from the values of its table that it keeps."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from proofward.federation.history.sums.counted import CountedSum
from proofward.federation.parties.equipment.counting import (
    CountingTask,
    CountSource,
    CountsUnavailable,
    no_counts,
)
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.reading import NotReadable, read_regular
from proofward.relations.rules.counting import Counting
from proofward.statistics.counts import ColumnValues, Signed, TableValues, counts_of, ranges_of
from proofward.statistics.layout import LABEL, MOST_ROWS, Layout, layout_in

VALUES = "values.npz"
"""In a hospital's folder: the values of its table, as they are counted."""
MOST_BYTES = 1 << 34
UNREADABLE = (
    NotReadable, OSError, ValueError, KeyError, EOFError, NotImplementedError, BadZipFile, zlib.error,
)  # fmt: skip
"""What reading says of a file that keeps no values."""
Values = Callable[[], TableValues]


def source_of(values: Values) -> CountSource:
    """Counts what `values` gives, once for each round."""

    def counts(task: CountingTask) -> Signed:
        try:
            layout, step = layout_in(task.counting.description)
            own = values()
            if not own.fits(layout):
                raise CountsUnavailable("the table that was taken in has other columns than are counted")
            return counts_of(layout, step, own, ranges_of(layout, by_step(task.sums)))
        except ConfigurationError as error:
            raise CountsUnavailable(str(error)) from error

    return counts


def kept_source(folder: Path) -> CountSource:
    """That of a hospital whose folder keeps its values."""

    def values() -> TableValues:
        try:
            return values_from_bytes(read_regular(folder / VALUES, MOST_BYTES))
        except UNREADABLE as error:
            raise CountsUnavailable(f"no table that can be counted: {type(error).__name__}") from error

    own = source_of(values)
    return lambda task: own(task) if of_statistics(task.counting) else no_counts(task)


def by_step(sums: tuple[CountedSum, ...]) -> dict[str, Signed]:
    """Sums of statistics; others are left out. Raises ConfigurationError."""
    own = (found for found in sums if of_statistics(found.counting))
    return {layout_in(found.counting.description)[1]: found.counts for found in own}


def of_statistics(counting: Counting) -> bool:
    """Whether it is counted for statistics of tables."""
    return counting.label.startswith(LABEL)


def layout_of_rounds(countings: tuple[Counting, ...]) -> Layout | None:
    """What rules count whose rounds are those of statistics; None of other rules.

    Raises ConfigurationError where they count other things under that name.
    """
    if not countings or not all(map(of_statistics, countings)):
        return None
    layout, _ = layout_in(countings[0].description)
    if layout.countings() != countings:
        raise ConfigurationError("counting", "all rounds of one statistics", "others")
    return layout


def values_to_bytes(values: TableValues) -> bytes:
    """What `kept_source` reads."""
    file, columns = io.BytesIO(), values.columns
    np.savez(
        file,
        rows=np.int64(values.rows),
        known=np.concatenate([np.zeros(0), *(column.known for column in columns)]),
        lengths=np.array([[len(c.known), c.unknown, c.missing] for c in columns], dtype=np.int64),
    )
    return file.getvalue()


def values_from_bytes(data: bytes) -> TableValues:
    """Inverse of `values_to_bytes`; raises what numpy and zipfile raise of other bytes."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        rows, known, lengths = (np.asarray(held[name]) for name in ("rows", "known", "lengths"))
    forms = [(rows, np.int64, 0), (known, np.float64, 1), (lengths, np.int64, 2)]
    if not all(own.dtype == kind and own.ndim == axes for own, kind, axes in forms):
        raise ValueError("expected whole numbers of rows and cells, and values")
    if lengths.shape[1:] != (3,) or not len(lengths) or lengths.min() < 0 or lengths.max() > MOST_ROWS:
        raise ValueError("expected the cells of each column, known, unknown and missing")
    ends = np.cumsum(lengths[:, 0])
    if len(known) != ends[-1] or not np.isfinite(known).all():
        raise ValueError("expected as many values as there are said to be")
    columns = [
        ColumnValues(known[end - count : end], unknown, missing)
        for end, (count, unknown, missing) in zip(ends, lengths.tolist(), strict=True)
    ]
    return TableValues(int(rows), tuple(columns))
