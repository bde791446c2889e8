"""Opening a DICOM file and reading what describes its pixels, checked before any pixel is decoded."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.extra import imported
from proofward.data.images.contract.refusal import (
    DAMAGED,
    NO_IMAGE,
    NO_PIXELS,
    TOO_LARGE,
    UNSUPPORTED,
    ImageRefused,
)
from proofward.encoding.errors import printable

_PIXEL_DATA = 0x7FE00010
_FLOATS = (0x7FE00008, 0x7FE00009)
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PREAMBLE, _PIECE = 128, 1 << 20
_NAMES = {
    "BitsAllocated": "Bits Allocated (0028,0100)",
    "Rows": "Rows (0028,0010)",
    "Columns": "Columns (0028,0011)",
    "SamplesPerPixel": "Samples per Pixel (0028,0002)",
    "PhotometricInterpretation": "Photometric Interpretation (0028,0004)",
    "PixelRepresentation": "Pixel Representation (0028,0103)",
}
GREYS = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")


@dataclass(frozen=True)
class Description:
    """The image pixel module of a file."""

    syntax: Any
    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    signed: bool
    photometric: str

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames where they are not compressed."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return -(-self.rows * self.columns * samples * self.frames * self.allocated // 8)


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM's files."""
    with path.open("rb") as file:
        return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"


def opened(path: Path, limits: Limits) -> Any:
    """A file's data set; raises ImageRefused."""
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise ImageRefused(TOO_LARGE, f"at most {limits.file_bytes} bytes", f"{size} bytes")
    if not is_dicom(path):
        raise ImageRefused(NO_IMAGE, "a DICOM file, with DICM at byte 128", f"{size} bytes of another kind")
    pydicom = imported("pydicom")
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        if str(meta.get("TransferSyntaxUID", "")) == _DEFLATED:
            _check_inflated(path, meta, limits)
        return pydicom.dcmread(path)
    except ImageRefused:
        raise
    except Exception as error:  # its words may repeat a value
        found = f"bytes that are none ({type(error).__name__})"
        raise ImageRefused(DAMAGED, "a DICOM data set", found) from None


def _check_inflated(path: Path, meta: Any, limits: Limits) -> None:
    """Counts what a deflated data set becomes, without keeping it."""
    length = meta.get("FileMetaInformationGroupLength")
    if not isinstance(length, int):
        raise ImageRefused(DAMAGED, "the length of the meta information of a deflated file", "none")
    inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(_PREAMBLE + 16 + length)
        rest = file.read(_PIECE)
        while rest and not inflater.eof:
            total += len(inflater.decompress(rest, _PIECE))
            if total > limits.inflated:
                actual = "more, deflated to " + f"{path.stat().st_size} bytes"
                raise ImageRefused(TOO_LARGE, f"at most {limits.inflated} bytes", actual)
            rest = inflater.unconsumed_tail or file.read(_PIECE)
    if not inflater.eof:
        raise ImageRefused(DAMAGED, "a deflated data set", "one that is cut short")


