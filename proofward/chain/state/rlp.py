"""RLP, the encoding of a chain's headers and of the nodes of its state: bytes, and lists of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, Union

from proofward.chain.basics.errors import ProofOfStateInvalid

Item: TypeAlias = Union[bytes, "list[Item]"]
MAX_DEPTH = 8


def rlp_encode(item: bytes | Sequence[object]) -> bytes:
    """Canonical bytes of an item."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(0x80, len(item)) + item
    body = b"".join(rlp_encode(part) for part in item)  # type: ignore[arg-type]
    return _prefix(0xC0, len(body)) + body


def rlp_decode(data: bytes) -> Item:
    """The item with exactly these bytes; raises ProofOfStateInvalid."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data) or rlp_encode(item) != data:
        raise ProofOfStateInvalid("RLP", "the one encoding of an item", f"{len(data)} bytes of another")
    return item


def number_bytes(value: int) -> bytes:
    """An integer as RLP has it: no leading zeros, and nothing for zero."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _prefix(offset: int, length: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = number_bytes(length)
    return bytes([offset + 55 + len(size)]) + size


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end or depth > MAX_DEPTH:
        raise ProofOfStateInvalid("RLP", "an item within its list", f"{end - at} bytes, depth {depth}")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    offset = 0xC0 if first >= 0xC0 else 0x80
    size = first - offset
    start = at + 1
    if size > 55:
        start += size - 55
        size = int.from_bytes(data[at + 1 : start], "big")
    stop = start + size
    if stop > end:
        raise ProofOfStateInvalid("RLP", f"{size} bytes", f"{end - start} bytes")
    if offset == 0x80:
        return data[start:stop], stop
    found: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, depth + 1)
        found.append(item)
    return found, stop
