"""Deterministic CBOR (RFC 8949 section 4.2.1), the part of it that records need.

Items: integers in [-2^64, 2^64), byte strings, text strings (UTF-8), arrays (tuple), maps with text keys
(dict), false, true and null. The decoder accepts exactly the encoder's image: shortest heads, definite
lengths, keys in bytewise order of their encodings without repetition, no trailing byte; so equal items have
equal bytes and the other way round. Depth and number of items are bounded (a byte on the wire may cost a
hundred in memory), and a length is checked against what is left before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

from proofward.encoding.errors import MalformedMessage, printable

Item: TypeAlias = "int | bytes | str | bool | Sequence[Item] | Mapping[str, Item] | None"

MAX_DEPTH = 16
MAX_ITEMS = 1 << 17
MAX_BYTES = 1 << 24

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLE_VALUES: dict[int, bool | None] = {20: False, 21: True, 22: None}
_SIMPLE_BYTES: dict[bool | None, bytes] = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}
_BY_KEY = itemgetter(0)
_SHORT_HEADS = tuple(bytes([first]) for first in range(256))
_KEPT_KEYS, _SHORT_KEY = 1 << 12, 24
"""How many keys are remembered, and how long their encodings are at most: those with a head of one byte."""


def _head(major: int, argument: int) -> bytes:
    first = major << 5
    if argument < 24:
        return _SHORT_HEADS[first | argument]
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return _SHORT_HEADS[first | info] + argument.to_bytes(size, "big")
    raise MalformedMessage("item", "an integer in [-2^64, 2^64)", printable(argument))


def _text(value: str, where: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise MalformedMessage(where, "text without lone surrogates", printable(value)) from None
    return _head(_TEXT, len(raw)) + raw


@lru_cache(_KEPT_KEYS)
def _key(value: str) -> bytes:
    """Keys are few: names of records' fields."""
    return _text(value, "map key")


def _append(item: object, out: list[bytes], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedMessage("item", f"at most {MAX_DEPTH} levels", f"{depth} levels")
    if item is None or item is True or item is False:
        out.append(_SIMPLE_BYTES[item])
    elif isinstance(item, bytes):
        out += (_head(_BYTES, len(item)), item)
    elif isinstance(item, str):
        out.append(_text(item, "item"))
    elif isinstance(item, int):
        out.append(_head(_UNSIGNED, item) if item >= 0 else _head(_NEGATIVE, -1 - item))
    elif isinstance(item, tuple | list):
        out.append(_head(_ARRAY, len(item)))
        for element in item:
            _append(element, out, depth + 1)
    elif isinstance(item, dict):
        entries = []
        for key, value in item.items():
            if not isinstance(key, str):
                raise MalformedMessage("map key", "text", printable(key))
            raw = _key(key) if len(key) < _SHORT_KEY else _text(key, "map key")
            entries.append((raw, value))
        out.append(_head(_MAP, len(entries)))
        for raw, value in sorted(entries, key=_BY_KEY):
            out.append(raw)
            _append(value, out, depth + 1)
    else:
        raise MalformedMessage(
            "item", "an integer, bytes, text, array, map, boolean or null", type(item).__name__
        )


def encode_item(item: Item) -> bytes:
    """The one encoding of `item`. Raises MalformedMessage when it is no item of this profile."""
    out: list[bytes] = []
    _append(item, out, 1)
    return b"".join(out)


_known_keys: dict[bytes, str] = {}
"""Keys that were read before by their encodings, which have a head of one byte: names of records' fields."""


class _Reader:
    __slots__ = ("at", "data", "end", "items")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.end = len(data)
        self.at = 0
        self.items = 0

    def fail(self, at: int, expected: str, actual: str) -> MalformedMessage:
        return MalformedMessage(f"byte {at}", expected, actual)

    def take(self, count: int) -> bytes:
        start = self.at
        end = start + count
        if end > self.end:
            raise self.fail(start, f"{count} more bytes", f"{self.end - start} bytes")
        self.at = end
        return self.data[start:end]

    def head(self) -> tuple[int, int]:
        start = self.at
        if start == self.end:
            raise self.fail(start, "1 more bytes", "0 bytes")
        first = self.data[start]
        self.at = start + 1
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info > 27 or major == _SIMPLE:
            raise self.fail(start, "an item of the deterministic profile", f"initial byte 0x{first:02x}")
        size = 1 << (info - 24)
        argument = int.from_bytes(self.take(size), "big")
        if argument < (24 if size == 1 else 1 << (4 * size)):
            raise self.fail(start, "the shortest head", f"{argument} in {size} bytes")
        return major, argument

    def text(self, length: int) -> str:
        start = self.at
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise self.fail(start + error.start, "UTF-8 text", error.reason) from None

    def count(self, start: int, count: int, least: int) -> int:
        left = self.end - self.at
        if count * least > left:
            raise self.fail(start, f"{count} elements", f"{left} bytes")
        return count

    def item(self, depth: int) -> Item:
        if depth > MAX_DEPTH:
            raise self.fail(self.at, f"at most {MAX_DEPTH} levels", f"{depth} levels")
        self.items += 1
        if self.items > MAX_ITEMS:
            raise self.fail(self.at, f"at most {MAX_ITEMS} items", "more")
        start = self.at
        major, argument = self.head()
        if major == _BYTES:
            return self.take(argument)
        if major == _UNSIGNED:
            return argument
        if major == _TEXT:
            return self.text(argument)
        if major == _ARRAY:
            inner = depth + 1
            return tuple([self.item(inner) for _ in range(self.count(start, argument, 1))])
        if major == _MAP:
            return self.mapping(self.count(start, argument, 2), depth)
        if major == _NEGATIVE:
            return -1 - argument
        if major == _SIMPLE and argument in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[argument]
        raise self.fail(
            start, "an item of the deterministic profile", f"major type {major}, argument {argument}"
        )

    def key(self) -> str:
        start = self.at
        major, length = self.head()
        if major != _TEXT:
            raise self.fail(start, "a text key", f"major type {major}")
        return self.text(length)

    def mapping(self, count: int, depth: int) -> dict[str, Item]:
        result: dict[str, Item] = {}
        data, previous, inner = self.data, b"", depth + 1
        for _ in range(count):
            start = self.at
            raw = data[start : start + 1 + (data[start] & 31)] if start < self.end else b""
            key = _known_keys.get(raw)
            if key is None:
                key = self.key()
                raw = data[start : self.at]
                if len(raw) <= _SHORT_KEY and len(_known_keys) < _KEPT_KEYS:
                    _known_keys[raw] = key
            else:
                self.at = start + len(raw)
            if raw <= previous:
                raise self.fail(start, "keys in ascending order, each once", printable(key))
            previous = raw
            result[key] = self.item(inner)
        return result


def decode_item(data: bytes, max_bytes: int = MAX_BYTES) -> Item:
    """The item that `data` is the encoding of; arrays come back as tuples.

    Raises MalformedMessage for anything else.
    """
    if type(data) is not bytes:
        raise MalformedMessage("message", "bytes", type(data).__name__)
    if len(data) > max_bytes:
        raise MalformedMessage("message", f"at most {max_bytes} bytes", f"{len(data)} bytes")
    reader = _Reader(data)
    item = reader.item(1)
    if reader.at != len(data):
        raise MalformedMessage(
            f"byte {reader.at}", "the end of the message", f"{len(data) - reader.at} more bytes"
        )
    return item
