"""Excel files (.xlsx): a sheet by its name, with the values that Excel last computed.

Excel keeps 15 digits of a number. Whole numbers of 2^53 and above, which are not what was written any more,
are refused: such a column, mostly a patient's number, has to be text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from proofward.data.tables.batches import Batches
from proofward.data.tables.cells import EXACT, Column
from proofward.data.tables.extra import imported
from proofward.data.tables.limits import BATCH_ROWS, MOST_TEXT
from proofward.data.tables.refusal import FileRefused
from proofward.data.tables.workbook import check_workbook


@contextmanager
def opened(path: Path, sheet: str = "") -> Iterator[Batches]:
    """A sheet, of which the first row is the header; raises FileRefused, TablesExtraMissing."""
    calamine = imported("python_calamine")
    name = check_workbook(path, sheet)
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        rows = iter(book.get_sheet_by_name(name).iter_rows())
    except Exception as error:  # its errors have no common kind
        raise FileRefused(
            "an Excel file (.xlsx)", f"one that cannot be read ({type(error).__name__})"
        ) from None
    header: list[object] = next(rows, [])
    yield Batches([_name(cell) for cell in header], _batches(rows))


def _name(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _batches(rows: Iterator[list[object]]) -> Iterator[list[Column]]:
    wide, long = Counter[int](), 0
    while batch := list(islice(rows, BATCH_ROWS)):
        columns = [_column(column) for column in zip(*batch, strict=True)]
        for at, cells in enumerate(columns, 1):
            if isinstance(cells, np.ndarray):
                large = cells[np.abs(cells) >= EXACT]
                wide[at] += int((large == np.rint(large)).sum())
                continue
            for cell in cells:
                if type(cell) is float and not -EXACT < cell < EXACT:
                    wide[at] += cell.is_integer()
                elif type(cell) is str and len(cell) > MOST_TEXT:
                    long += 1
        yield columns
    if long:
        raise FileRefused(f"cells of at most {MOST_TEXT} characters", f"longer ones: {long}")
    if found := [f"column {at}: {count}" for at, count in sorted(wide.items()) if count]:
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more columns" if len(found) > 5 else "")
        raise FileRefused("whole numbers below 2^53, of which Excel keeps all digits", f"others, in {shown}")


def _column(cells: Sequence[object]) -> Column:
    """Numbers, some of which may be missing, as doubles; all else as it is."""
    kinds = set(map(type, cells))
    if kinds == {float, str} and all(cell == "" for cell in cells if type(cell) is str):
        return np.array([np.nan if cell == "" else cell for cell in cells], dtype=np.float64)
    return np.array(cells, dtype=np.float64) if kinds == {float} else list(cells)
