"""The same table in every format: CSV, Excel, Parquet, and HDF5 in its two shapes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

FORMATS = ("csv", "xlsx", "parquet", "h5")


def write(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    """Columns of Python's values, None where nothing stands, in the format that the name says."""
    kind = path.suffix.lstrip(".")
    if kind == "csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    elif kind == "xlsx":
        write_sheets(path, {"records": columns})
    elif kind == "parquet":
        arrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(arrow.table(dict(columns)), path)
    else:
        write_group(path, "records", columns)
    return path


def write_sheets(path: Path, sheets: Mapping[str, Mapping[str, Sequence[object]]]) -> Path:
    """An Excel file."""
    book = pytest.importorskip("openpyxl").Workbook()
    book.remove(book.active)
    for name, columns in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(list(columns))
        for row in zip(*columns.values(), strict=True):
            sheet.append(list(row))
    book.save(path)
    return path


def write_group(path: Path, key: str, columns: Mapping[str, Sequence[object]]) -> Path:
    """A group with a dataset for each column; numbers with nothing in them become NaN."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, cells in columns.items():
            if any(isinstance(cell, str) for cell in cells):
                file.create_dataset(f"{key}/{name}", data=["" if c is None else c for c in cells], dtype=h5py.string_dtype())
            else:
                file[f"{key}/{name}"] = np.array([np.nan if cell is None else cell for cell in cells])
    return path
