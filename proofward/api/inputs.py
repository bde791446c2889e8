"""What a model in Python is asked about: rows without labels, in any of the forms that `fit` takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.api.held import Held, is_frame
from proofward.api.refusals import TablesRefused, refusing
from proofward.data.columns.column_kinds import TableColumn, is_plain
from proofward.data.columns.schema import folded
from proofward.data.reading.problems import Problems, listed
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.predictions.prediction import NewRecords, Predictions, predict, read_records


def predicted(model: ExportedModel, x: Any, decimal: str = ".") -> Predictions:
    """What the model says of an array, a data frame or the rows of a CSV file; raises TablesRefused.

    decimal: the mark in the numbers of a file.
    """
    columns = model.description.of_table
    with refusing(TablesRefused):
        return predict(model, _records(x, columns, decimal))


def probabilities(found: Predictions) -> NDArray[np.float64]:
    """Of every class, (n, classes)."""
    if found.probabilities.ndim == 2:
        return found.probabilities
    return np.stack([1 - found.probabilities, found.probabilities], axis=1)


def _records(x: Any, columns: Sequence[TableColumn], decimal: str) -> NewRecords:
    if isinstance(x, str | os.PathLike):
        return read_records(Path(os.fspath(x)), columns, decimal)
    names = [entry.name for entry in columns]
    held = Held.of(x, None, "", None if is_frame(x) else names)
    if not is_plain(columns):
        return read_records(held, columns)
    keys, wanted = [folded(name) for name in held.names], [folded(name) for name in names]
    if missing := [name for name in wanted if name not in keys]:
        raise TablesRefused(f"missing {len(missing)} of {len(wanted)} columns: {listed(missing)}")
    if twice := [name for name in wanted if keys.count(name) > 1]:
        raise TablesRefused(f"there twice: {listed(twice)}")
    problems = Problems()
    values = [held.numbers(keys.index(name), problems) for name in wanted]
    if problems:
        raise TablesRefused("nothing was predicted", problems.lines())
    ignored = tuple(name for name in keys if name not in wanted)
    return NewRecords(np.column_stack(values), tuple(range(1, held.count + 1)), ignored)
