"""Rows that go with new images: a table with the name of an image and the columns that a model has for it.

Nothing that is raised here repeats a cell of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proofward.data.columns.row_schema import RowSchema
from proofward.data.reading.plausibility import clipped_by_name, normalised, outside
from proofward.data.reading.records import to_fixed_point
from proofward.data.tables.table_file import TableFile
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.report.handover.predictions.prediction import TableRefused, read_records

FILE = "file"
"""The column with the image's name, as the prediction gives it."""


@dataclass(frozen=True)
class RowsOfImages:
    """rows: of each image by its name, integers (features of a row,). clipped, ignored: as of a table."""

    rows: Mapping[str, Int64Array]
    clipped: Mapping[str, int]
    ignored: tuple[str, ...]

    def of(self, names: Sequence[str]) -> Int64Array:
        """The rows of these images, in their order."""
        return np.stack([self.rows[name] for name in names])

    def problems(self, names: Sequence[str]) -> list[str]:
        """What does not fit, with counts."""
        counts = {
            f"images that the table has no row for, by the column {FILE}": len(set(names) - set(self.rows)),
            f"rows of the table whose {FILE} is no image": len(set(self.rows) - set(names)),
        }
        return [f"{what}: {count}" for what, count in counts.items() if count]


def read_rows(
    file: TableFile | Path, agreed: RowSchema, scales: FixedPoint, decimal: str = "."
) -> RowsOfImages:
    """The rows in a table; raises TableRefused with all that is wrong."""
    features = agreed.inputs
    found = read_records(file, agreed.features, decimal, key=FILE)
    twice = sum(count > 1 for count in Counter(found.keys).values())
    if twice or not all(found.keys):
        empty = sum(not key for key in found.keys)
        words = f"names that stand in several rows: {twice}; rows without one: {empty}"
        raise TableRefused(f"column {FILE}: {words}")
    scaled = normalised(found.values, features)
    clipped = clipped_by_name(features, outside(scaled, scales).sum(axis=0))
    rows = dict(zip(found.keys, to_fixed_point(scaled, scales), strict=True))
    return RowsOfImages(rows, clipped, found.ignored)
