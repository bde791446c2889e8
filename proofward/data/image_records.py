"""Records from a site's images: every picture made by the consortium's rule, its pixels as features.

Everything is inspected before anything is taken, and read again then: an image that is no longer the same
stops the set. Only pixels and labels go on; digests of patients are made with a salt of this reading and are
forgotten with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from proofward.data.frozen_part import Reached
from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Source
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.inspection import ONE_CLASS, Inspection, inspect, shown
from proofward.data.images.patient_split import patients_of
from proofward.data.images.readers.listing import Columns, read_listing
from proofward.data.images.readers.patient_column import read_patients
from proofward.data.images.sources import source_at
from proofward.data.images.stream import batches
from proofward.data.reading.joined_rows import Joined, RowFile, join
from proofward.data.reading.plausibility import IMAGES, Doubt
from proofward.data.reading.plausibility import ONE_CLASS as ALONE
from proofward.data.reading.problems import CsvRefused
from proofward.data.reading.records import Records
from proofward.data.reading.table_records import Table
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import FixedPoint

_BATCH = 256


@dataclass(frozen=True)
class ImageFiles:
    """A folder, an npz archive or an HDF5 file, and what its owner says of it.

    labels: table of files, classes and patients, in the folder itself or elsewhere. patients: table with a
    row for each image of an HDF5 file. column: the one with the class, "" for the agreed one. parts: those of
    an archive that are read. rows: the table whose rows go with the images, where that was agreed.
    """

    path: Path
    labels: Path | None = None
    column: str = ""
    patient_column: str = "patient"
    patients: Path | None = None
    parts: tuple[str, ...] = ()
    only_listed: bool = False
    identifying: bool = False
    burned_in: bool = False
    rows: RowFile | None = None

    @property
    def table(self) -> RowFile | None:
        """`rows`, where it is."""
        if self.rows is None:
            return None
        file = self.rows.file
        return replace(self.rows, file=replace(file, path=self._beside(file.path)))

    def source(self, schema: ImageSchema, salt: bytes) -> Source:
        """What reads it; raises ImagesRefused."""
        admission = Admission(salt, identifying=self.identifying, burned_in=self.burned_in)
        listing, patients = None, tuple[bytes, ...]()
        if self.labels is not None:
            columns = Columns(label=self.column or schema.column, patient=self.patient_column)
            listing = read_listing(self._beside(self.labels), admission.salt, columns)
        elif self.only_listed:
            raise ImagesRefused("--only-listed means nothing without --labels")
        if self.patients is not None:
            patients = read_patients(self._beside(self.patients), admission.salt, self.patient_column)
        return source_at(
            self.path,
            admission,
            classes=schema.agreed if self.path.is_dir() else (),
            listing=listing,
            only_listed=self.only_listed,
            parts=self.parts,
            patients=patients,
            beside=() if self.table is None else (self.table.file.path,),
        )

    def _beside(self, table: Path) -> Path:
        """A table within the folder, or beside the file, else where its path says."""
        folder = self.path if self.path.is_dir() else self.path.parent
        found = folder / table
        return found if found.is_file() else table


def read_images(files: ImageFiles, schema: ImageSchema, scales: FixedPoint, least_rows: int = 1) -> Table:
    """The records of a site's images; raises ImagesRefused with all that is wrong."""
    if (files.rows is None) is not (schema.row is None):
        words = "a table whose rows go with the images, --table" if schema.row else "no --table"
        raise ImagesRefused(f"the consortium agreed on {words}")
    try:
        schema.check(scales)
    except ConfigurationError as error:
        raise ImagesRefused(f"what the consortium agreed on: {error}") from error
    salt = os.urandom(32)
    source = files.source(schema, salt)
    found = inspect(source, schema.rule)
    joined = _joined(files, schema, scales, found, salt)
    found.require()
    _check_classes(files.path, schema, found)
    if len(found) < least_rows:
        words = f"expected at least {least_rows}, which one batch of the agreed training needs"
        raise ImagesRefused(f"too few images: {words}, found {len(found)}")
    reached = schema.reached
    records = taken(source, found, schema, scales, reached)
    labels, patients = records.labels, patients_of(found)
    doubts = [Doubt(IMAGES, "", words) for words in found.doubts if words != ONE_CLASS]
    if len(np.unique(labels)) == 1:
        doubts.append(Doubt(ALONE, "", f"all {len(labels)} images are {schema.classes[int(labels[0])]}"))
    if reached is not None:
        told = (*found.notes, reached.note)
        return Table(records, reached.clipped, (*doubts, *reached.doubts), told, patients)
    if joined is None:
        return Table(records, {}, tuple(doubts), found.notes, patients)
    whole = Records(np.hstack([records.features, joined.rows]), labels)
    own = [doubt for doubt in joined.table.doubts if doubt.check != ALONE]
    notes = (*found.notes, *joined.table.notes, *joined.notes)
    return Table(whole, joined.table.clipped, (*doubts, *own), notes, patients)


def _joined(
    files: ImageFiles, schema: ImageSchema, scales: FixedPoint, found: Inspection, salt: bytes
) -> Joined | None:
    """The row of each image, None where there are none; raises ImagesRefused with all that is wrong."""
    if schema.row is None or files.table is None:
        return None
    try:
        return join(files.table, schema.row, scales, found.patients, salt)
    except CsvRefused as error:
        lines = [*found.problem_lines(), *(f"{files.table.file.path}: {line}" for line in error.problems)]
        raise ImagesRefused("images and rows do not fit together: nothing was taken in", lines) from error
    except OSError as error:
        raise ImagesRefused(f"{files.table.file.path}: {error.strerror}: nothing was taken in") from error


def taken(
    source: Source,
    found: Inspection,
    schema: ImageSchema,
    scales: FixedPoint,
    reached: Reached | None = None,
) -> Records:
    """The records of an inspected source, all of whose classes were agreed; raises ImagesRefused.

    reached: counts the features of a frozen network.
    """
    features = np.empty((len(found), schema.picture_size), dtype=np.int64)
    labels = np.empty(len(found), dtype=np.int64)
    side = np.array([schema.number(name) for name in found.classes], dtype=np.int64)
    for batch in batches(source, found, _BATCH):
        features[batch.positions] = schema.inputs(batch.pixels, scales, reached)
        labels[batch.positions] = side[batch.labels]
    return Records(features, labels)


def _check_classes(path: Path, schema: ImageSchema, found: Inspection) -> None:
    """Raises ImagesRefused for images of a class that was not agreed."""
    counts = found.by_class
    strange = [
        f"class {shown(name)}: {count} images"
        for name, count in counts.items()
        if count and name not in schema.agreed
    ]
    if strange:
        expected = f"images of the agreed classes, {', '.join(map(shown, schema.agreed))}"
        raise ImagesRefused(f"{path}: expected {expected}; nothing was taken in", strange)
