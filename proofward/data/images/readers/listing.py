"""A table of files with their labels and patients: a CSV file with a header.

Patients' numbers become digests as the rows are read; no cell is repeated but the names of files.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proofward.data.images.contract.example import Unread
from proofward.data.images.contract.identity import patient_digest
from proofward.data.images.contract.refusal import DAMAGED, MISSING, UNLABELLED, ImageRefused, ImagesRefused

FILE, LABEL, PATIENT = "file", "label", "patient"


@dataclass(frozen=True)
class Columns:
    """Names of the columns in a site's table. patient: may be missing there."""

    file: str = FILE
    label: str = LABEL
    patient: str = PATIENT


@dataclass(frozen=True)
class Listed:
    """What a row says of a file."""

    label: str
    patient: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Listing:
    """Rows by the name of the file, with / between folders. problems: rows that say nothing usable."""

    path: Path
    files: Mapping[str, Listed]
    problems: tuple[Unread, ...] = field(default=())

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({listed.label for listed in self.files.values()}))


def read_listing(path: Path, salt: bytes, columns: Columns | None = None) -> Listing:
    """The table in a file; raises ImagesRefused where it has no usable header."""
    columns = columns or Columns()
    files: dict[str, Listed] = {}
    problems: list[Unread] = []
    number = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            places = _places(path, next(reader, []), columns)
            for number, row in enumerate(reader, 2):
                if any(cell.strip() for cell in row):
                    try:
                        _take(row, places, salt, files)
                    except ImageRefused as refusal:
                        problems.append(Unread(f"{path.name}, row {number}", refusal.reason))
    except UnicodeDecodeError:
        raise ImagesRefused(f"{path}: no UTF-8 text: save it as CSV UTF-8") from None
    except csv.Error as error:
        reason = ImageRefused(DAMAGED, "a row of a CSV file", str(error)).reason
        problems.append(Unread(f"{path.name}, row {number + 1}", reason))
    if not files and not problems:
        raise ImagesRefused(f"{path}: no rows below the header")
    return Listing(path, files, tuple(problems))


def _places(path: Path, header: list[str], columns: Columns) -> tuple[int, int, int]:
    """Positions of the columns; -1 for that of patients where there is none."""
    names = [cell.strip().lower() for cell in header]
    wanted = [columns.file.lower(), columns.label.lower(), columns.patient.lower()]
    missing = [name for name in wanted[:2] if names.count(name) != 1]
    if names.count(wanted[2]) > 1:
        missing.append(wanted[2])
    if missing:
        raise ImagesRefused(f"{path}: row 1: expected each of the columns {', '.join(missing)} once")
    patient = names.index(wanted[2]) if wanted[2] in names else -1
    return names.index(wanted[0]), names.index(wanted[1]), patient


def _take(row: list[str], places: tuple[int, int, int], salt: bytes, files: dict[str, Listed]) -> None:
    """A row into `files`; raises ImageRefused."""
    if len(row) <= max(places):
        raise ImageRefused(DAMAGED, f"{max(places) + 1} cells", str(len(row)))
    name, label = row[places[0]].strip().removeprefix("./"), row[places[1]].strip()
    if not name:
        raise ImageRefused(MISSING, "the name of a file", "an empty cell")
    if not label:
        raise ImageRefused(UNLABELLED, "a label", "an empty cell")
    if name in files:
        raise ImageRefused(DAMAGED, "each file once", f"{name} again")
    patient = None
    if places[2] >= 0:
        patient = patient_digest(salt, row[places[2]].encode())
        if patient is None:
            raise ImageRefused(MISSING, "a patient's number", "an empty cell")
    files[name] = Listed(label, patient)
