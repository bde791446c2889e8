"""Records from a table with a header: columns by name, normalised with public constants.

Nothing that is raised or said here repeats a cell of the file: cells are patients' data. All that is wrong is
said at once, with counts and places.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from proofward.data.columns.schema import Schema
from proofward.data.reading.header import Header, read_header
from proofward.data.reading.plausibility import (
    Doubt,
    Readings,
    clipped_by_name,
    column_doubts,
    outside,
    repetition,
    table_doubts,
)
from proofward.data.reading.problems import CsvRefused, Problems
from proofward.data.reading.records import Records, to_fixed_point
from proofward.data.reading.table_rows import Reading
from proofward.data.tables.refusal import FileRefused
from proofward.data.tables.rows import Rows
from proofward.layers.rules.model import FixedPoint, Int64Array

_NO_TEXT = "the file is no UTF-8 text: save it as CSV UTF-8"


@dataclass(frozen=True)
class Table:
    """What a file gave.

    records: in the file's order. clipped: by feature, how many values lay outside the range of inputs; only
    those with any. doubts: what should stop it, unless its owner insists. notes: what is worth a word.
    patients: of each record the number of its patient, by which records are split; None without an id.
    """

    records: Records
    clipped: Mapping[str, int]
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()
    patients: Int64Array | None = None

    @property
    def dataset(self) -> tuple[Int64Array, Int64Array, Int64Array | None]:
        """Features, labels and patients, as an engine takes them."""
        return self.records.features, self.records.labels, self.patients


def read_table(
    file: Rows,
    schema: Schema,
    scales: FixedPoint,
    *,
    least_rows: int = 1,
    reading: Reading | None = None,
) -> Table:
    """A file's records at scale fa.

    Rows are counted as a spreadsheet does: the header is row 1. least_rows: how many the consortium's
    training needs. reading: what takes the rows. Raises CsvRefused with all that is wrong, and
    TablesExtraMissing.
    """
    problems, reading = Problems(), reading or Reading(schema)
    header: Header | None = None
    reading.typed = file.typed
    notation = schema.notation
    try:
        with file.rows(notation.delimiter, notation.decimal) as lines:
            rows = _rows(lines, problems)
            _, cells = next(rows, (1, []))
            if any("\0" in cell for cell in cells):  # UTF-16 or no text at all, and yet valid UTF-8
                problems.say(_NO_TEXT)
            else:
                header = read_header(cells, schema, problems)
            if header is not None:
                for number, row in rows:
                    reading.take(header, number, row, problems)
    except UnicodeDecodeError:
        problems.say(_NO_TEXT)
        header = None
    except FileRefused as error:
        problems.say(str(error))
    if header is None:
        raise CsvRefused(problems.lines(), problems.kinds())
    if reading.seen < least_rows:
        problems.say(
            f"too few rows: expected at least {least_rows} records below the header, which one batch of the "
            f"agreed training needs, found {reading.seen}"
        )
    told = () if problems else reading.repeated_identifiers()
    return table_of(reading.readings(header), schema, scales, problems, told, reading.patients)


def table_of(
    readings: Readings,
    schema: Schema,
    scales: FixedPoint,
    problems: Problems,
    told: Iterable[str] = (),
    patients: Int64Array | None = None,
) -> Table:
    """The records of what was read; told: what else is worth a word; patients: see Table.

    Raises CsvRefused where there are problems, with what is doubtful as well.
    """
    normalised = readings.normalised(schema)
    clipped = outside(normalised, scales)
    doubts = column_doubts(readings, schema, clipped, normalised)
    if problems:
        lines = [*problems.lines(), *(f"in the rows that could be read: {d.words}" for d in doubts)]
        raise CsvRefused(lines, problems.kinds(), clipped_by_name(schema.inputs, clipped.sum(axis=0)))
    records = Records(to_fixed_point(normalised, scales), readings.labels)
    repeated, notes = repetition(readings, schema)
    return Table(
        records,
        clipped_by_name(schema.inputs, clipped.sum(axis=0)),
        (*doubts, *table_doubts(readings, schema, records), *repeated),
        (*notes, *told, *_counted(patients)),
        patients,
    )


def _rows(reader: Iterator[list[str]], problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers, without empty ones at the end."""
    number = 0
    empty: list[int] = []
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            problems.say(f"row {number + 1}: {error}; nothing after it could be read")
            return
        if row is None:
            return
        number += 1
        if any(cell.strip() for cell in row):
            for before in empty:
                problems.row(before, "empty rows between others, which have to be removed")
            empty = []
            yield number, row
        else:
            empty.append(number)


def _counted(patients: Int64Array | None) -> list[str]:
    """How many patients the records are of, where that is known."""
    if patients is None:
        return []
    count = len(np.unique(patients))
    return [f"{len(patients)} records of {count} patients"]
