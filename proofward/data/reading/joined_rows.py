"""Rows that go with images: each image has the row of its patient, all of them or nothing is taken.

Patients' numbers are hashed with the salt of this reading and forgotten; neither they nor their digests are
kept, shown or sent. What does not fit is said all at once, with counts and the table's rows, never a value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from proofward.data.columns.row_schema import RowSchema
from proofward.data.columns.schema import DECIMALS
from proofward.data.images.contract.identity import patient_digest
from proofward.data.reading.problems import CsvRefused
from proofward.data.reading.table_records import Table, read_table
from proofward.data.reading.table_rows import Reading
from proofward.data.tables.table_file import TableFile
from proofward.layers.rules.model import FixedPoint, Int64Array

EMPTY = "empty cells"
TWICE = "numbers of an earlier row, so that which one is meant is not known"
ALIKE = "numbers that differ from an earlier row's in case or leading zeros only: write them alike"
NO_PATIENT = "images that name no patient, so that no row can be theirs"
NO_ROW = "images whose patient has no row in the table"
NO_IMAGE = "rows of the table whose patient has no image"
SHARED = "images that share a patient, and so a row, with another image"


@dataclass(frozen=True)
class RowFile:
    """A table and what its owner says of it: how it is written, where not as agreed."""

    file: TableFile
    decimal: str = ""

    def schema(self, agreed: RowSchema) -> RowSchema:
        """The agreed columns, in this table's notation."""
        if not self.decimal:
            return agreed
        mark = next(mark for mark, name in DECIMALS.items() if name == self.decimal)
        columns = agreed.columns
        return RowSchema(replace(columns, notation=replace(columns.notation, decimal=mark)))


class _Numbered(Reading):
    """Rows with patients' numbers for labels: the n-th digest's row has the label n."""

    def __init__(self, rows: RowSchema, salt: bytes) -> None:
        super().__init__(rows.columns)
        self._salt = salt
        self.digests: dict[bytes, int] = {}
        self._alike: dict[bytes, bytes] = {}

    def label(self, cell: str, number: int) -> tuple[int | None, str]:
        digest = patient_digest(self._salt, cell.encode())
        if digest is None:
            return None, EMPTY
        if digest in self.digests:
            return None, TWICE
        text = cell.strip().casefold().lstrip("0")
        other = self._alike.setdefault(hashlib.sha256(self._salt + text.encode()).digest(), digest)
        self.digests[digest] = len(self.digests)
        return (self.digests[digest], "") if other == digest else (None, ALIKE)


@dataclass(frozen=True)
class Joined:
    """rows: integers (images, features of a row), a row for each image. table: what the reading gave."""

    rows: Int64Array
    table: Table
    notes: tuple[str, ...]


def join(
    file: RowFile, agreed: RowSchema, scales: FixedPoint, patients: Sequence[bytes | None], salt: bytes
) -> Joined:
    """The rows of these patients; raises CsvRefused with all that is wrong, of table and numbers."""
    rows = file.schema(agreed)
    reading, table, problems = _Numbered(rows, salt), None, list[str]()
    try:
        table = read_table(file.file, rows.columns, scales, reading=reading)
    except CsvRefused as error:
        problems += error.problems
    if reading.digests:
        problems += _unmatched(reading.digests, patients)
    if table is None or problems:
        raise CsvRefused(problems)
    place = {int(label): at for at, label in enumerate(table.records.labels)}
    order = [place[reading.digests[patient]] for patient in patients if patient is not None]
    shared = len(patients) - len(set(patients))
    notes = (f"{SHARED}: {shared}",) if shared else ()
    return Joined(np.ascontiguousarray(table.records.features[order]), table, notes)


def _unmatched(digests: dict[bytes, int], patients: Sequence[bytes | None]) -> list[str]:
    """What has no counterpart: counts."""
    named = [patient for patient in patients if patient is not None]
    counts = {
        NO_PATIENT: len(patients) - len(named),
        NO_ROW: sum(patient not in digests for patient in named),
        NO_IMAGE: len(set(digests) - set(named)),
    }
    return [f"{what}: {count}" for what, count in counts.items() if count]
