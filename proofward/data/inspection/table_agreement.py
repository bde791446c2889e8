"""What `enrol` would say of a table by a consortium's columns, in counts that tell nothing of a patient."""

from __future__ import annotations

from proofward.data.columns.schema import Schema
from proofward.data.inspection.least_counts import told
from proofward.data.inspection.table_inspection import Agreement
from proofward.data.reading.problems import CsvRefused
from proofward.data.reading.table_records import read_table
from proofward.data.tables.frame import Frame
from proofward.data.tables.table_file import TableFile
from proofward.layers.rules.model import FixedPoint


def agreement_of(
    file: TableFile | Frame, schema: Schema, scales: FixedPoint, least_rows: int = 1
) -> Agreement:
    """Raises TablesExtraMissing, OSError."""
    try:
        table = read_table(file, schema, scales, least_rows=least_rows)
    except CsvRefused as error:
        kinds = error.kinds or tuple(("", line, 0) for line in error.problems)
        problems = tuple((column, what, told(rows)) for column, what, rows in kinds)
        clipped = tuple((name, told(count)) for name, count in error.clipped.items())
        return Agreement(problems, clipped)
    clipped = tuple((name, told(count)) for name, count in table.clipped.items())
    return Agreement((), clipped, tuple(dict.fromkeys(doubt.short for doubt in table.doubts)))
