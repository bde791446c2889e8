"""How large a table may be that is read: what a file declares is compared with this before it is believed."""

from __future__ import annotations

from proofward.data.tables.refusal import FileRefused

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 1 << 26, 1 << 14, 1 << 29
MOST_TEXT = 1 << 17
"""Characters of a cell; bytes where they are counted before they are read."""
BATCH_ROWS, BATCH_BYTES = 4096, 1 << 26


def check_extent(rows: int, columns: int, most_cells: int = MOST_CELLS) -> None:
    """Raises FileRefused for a table that is too large to be one."""
    if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > most_cells:
        expected = f"at most {MOST_ROWS} rows, {MOST_COLUMNS} columns and {most_cells} cells"
        raise FileRefused(expected, f"{rows} rows of {columns} columns")


def batch_rows(row_bytes: int) -> int:
    """Rows that are read at a time, of so many bytes each."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, row_bytes)))
