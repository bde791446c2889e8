"""Records in files that somebody names, to be searched for in a pack: as they are written, and as trained on.

A federation that is over has erased what its parties kept of their records. Whoever has the files can still
have the pack searched for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.columns.schema import FeaturesInvalid
from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Unread
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.unlabelled import unlabelled
from proofward.data.reading.plausibility import normalised
from proofward.data.reading.records import to_fixed_point
from proofward.data.tables.refusal import FileRefused
from proofward.data.tables.table_file import TableFile
from proofward.encoding.errors import OtherKind
from proofward.layers.rules.model import FixedPoint
from proofward.ledger.reading import NotReadable, read_regular
from proofward.report.handover.models.description import Description
from proofward.report.handover.predictions.prediction import TableRefused, read_records
from proofward.report.handover.secrets.known_secrets import Known
from proofward.report.handover.secrets.record_forms import line_secrets

MOST_TEXT = 1 << 32
TEXT = (".csv", ".tsv", ".txt")


class RecordsUnread(ValueError):
    """A file whose records cannot be read: why."""


class NoRecords(RecordsUnread, OtherKind):
    """A folder where a table is asked for."""


def add_records(
    known: Known, path: Path, description: Description | None, scales: FixedPoint, options: Mapping[str, Any]
) -> None:
    """Adds those of a table's file, or of the images of a folder or an archive.

    description: what the model's inputs mean; None where nobody knows, and then a table's lines are all that
    is known. options: delimiter, sheet, key and decimal of a table. Raises RecordsUnread.
    """
    what = f"a record of {path}"
    try:
        if description is not None and description.images is not None:
            _images(known, what, path, description, scales)
            return
        if path.is_dir():
            raise NoRecords(f"{path} is a folder: name a table's file")
        if path.suffix.lower() in TEXT:
            known.records += line_secrets(what, read_regular(path, MOST_TEXT, follow=True))
        if description is not None:
            written = {name: options.get(name) or "" for name in ("delimiter", "sheet", "key")}
            file = TableFile(path, **written)
            values = read_records(file, description.of_table, options.get("decimal") or ".").values
            scaled = to_fixed_point(normalised(values, description.features), scales)
            known.add_rows(what, scaled)
            known.add_rows(what, values)
        elif path.suffix.lower() not in TEXT:
            raise RecordsUnread(f"{path}: what the inputs mean is not here, so only text can be searched for")
    except (FileRefused, ImagesRefused, NotReadable, TableRefused, OSError) as error:
        raise RecordsUnread(f"{path}: {error}") from error


def _images(known: Known, what: str, path: Path, description: Description, scales: FixedPoint) -> None:
    images = description.images
    assert images is not None
    admission = Admission(os.urandom(32), identifying=True, burned_in=True)
    for found in unlabelled(path, images.rule, admission):
        if isinstance(found, Unread):
            raise RecordsUnread(f"{path}: an image cannot be read: {found.reason.words}")
        pixels = found.picture.pixels
        with suppress(FeaturesInvalid):  # a frozen network that is not here
            known.add_rows(what, images.inputs(np.stack([pixels]), scales, images.reached))
        known.add_rows(what, np.asarray(pixels, dtype=np.int64).reshape(1, -1))
