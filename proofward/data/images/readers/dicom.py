"""DICOM files as pictures: every frame is one, with the digest of its patient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Bytes, Picture
from proofward.data.images.contract.extra import imported, quiet
from proofward.data.images.contract.identity import check_identity, patient_of
from proofward.data.images.contract.refusal import DAMAGED, ImageRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.blocks import by_rows
from proofward.data.images.pixels.colour import rgb_of_ybr
from proofward.data.images.pixels.grey import scaled
from proofward.data.images.pixels.resampling import finished
from proofward.data.images.readers.dicom_frames import Frame, frames_of
from proofward.data.images.readers.dicom_grey import grey_bytes
from proofward.data.images.readers.dicom_header import GREYS, PALETTE, Description, described, opened

KIND = "DICOM"


def dicom_pictures(path: Path, rule: ImageRule, admission: Admission) -> Iterator[Picture]:
    """Every frame of a file; raises ImageRefused."""
    with quiet():
        dataset = opened(path, admission.limits)
        description = described(dataset, admission.limits)
        check_identity(dataset, admission)
        patient = patient_of(dataset, admission)
        frames = frames_of(dataset, description)
    index = 0
    while True:
        with quiet():
            frame = next(frames, None)
            if frame is None:
                return
            plane, notes = _plane(frame, dataset, index, description, rule)
        pixels, more = finished(plane, rule)
        number = index if description.frames > 1 else None
        yield Picture(pixels, KIND, plane.ndim == 3, number, patient, (*notes, *more))
        index += 1


def _plane(
    frame: Frame, dataset: Any, index: int, description: Description, rule: ImageRule
) -> tuple[Bytes, tuple[str, ...]]:
    """A frame's bytes, (rows, columns) or (rows, columns, 3)."""
    try:
        if description.photometric in GREYS:
            return grey_bytes(frame.stored, dataset, index, description, rule)
        return _colours(frame, dataset, description), ()
    except ImageRefused:
        raise
    except Exception as error:  # its words may repeat a value
        actual = f"others ({type(error).__name__})"
        raise ImageRefused(DAMAGED, "elements that say how pixels are shown", actual) from None


def _colours(frame: Frame, dataset: Any, description: Description) -> Bytes:
    if description.photometric == PALETTE:
        processing = imported("pydicom.pixels.processing")
        table = np.asarray(processing.apply_color_lut(frame.stored, dataset))
        return scaled(table[..., :3], 8 * table.dtype.itemsize)
    plane = scaled(frame.stored, description.stored, description.signed)
    return by_rows(rgb_of_ybr, plane) if frame.photometric in ("YBR_FULL", "YBR_FULL_422") else plane
