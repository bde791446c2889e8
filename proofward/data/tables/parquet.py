"""Parquet files, and data frames in memory: columns with types, read in batches by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proofward.data.tables.batches import Batches
from proofward.data.tables.cells import Column
from proofward.data.tables.extra import imported
from proofward.data.tables.limits import MOST_TEXT, batch_rows, check_extent
from proofward.data.tables.parquet_pages import check_pages
from proofward.data.tables.refusal import FileRefused

MOST_GROUP_BYTES = 1 << 32
_MOST_METADATA = 1 << 26


@contextmanager
def opened(path: Path) -> Iterator[Batches]:
    """A file's columns; raises FileRefused, TablesExtraMissing."""
    arrow, parquet = imported("pyarrow"), imported("pyarrow.parquet")
    limits = {"thrift_string_size_limit": _MOST_METADATA, "thrift_container_size_limit": 1 << 20}
    errors = (arrow.ArrowException, OSError, MemoryError)
    try:
        file = parquet.ParquetFile(path, pre_buffer=False, **limits)
    except errors as error:
        raise _damaged(error) from None
    with file:
        held, schema = file.metadata, file.schema_arrow
        check_extent(held.num_rows, len(schema))
        sizes = [held.row_group(number).total_byte_size for number in range(held.num_row_groups)]
        if any(not 0 <= size <= MOST_GROUP_BYTES for size in sizes):
            found = f"one that declares {max(sizes)}"
            raise FileRefused(f"groups of rows of at most {MOST_GROUP_BYTES} bytes", found)
        _check_types(arrow, schema)
        check_pages(path, held)
        words = [field.name for field in schema if _is_text(arrow, field.type)]
        try:
            file = parquet.ParquetFile(path, pre_buffer=False, read_dictionary=words, **limits)
        except errors as error:
            raise _damaged(error) from None
    with file:
        yield Batches(list(schema.names), _batches(arrow, file, held.num_rows, errors))


def of_frame(frame: Any) -> Batches:
    """A data frame of pandas, or a table of pyarrow; raises FileRefused, TablesExtraMissing."""
    arrow = imported("pyarrow")
    try:
        table = (
            frame if isinstance(frame, arrow.Table) else arrow.Table.from_pandas(frame, preserve_index=False)
        )
    except (arrow.ArrowException, TypeError, AttributeError, ValueError) as error:
        words = f"columns that cannot be told ({type(error).__name__}): numbers and texts in one, perhaps"
        raise FileRefused("a data frame with a type for each column", words) from None
    check_extent(table.num_rows, table.num_columns)
    _check_types(arrow, table.schema)
    size = batch_rows(8 * table.num_columns)
    pieces = (_columns(arrow, batch) for batch in table.to_batches(max_chunksize=size))
    return Batches([str(name) for name in table.schema.names], pieces)


def _batches(
    arrow: Any, file: Any, rows: int, errors: tuple[type[BaseException], ...]
) -> Iterator[list[Column]]:
    read = 0
    try:
        for batch in file.iter_batches(
            batch_size=batch_rows(8 * file.metadata.num_columns), use_threads=False
        ):
            read += batch.num_rows
            yield _columns(arrow, batch)
    except errors as error:
        raise _damaged(error) from None
    if read != rows:
        raise FileRefused(f"{rows} rows, which the file declares", str(read))


def _columns(arrow: Any, batch: Any) -> list[Column]:
    return [_column(arrow, batch.column(at)) for at in range(batch.num_columns)]


def _column(arrow: Any, array: Any) -> Column:
    compute = imported("pyarrow.compute")
    kind, types = array.type, arrow.types
    if types.is_dictionary(kind):
        levels = array.dictionary
        if _is_text(arrow, levels.type) and len(levels):
            longest = compute.max(compute.binary_length(levels)).as_py() or 0
            if longest > MOST_TEXT:
                raise FileRefused(f"texts of at most {MOST_TEXT} bytes", f"one of {longest}")
        known = [*_column(arrow, levels), None]
        return [known[at] for at in array.indices.fill_null(len(known) - 1).to_pylist()]
    if types.is_temporal(kind):
        return array.cast(arrow.string()).to_pylist()  # type: ignore[no-any-return]
    if types.is_floating(kind) or (types.is_integer(kind) and not array.null_count):
        return array.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def _is_text(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind))


def _check_types(arrow: Any, schema: Any) -> None:
    """Raises FileRefused for columns whose cells are no single values."""
    types, wrong = arrow.types, []
    for at, field in enumerate(schema, 1):
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        known = (types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_null,
                 types.is_date, types.is_timestamp, types.is_time)  # fmt: skip
        if not (_is_text(arrow, kind) or any(check(kind) for check in known)):
            wrong.append(f"column {at} of {str(field.type)[:40]}")
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise FileRefused("numbers, texts, truth values, dates and times in all columns", shown)


def _damaged(error: BaseException) -> FileRefused:
    return FileRefused("a whole Parquet file", f"one that cannot be read ({type(error).__name__})")
