"""Tables of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from proofward.data.columns.schema import Schema
from proofward.data.reading.table_records import Table, read_table
from proofward.data.tables.table_file import TableFile
from proofward.layers.rules.model import FixedPoint


def read_csv(path: Path, schema: Schema, scales: FixedPoint, *, delimiter: str = "", **given: Any) -> Table:
    """`read_table` of a file with this delimiter, "" for the usual one."""
    return read_table(TableFile(path, delimiter), schema, scales, **given)
