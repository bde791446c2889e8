"""What a compressed frame says of itself, before a decoder reserves memory for it.

JPEG and JPEG-LS name their size in a frame header, JPEG 2000 in its SIZ segment. A JPEG that is cut short has
no end-of-image marker; decoders would fill what is missing, so it is refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from proofward.data.images.contract.refusal import DAMAGED, ImageRefused

_JPEG, _JPEG_2000, _JP2 = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
_STARTS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _END, _LS = 0xDA, 0xD9, 0xF7
_NEXT = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_NEXT_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # in JPEG-LS a stuffed byte is below 0x80


@dataclass(frozen=True)
class Declared:
    """Size, components and bits of a codestream."""

    rows: int
    columns: int
    components: int
    bits: int

    def __str__(self) -> str:
        return f"{self.rows} x {self.columns} pixels of {self.components} components"


def declared(frame: bytes) -> Declared | None:
    """What a frame's header says; None for other codes. Raises ImageRefused where it is damaged."""
    if frame.startswith(_JPEG):
        return _jpeg(frame)
    if frame.startswith((_JPEG_2000, _JP2)):
        return _jpeg_2000(frame)
    return None


def _jpeg(frame: bytes) -> Declared:
    """Walks the segments from the first to the end-of-image marker."""
    at, found = 2, None
    while True:
        marker, at = _marker(frame, at)
        if marker == _END:
            break
        if marker in _ALONE:
            continue
        length = int.from_bytes(frame[at : at + 2], "big")
        if length < 2 or at + length > len(frame):
            raise _cut(f"a segment of {length} bytes, {len(frame) - at} are left")
        if marker in _STARTS and found is None:
            found = _frame_header(frame[at + 2 : at + length], marker)
        at += length
        if marker == _SCAN:
            pattern = _NEXT_LS if found is not None and frame_is_ls(frame) else _NEXT
            following = pattern.search(frame, at)
            if following is None:
                raise _cut("data without one")
            at = following.start()
    if found is None:
        raise ImageRefused(DAMAGED, "a JPEG frame header", "none")
    return found


def frame_is_ls(frame: bytes) -> bool:
    """Whether a JPEG's first frame header is that of JPEG-LS."""
    at = 2
    while True:
        marker, at = _marker(frame, at)
        if marker in _STARTS or marker in (_SCAN, _END):
            return marker == _LS
        if marker not in _ALONE:
            at += max(2, int.from_bytes(frame[at : at + 2], "big"))


def _marker(frame: bytes, at: int) -> tuple[int, int]:
    """The marker at a place, and the place behind it; fill bytes may stand before it."""
    if frame[at : at + 1] != b"\xff":
        raise _cut("other bytes" if at < len(frame) else "the end of the data")
    while frame[at : at + 1] == b"\xff":
        at += 1
    if at >= len(frame):
        raise _cut("the end of the data")
    return frame[at], at + 1


def _frame_header(segment: bytes, marker: int) -> Declared:
    if len(segment) < 6:
        raise _cut("a frame header that is too short")
    rows, columns = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    return Declared(rows, columns, segment[5], segment[0])


def _jpeg_2000(frame: bytes) -> Declared:
    """The SIZ segment, which follows the start of the codestream."""
    start = frame.find(_JPEG_2000)
    size = frame[start + 4 : start + 46]
    if start < 0 or len(size) < 39:
        raise ImageRefused(DAMAGED, "a JPEG 2000 header", f"{len(frame)} bytes without one")
    width, height, left, top = (int.from_bytes(size[at : at + 4], "big") for at in (4, 8, 12, 16))
    components, bits = int.from_bytes(size[36:38], "big"), (size[38] & 0x7F) + 1
    return Declared(height - top, width - left, components, bits)


def _cut(actual: str) -> ImageRefused:
    return ImageRefused(DAMAGED, "a JPEG with an end-of-image marker", actual)
