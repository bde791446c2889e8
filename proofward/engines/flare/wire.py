"""Canonical bytes inside FLARE's messages. Large ones travel as arrays, which FLARE carries faster."""

from __future__ import annotations

import numpy as np
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import Shareable

TOPIC = "proofward"
TASK = "take_part"
_BODY = "body"
SMALL = 1 << 18


def pack(data: bytes) -> Shareable:
    """A message with these bytes."""
    shareable = Shareable()
    shareable[_BODY] = data if len(data) < SMALL else np.frombuffer(data, dtype=np.uint8)
    return shareable


def unpack(shareable: Shareable) -> bytes | None:
    """The bytes in a message, None when there are none."""
    body = shareable.get(_BODY) if isinstance(shareable, Shareable) else None
    if isinstance(body, bytes):
        return body
    if not isinstance(body, np.ndarray) or body.dtype != np.uint8 or body.ndim != 1:
        return None
    return body.tobytes()


def answered(shareable: Shareable) -> bool:
    """Whether a reply came from the other side's handler."""
    return isinstance(shareable, Shareable) and shareable.get_return_code(ReturnCode.OK) == ReturnCode.OK
