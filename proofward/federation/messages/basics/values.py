"""Arrays as objects: field elements and integers, 8 bytes little endian each, one encoding per value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.lattice.parameters import MODULUS

Words = NDArray[np.uint64]
Signed = NDArray[np.int64]


def words_to_bytes(words: Words) -> bytes:
    """Bytes of an F-array."""
    return words.astype("<u8").tobytes()


def words_from_bytes(data: bytes, length: int) -> Words | None:
    """The F-array (length,), or None when the bytes are not `length` canonical elements."""
    if len(data) != 8 * length:
        return None
    words = np.frombuffer(data, dtype="<u8").astype(np.uint64)
    return None if words.size and int(words.max()) >= MODULUS else words


def integers_to_bytes(values: Signed) -> bytes:
    """Bytes of an int64 array."""
    return values.astype("<i8").tobytes()


def integers_from_bytes(data: bytes, length: int) -> Signed | None:
    """The int64 array (length,), or None when the bytes have another length."""
    return np.frombuffer(data, dtype="<i8").astype(np.int64) if len(data) == 8 * length else None