def described(dataset: Any, limits: Limits) -> Description:
    """What a data set says of its pixels, within the limits; raises ImageRefused."""
    _check_pixels(dataset)
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if syntax is None:
        raise ImageRefused(DAMAGED, "a Transfer Syntax UID (0002,0010)", "none")
    if not syntax.is_transfer_syntax:
        raise ImageRefused(UNSUPPORTED, "a known transfer syntax", printable(str(syntax)))
    missing = [words for keyword, words in _NAMES.items() if keyword not in dataset]
    if missing:
        raise ImageRefused(DAMAGED, "elements that describe the pixels", f"no {', no '.join(missing)}")
    found = Description(
        syntax=syntax,
        rows=_integer(dataset, "Rows", 1, 1 << 16),
        columns=_integer(dataset, "Columns", 1, 1 << 16),
        samples=_integer(dataset, "SamplesPerPixel", 1, 3),
        frames=_integer(dataset, "NumberOfFrames", 1, 1 << 31, 1),
        allocated=(allocated := _integer(dataset, "BitsAllocated", 1, 64)),
        stored=_integer(dataset, "BitsStored", 1, allocated, allocated),
        signed=bool(_integer(dataset, "PixelRepresentation", 0, 1)),
        photometric=_text(dataset, "PhotometricInterpretation"),
    )
    highest = _integer(dataset, "HighBit", 0, 63, found.stored - 1)
    if highest != found.stored - 1:
        raise ImageRefused(UNSUPPORTED, f"High Bit {found.stored - 1}, the last bit stored", str(highest))
    _check_kind(found)
    _check_size(found, limits)
    if not syntax.is_encapsulated:
        _check_length(found, len(dataset[_PIXEL_DATA].value))
    return found


def _check_pixels(dataset: Any) -> None:
    if _PIXEL_DATA in dataset:
        return
    if any(tag in dataset for tag in _FLOATS):
        raise ImageRefused(UNSUPPORTED, "whole numbers as pixels", "a map of floating-point numbers")
    kind = dataset.get("SOPClassUID") or getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID")
    name = getattr(kind, "name", "")
    known = name if name and name != str(kind) else f"{len(dataset)} elements of no known kind"
    raise ImageRefused(NO_PIXELS, "Pixel Data (7FE0,0010)", f"none in {known}")


def _check_kind(found: Description) -> None:
    wanted = 1 if found.photometric in (*GREYS, PALETTE) else 3
    if found.photometric not in (*GREYS, PALETTE, *COLOURS):
        known = ", ".join((*GREYS, PALETTE, *COLOURS))
        raise ImageRefused(UNSUPPORTED, f"one of {known}", printable(found.photometric))
    if found.samples != wanted:
        raise ImageRefused(DAMAGED, f"{wanted} samples of {found.photometric}", str(found.samples))
    if found.allocated not in (1, 8, 16, 32):
        raise ImageRefused(UNSUPPORTED, "1, 8, 16 or 32 bits allocated", str(found.allocated))


def _check_size(found: Description, limits: Limits) -> None:
    pixels = found.rows * found.columns
    if pixels > limits.pixels:
        actual = f"{found.rows} x {found.columns}"
        raise ImageRefused(TOO_LARGE, f"at most {limits.pixels} pixels a frame", actual)
    if found.frames > limits.frames:
        raise ImageRefused(TOO_LARGE, f"at most {limits.frames} frames", str(found.frames))
    if pixels * found.frames > limits.file_pixels:
        actual = f"{found.frames} frames of {found.rows} x {found.columns}"
        raise ImageRefused(TOO_LARGE, f"at most {limits.file_pixels} pixels in a file", actual)


def _check_length(found: Description, actual: int) -> None:
    """Not compressed: the pixels' bytes are known. A few more, less than a frame has, may pad them."""
    expected = found.native_bytes
    if not expected <= actual < expected + max(2, expected // found.frames):
        raise ImageRefused(DAMAGED, f"{expected} bytes of pixels", f"{actual} bytes")


def _integer(dataset: Any, keyword: str, low: int, high: int, default: int | None = None) -> int:
    """An element that is one integer in a range."""
    if keyword not in dataset and default is not None:
        return default
    try:
        value = dataset[keyword].value
    except Exception as error:
        raise ImageRefused(DAMAGED, f"an integer as {keyword}", printable(str(error))) from None
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or not low <= value <= high:
        raise ImageRefused(DAMAGED, f"an integer in [{low}, {high}] as {keyword}", printable(value))
    return int(value)


def _text(dataset: Any, keyword: str) -> str:
    value = dataset[keyword].value
    if not isinstance(value, str):
        raise ImageRefused(DAMAGED, f"a text as {keyword}", printable(value))
    return value
