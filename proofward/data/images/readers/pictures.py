"""PNG, JPEG and TIFF files as pictures: turned as EXIF says, deep, with palettes, transparency or CMYK."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.example import Bytes, Picture
from proofward.data.images.contract.extra import imported, quiet
from proofward.data.images.contract.refusal import DAMAGED, NO_IMAGE, TOO_LARGE, UNSUPPORTED, ImageRefused
from proofward.data.images.contract.rule import FIXED, ImageRule
from proofward.data.images.pixels.blocks import by_rows
from proofward.data.images.pixels.colour import over_black
from proofward.data.images.pixels.grey import fixed, scaled
from proofward.data.images.pixels.resampling import finished
from proofward.data.images.readers.codestream import declared

FORMATS = ("PNG", "JPEG", "TIFF")
_MARKS = {b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _SIGNED = 258, 339, 2
_LARGEST_FILE = 1 << 28


def picture_in(path: Path, rule: ImageRule, limits: Limits) -> Picture:
    """The one picture in a file; raises ImageRefused."""
    size = path.stat().st_size
    most = min(limits.file_bytes, _LARGEST_FILE)
    if size > most:
        raise ImageRefused(TOO_LARGE, f"at most {most} bytes", f"{size} bytes")
    if size == 0:
        raise ImageRefused(DAMAGED, "a picture", "an empty file")
    with quiet():
        kind, plane = _decoded(path, rule, limits)
    pixels, notes = finished(plane, rule)
    return Picture(pixels, kind, plane.ndim == 3, notes=notes)


def _decoded(path: Path, rule: ImageRule, limits: Limits) -> tuple[str, Bytes]:
    """The format, and bytes of (h, w) or (h, w, 3)."""
    pillow = imported("PIL.Image")
    try:
        with pillow.open(path, formats=FORMATS) as image:
            kind = str(image.format)
            _check_header(image, path, limits)
            image.load()
            turned = imported("PIL.ImageOps").exif_transpose(image)
            return kind, _plane(turned, image, rule)
    except ImageRefused:
        raise
    except pillow.UnidentifiedImageError:
        raise _unidentified(path) from None
    except pillow.DecompressionBombError:
        actual = "a header that declares more"
        raise ImageRefused(TOO_LARGE, f"at most {limits.pixels} pixels", actual) from None
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError,
            ZeroDivisionError, struct.error, MemoryError, RecursionError) as error:  # fmt: skip
        actual = f"one that cannot be decoded ({type(error).__name__})"
        raise ImageRefused(DAMAGED, "a whole picture", actual) from None


def _unidentified(path: Path) -> ImageRefused:
    """A file that no reader knows: one of these formats, but damaged, or another kind of file."""
    if kind := marked(path):
        return ImageRefused(DAMAGED, f"a whole {kind}", "one whose header cannot be read")
    return ImageRefused(NO_IMAGE, "a DICOM, PNG, JPEG or TIFF file", "a file of another kind")


def marked(path: Path) -> str:
    """The format whose mark a file begins with: PNG, JPEG or TIFF, "" for none of them."""
    with path.open("rb") as file:
        start = file.read(4)
    return next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), "")


def _check_header(image: Any, path: Path, limits: Limits) -> None:
    """What the header declares, before anything is decoded."""
    width, height = image.size
    if width * height > limits.pixels or width * height < 1:
        raise ImageRefused(TOO_LARGE, f"1 to {limits.pixels} pixels", f"{width} x {height}")
    pages = getattr(image, "n_frames", 1)
    if pages != 1:
        remedy = "store each in a file of its own"
        raise ImageRefused(UNSUPPORTED, "one picture in a file", f"{pages}", remedy)
    if image.format == "JPEG":
        found = declared(path.read_bytes())
        if found is None or (found.rows, found.columns) != (height, width):
            raise ImageRefused(DAMAGED, f"a JPEG of {height} x {width} pixels", str(found))


def _plane(image: Any, opened: Any, rule: ImageRule) -> Bytes:
    """A decoded picture's bytes; `opened` is the file's own, which has its tags."""
    mode = image.mode
    if mode.startswith("I"):
        return _deep(np.asarray(image), *_depth(opened), rule)
    convert = _CONVERSIONS.get(mode)
    if convert is None:
        raise ImageRefused(UNSUPPORTED, f"a picture of mode {', '.join(_CONVERSIONS)} or I;16", mode)
    has_key = "transparency" in image.info
    plane = _transparent(image) if has_key else convert(image)
    grey = mode in ("1", "L", "LA", "La")
    if plane.ndim == 3 and grey:
        plane = np.ascontiguousarray(plane[..., 0])
    if plane.ndim == 2 and rule.window == FIXED:
        return _deep(plane, 8, False, rule)
    return plane


def _depth(opened: Any) -> tuple[int, bool]:
    """Bits and sign of a deep grey picture's values."""
    tags = getattr(opened, "tag_v2", None)
    if tags is None:
        return 16, False
    bits, form = tags.get(_BITS_PER_SAMPLE, (16,)), tags.get(_SAMPLE_FORMAT, (1,))
    return int(bits[0]), int(form[0]) == _SIGNED


def _deep(stored: Any, bits: int, signed: bool, rule: ImageRule) -> Bytes:
    """Grey values of any depth by the rule's window; a picture has none of its own."""
    if bits == 32 and not signed:
        stored = stored.astype(np.int64) & 0xFFFFFFFF
    if rule.window == FIXED:
        return fixed(stored, rule)
    return scaled(stored, bits, signed)


def _opaque(image: Any) -> Bytes:
    return np.asarray(image, dtype=np.uint8)


def _black_and_white(image: Any) -> Bytes:
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _coloured(image: Any) -> Bytes:
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _transparent(image: Any) -> Bytes:
    """RGBA over black."""
    layers = np.asarray(image.convert("RGBA"), dtype=np.uint8)
    return by_rows(over_black, layers[..., :3], layers[..., 3])


_CONVERSIONS: dict[str, Callable[[Any], Bytes]] = {
    "1": _black_and_white,
    "L": _opaque,
    "RGB": _opaque,
    "LA": _transparent,
    "RGBA": _transparent,
    "P": _transparent,
    "PA": _transparent,
    "CMYK": _coloured,
    "YCbCr": _coloured,
}
