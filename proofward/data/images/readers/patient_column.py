"""Patients of images that lie in one array: a table with a row for each image, in the array's order.

PatchCamelyon's files of metadata are such: the column `wsi` names the slide that a patch was cut from.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from proofward.data.images.contract.identity import patient_digest
from proofward.data.images.contract.refusal import ImagesRefused


def read_patients(path: Path, salt: bytes, column: str) -> tuple[bytes, ...]:
    """A digest for each row below the header; raises ImagesRefused, which repeats no cell."""
    found: list[bytes] = []
    empty: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = [cell.strip().lower() for cell in next(reader, [])]
            if names.count(column.lower()) != 1:
                raise ImagesRefused(f"{path}: row 1: expected the column {column} once")
            at = names.index(column.lower())
            for number, row in enumerate(reader, 2):
                digest = patient_digest(salt, row[at].encode()) if at < len(row) else None
                if digest is None:
                    empty.append(number)
                else:
                    found.append(digest)
    except (UnicodeDecodeError, csv.Error):
        raise ImagesRefused(f"{path}: expected a CSV file in UTF-8") from None
    if empty:
        rows = [f"row {number}: expected a patient's number, found none" for number in empty]
        raise ImagesRefused(f"{path}: rows without a patient", rows)
    return tuple(found)


def check_count(patients: Sequence[bytes | None], count: int) -> None:
    """Refuses a table that has not one row for each image."""
    if len(patients) != count:
        words = f"expected {count} rows below the header, found {len(patients)}"
        raise ImagesRefused(f"the table of patients: {words}")
