"""Canonical bytes inside FLARE's messages."""

from __future__ import annotations

from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import Shareable

TOPIC = "proofward"
TASK = "take_part"
_BODY = "body"


def pack(data: bytes) -> Shareable:
    """A message with these bytes."""
    shareable = Shareable()
    shareable[_BODY] = data
    return shareable


def unpack(shareable: Shareable) -> bytes | None:
    """The bytes in a message, None when there are none."""
    body = shareable.get(_BODY) if isinstance(shareable, Shareable) else None
    return body if isinstance(body, bytes) else None


def answered(shareable: Shareable) -> bool:
    """Whether a reply came from the other side's handler."""
    return isinstance(shareable, Shareable) and shareable.get_return_code(ReturnCode.OK) == ReturnCode.OK
