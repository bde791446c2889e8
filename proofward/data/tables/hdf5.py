"""HDF5 files: a dataset with named columns, or a group with a dataset for each; nothing is unpickled.

Tables of `pandas.HDFStore` are refused where the names of their columns are pickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.tables.batches import Batches
from proofward.data.tables.cells import Column
from proofward.data.tables.extra import imported
from proofward.data.tables.limits import BATCH_BYTES, MOST_TEXT, batch_rows, check_extent
from proofward.data.tables.refusal import FileRefused

_SHAPE = "a dataset of rows with named columns, or a group of datasets of one length, one for each column"
_MOST_KEYS = 1 << 14
_ERRORS = (OSError, RuntimeError, ValueError, TypeError, KeyError, MemoryError, OverflowError)
Read = Any
"""Datasets: h5py has no types."""


@contextmanager
def opened(path: Path, key: str = "") -> Iterator[Batches]:
    """The table with this key, or the only one; raises FileRefused, TablesExtraMissing."""
    h5py = imported("h5py")
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError:
        raise FileRefused("a whole HDF5 file", "one that cannot be opened") from None
    with file:
        try:
            batches = _table(h5py, _found(h5py, file, key))
        except FileRefused:
            raise
        except _ERRORS as error:
            raise FileRefused("a whole HDF5 file", f"a damaged one ({type(error).__name__})") from None
        yield batches


def _found(h5py: Any, file: Any, key: str) -> Any:
    """What is kept in the file itself under this key: links elsewhere are not followed."""
    if not key:
        names = _names(file)
        if len(names) != 1 or not isinstance(file.get(names[0], getlink=True), h5py.HardLink):
            if names and all(_is_column(h5py, file, name) for name in names):
                return file
            shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
            raise FileRefused(
                "the key of a table, with --key", f"none given, and in the file: {shown or 'nothing'}"
            )
        return file[names[0]]
    place = file
    for part in key.strip("/").split("/"):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None:
            raise FileRefused(f"a table with the key {key}", "none")
        if not isinstance(link, h5py.HardLink):
            raise FileRefused(f"a table in the file itself as {key}", "a link")
        place = place[part]
    return place


def _names(group: Any) -> list[str]:
    if len(group) > _MOST_KEYS:
        raise FileRefused(f"at most {_MOST_KEYS} names in a group", str(len(group)))
    return list(group)


def _is_column(h5py: Any, group: Any, name: str) -> bool:
    held = isinstance(group.get(name, getlink=True), h5py.HardLink)
    return held and isinstance(group[name], h5py.Dataset) and len(group[name].shape or ()) == 1


def _table(h5py: Any, found: Any) -> Batches:
    if isinstance(found, h5py.Dataset):
        if len(found.shape or ()) != 1 or found.dtype.names is None:
            raise FileRefused(_SHAPE, f"a dataset of shape {found.shape} without names")
        names = list(found.dtype.names)
        return _batches(h5py, names, [(found, found.dtype[name]) for name in names], whole=found)
    if "pandas_type" in found.attrs:
        words = (
            "one that pandas keeps with pickled names, which are not read: write it with to_parquet or to_csv"
        )
        raise FileRefused("a table of plain datasets", words)
    names = _names(found)
    if not names or not all(_is_column(h5py, found, name) for name in names):
        raise FileRefused(_SHAPE, f"a group of {len(names)} that are not all such datasets")
    parts = [found[name] for name in names]
    if len({part.shape for part in parts}) != 1:
        raise FileRefused(_SHAPE, "datasets of several lengths")
    return _batches(h5py, names, [(part, part.dtype) for part in parts])


def _batches(h5py: Any, names: list[str], parts: list[tuple[Read, Any]], whole: Read = None) -> Batches:
    rows = int(parts[0][0].shape[0])
    check_extent(rows, len(names))
    for held in [whole] if whole is not None else [part for part, _ in parts]:
        _check_storage(held)
    row_bytes = 0
    for at, (_, kind) in enumerate(parts, 1):
        _check_type(h5py, at, kind)
        row_bytes += max(kind.itemsize, 64)
    return Batches(names, _pieces(h5py, rows, batch_rows(row_bytes), parts, whole))


def _check_storage(dataset: Read) -> None:
    """Raises FileRefused for what is kept elsewhere, or in pieces that are too large to inflate."""
    if dataset.external or dataset.is_virtual:
        raise FileRefused("a dataset in the file itself", "one that is kept in others")
    chunk = int(np.prod(dataset.chunks or (0,), dtype=np.float64)) * dataset.dtype.itemsize
    if chunk > BATCH_BYTES:
        raise FileRefused(f"pieces of at most {BATCH_BYTES} bytes", f"pieces of {chunk}")
    if dataset.chunks is None and dataset.id.get_storage_size() < dataset.nbytes:
        raise FileRefused("all rows that the dataset declares", "fewer in the file")


def _check_type(h5py: Any, at: int, kind: Any) -> None:
    text = h5py.check_string_dtype(kind)
    if text is not None and (text.length is None or text.length <= MOST_TEXT):
        return
    plain = kind.names is None and kind.subdtype is None and h5py.check_enum_dtype(kind) is None
    if plain and kind.kind in "iufb" and kind.itemsize <= 8:
        return
    found = f"column {at} of {str(kind)[:40]}"
    raise FileRefused("numbers of at most 64 bits, truth values and texts in all columns", found)


def _pieces(
    h5py: Any, rows: int, step: int, parts: list[tuple[Read, Any]], whole: Read
) -> Iterator[list[Column]]:
    for start in range(0, rows, step):
        span = slice(start, min(start + step, rows))
        try:
            if whole is not None:
                table = whole[span]
                yield [
                    _column(h5py, kind, table[name])
                    for name, (_, kind) in zip(whole.dtype.names, parts, strict=True)
                ]
            else:
                yield [_column(h5py, kind, dataset[span]) for dataset, kind in parts]
        except _ERRORS as error:
            if isinstance(error, FileRefused):
                raise
            raise FileRefused("rows that can be read", f"damaged ones ({type(error).__name__})") from None


def _column(h5py: Any, kind: Any, cells: NDArray[Any]) -> Column:
    if h5py.check_string_dtype(kind) is None:
        return cells
    found: list[object] = []
    for cell in cells.tolist():
        text = cell.decode("utf-8") if isinstance(cell, bytes) else str(cell)
        if len(text) > MOST_TEXT:
            raise FileRefused(f"texts of at most {MOST_TEXT} characters", f"one of {len(text)}")
        found.append(text)
    return found
