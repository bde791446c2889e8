"""What tells a file from every copy of it: its number in the file system, and when it was made there.

The system sets both when it makes a file, and no program can set them, so a copied or restored file has
others. Where the file system keeps no time of birth, the number of the device stands in for it. That number
may change when disks are found in another order, so it is not used where it is not needed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

_EMPTY_PATH, _BIRTH, _BUFFER = 0x1000, 0x800, 256
_MASK_AT, _SECONDS_AT, _NANOSECONDS_AT = 0, 80, 88
"""Layout of Linux's `struct statx`: the mask of what is filled in, and the time of birth."""


def identity_of(descriptor: int) -> tuple[int, int, int]:
    """(number, time of birth in nanoseconds, device) of an open file; one of the last two is 0."""
    found = os.fstat(descriptor)
    birth = _birth(descriptor, found)
    return found.st_ino, birth, 0 if birth else found.st_dev


def _birth(descriptor: int, found: os.stat_result) -> int:
    told: Any = getattr(found, "st_birthtime_ns", None) or getattr(found, "st_birthtime", None)
    if told is not None:
        return int(told if isinstance(told, int) else told * 1e9)
    return _linux_birth(descriptor) if sys.platform == "linux" else 0


def _linux_birth(descriptor: int) -> int:
    try:
        statx = ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return 0
    buffer = ctypes.create_string_buffer(_BUFFER)
    if statx(descriptor, b"", _EMPTY_PATH, _BIRTH, buffer) != 0:
        return 0
    mask, seconds = _number(buffer, _MASK_AT, 4), _number(buffer, _SECONDS_AT, 8)
    return seconds * 10**9 + _number(buffer, _NANOSECONDS_AT, 4) if mask & _BIRTH else 0


def _number(buffer: ctypes.Array[ctypes.c_char], start: int, length: int) -> int:
    return int.from_bytes(buffer.raw[start : start + length], sys.byteorder)
