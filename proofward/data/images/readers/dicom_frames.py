"""The frames of a DICOM file as stored integers, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.extra import imported
from proofward.data.images.contract.refusal import DAMAGED, UNSUPPORTED, ImageRefused
from proofward.data.images.readers.codestream import Declared, declared
from proofward.data.images.readers.dicom_header import Description
from proofward.encoding.errors import printable

_DECODER = "pylibjpeg"
"""The one decoder of every compressed syntax: another may round a lossy picture in another way."""


@dataclass(frozen=True, eq=False)
class Frame:
    """stored: integers (rows, columns) or (rows, columns, 3). photometric: what the decoder made of it."""

    stored: NDArray[np.integer]
    photometric: str


def frames_of(dataset: Any, description: Description) -> Iterator[Frame]:
    """All frames, in order; raises ImageRefused where one is damaged."""
    pixels = imported("pydicom.pixels")
    try:
        decoder = pixels.get_decoder(description.syntax)
    except NotImplementedError:
        raise _unsupported(description) from None
    if description.syntax.is_encapsulated:
        for name in ("libjpeg", "openjpeg", "rle"):
            imported(name)
        if _DECODER not in decoder.available_plugins:
            raise _unsupported(description)
        _check_codestreams(dataset, description)
    count = 0
    frames = decoder.iter_array(
        dataset, raw=True, decoding_plugin=_DECODER if description.syntax.is_encapsulated else ""
    )
    while True:
        try:
            decoded = next(frames, None)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the RLE plug-in is no Exception
            words = " ".join(str(error).split()).rpartition(f"{_DECODER}: ")[2]
            raise ImageRefused(DAMAGED, "a frame that can be decoded", printable(words, 200)) from None
        if decoded is None:
            break
        count += 1
        stored, properties = decoded
        yield Frame(_checked(stored, description), str(properties["photometric_interpretation"]))
    if count != description.frames:
        raise ImageRefused(DAMAGED, f"{description.frames} frames", str(count))


def _check_codestreams(dataset: Any, description: Description) -> None:
    """Every frame's own size is that of the file, before anything is decoded."""
    encaps = imported("pydicom.encaps")
    expected = (description.rows, description.columns, description.samples)
    try:
        encoded = list(encaps.generate_frames(dataset.PixelData, number_of_frames=description.frames))
    except Exception as error:
        actual = f"others ({type(error).__name__})"
        raise ImageRefused(DAMAGED, "fragments of compressed frames", actual) from None
    if len(encoded) != description.frames:
        raise ImageRefused(DAMAGED, f"{description.frames} compressed frames", str(len(encoded)))
    for frame in encoded:
        found = declared(frame)
        if found is not None and (found.rows, found.columns, found.components) != expected:
            raise ImageRefused(DAMAGED, f"a codestream of {Declared(*expected, bits=0)}", str(found))
        if found is not None and found.bits > description.allocated:
            wanted = f"a codestream of at most {description.allocated} bits"
            raise ImageRefused(DAMAGED, wanted, f"one of {found.bits}")


def _checked(stored: NDArray[np.integer], description: Description) -> NDArray[np.integer]:
    expected: tuple[int, ...] = (description.rows, description.columns)
    if description.samples == 3:
        expected = (*expected, 3)
    if stored.shape != expected or stored.dtype.kind not in "iu":
        raise ImageRefused(DAMAGED, f"integers of shape {expected}", f"{stored.dtype} of {stored.shape}")
    return stored


def _unsupported(description: Description) -> ImageRefused:
    known = "a transfer syntax for still pictures"
    return ImageRefused(UNSUPPORTED, known, printable(description.syntax.name), "store it uncompressed")
