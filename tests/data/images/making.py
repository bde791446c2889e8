"""Files of images for the tests: DICOM data sets, pictures and archives with known pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, generate_uid

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Picture
from proofward.data.images.contract.refusal import ImageRefused, Reason
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.dicom import dicom_pictures

SALT = bytes(range(32))
ADMISSION = Admission(SALT)
OPEN = Admission(SALT, identifying=True, burned_in=True)
PATIENT = "4711-Mustermann"


def dicom(
    path: Path, stored: np.ndarray, *, frames: int = 0, big_endian: bool = False, **elements: object
) -> Path:
    """A DICOM file with these stored values, (h, w) or (h, w, 3), a frame each along axis 0 where frames > 0."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    meta.TransferSyntaxUID = ExplicitVRBigEndian if big_endian else ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=False,
                       is_little_endian=not big_endian)  # fmt: skip
    data.SOPClassUID = CTImageStorage
    shape = stored.shape[1:] if frames else stored.shape
    data.Rows, data.Columns = shape[:2]
    data.SamplesPerPixel = 3 if len(shape) == 3 else 1
    data.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    if len(shape) == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * stored.dtype.itemsize
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    if frames:
        data.NumberOfFrames = frames
    data.PatientID = PATIENT
    for name, value in elements.items():
        setattr(data, name, value)
    data.HighBit = data.BitsStored - 1
    order = ">" if big_endian else "<"
    pixels = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    data.PixelData = pixels + b"\0" * (len(pixels) % 2)
    data["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    data.save_as(path, enforce_file_format=True)
    return path


def read(path: Path, rule: ImageRule, admission: Admission = ADMISSION) -> list[Picture]:
    """All frames of a DICOM file."""
    return list(dicom_pictures(path, rule, admission))


def pixels(path: Path, **rule: object) -> list:
    """The bytes of a grey DICOM file of 1 row, at its own size."""
    stored = read(path, ImageRule(**{"height": 1, "width": 4, **rule}))  # type: ignore[arg-type]
    assert len(stored) == 1
    return stored[0].pixels.ravel().tolist()


def refused(path: Path, rule: ImageRule | None = None, admission: Admission = ADMISSION) -> Reason:
    """The reason why a DICOM file is not read."""
    with pytest.raises(ImageRefused) as refusal:
        read(path, rule or ImageRule(4, 4), admission)
    return refusal.value.reason


def png(path: Path, values: np.ndarray) -> Path:
    """A PNG of (h, w) or (h, w, 3) bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, "PNG")
    return path


def encoded(values: np.ndarray, kind: str, **how: object) -> bytes:
    """A picture as a file's bytes."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, kind, **how)
    return out.getvalue()


def textured(seed: int, shape: tuple[int, ...] = (16, 16)) -> np.ndarray:
    """Bytes that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
