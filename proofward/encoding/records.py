"""Typed, versioned records: frozen dataclasses to and from canonical bytes, every field validated both ways.

A record class is a frozen dataclass with a class attribute `kind` (text) and, if not 1, `version` (integer).
Its encoding is the map of its fields with "kind" and "version". Field types, with their default bounds:

    int                    [-2^63, 2^64)       Annotated[int, Range(low, high)]          both ends included
    bytes                  <= 4 MiB            Annotated[bytes, Length(32)]              or Length(0, 64)
    str, without UNSHOWN   <= 4096 bytes       Annotated[str, Length(1, 64)]             length of the UTF-8
    bool
    tuple[T, ...]          <= 65536 elements   Annotated[tuple[T, ...], Length(0, 9)]
    tuple[T, U]            exactly these
    T | None, A | B        null, or one of several record classes with different kinds
    a dataclass            its own map; without `kind` if the class has none

    @dataclass(frozen=True)
    class Enrolment:
        kind: ClassVar[str] = "enrolment"
        rows: Annotated[int, Range(1, 1 << 32)]
        root: Annotated[bytes, Length(32)]
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from proofward.encoding.cbor import MAX_BYTES, Item, decode_item, encode_item
from proofward.encoding.errors import MalformedMessage, printable

R = TypeVar("R")


class Range:
    """Bounds of an integer field, both included."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high


class Length:
    """Bounds of a length, both included: of bytes, of text in UTF-8 bytes, of a tuple.

    A single number is the exact length.
    """

    def __init__(self, least: int, most: int | None = None) -> None:
        self.least, self.most = least, least if most is None else most

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")
"""Control characters, line breaks, what changes the direction of text, the invisible: people are shown text.
A fixed list, since what counts as printable depends on the interpreter's version.
"""
_ANY_INT = Range(-(1 << 63), (1 << 64) - 1)
_ANY_BYTES, _ANY_TEXT, _ANY_TUPLE = Length(0, 1 << 22), Length(0, 4096), Length(0, 1 << 16)

# A rule maps a value at a field's path to its other form: value -> item when encoding, item -> value when
# decoding.
_Rule = Callable[[Any, str], Any]


def _typed(value: object, kind: type, path: str, expected: str) -> None:
    if type(value) is not kind:
        raise MalformedMessage(path, expected, f"{type(value).__name__} {printable(value)}")


def _bounded(size: int, length: Length, path: str, unit: str) -> None:
    if not length.least <= size <= length.most:
        raise MalformedMessage(path, f"{length} {unit}", f"{size} {unit}")


def _integer(bounds: Range) -> _Rule:
    expected = f"an integer in [{bounds.low}, {bounds.high}]"

    low, high = bounds.low, bounds.high

    def rule(value: Any, path: str) -> int:
        if type(value) is int and low <= value <= high:
            return value
        _typed(value, int, path, expected)
        raise MalformedMessage(path, expected, printable(value))

    return rule


def _bytes(length: Length) -> _Rule:
    def rule(value: Any, path: str) -> bytes:
        if type(value) is not bytes:
            _typed(value, bytes, path, "a byte string")
        if not length.least <= len(value) <= length.most:
            _bounded(len(value), length, path, "bytes")
        return cast(bytes, value)

    return rule


def _text(length: Length) -> _Rule:
    def rule(value: Any, path: str) -> str:
        _typed(value, str, path, "text")
        _bounded(len(value.encode(errors="surrogatepass")), length, path, "bytes of UTF-8")
        if found := UNSHOWN.search(value):
            raise MalformedMessage(path, "text without control characters", f"U+{ord(found[0]):04X}")
        return cast(str, value)

    return rule


def _boolean(value: Any, path: str) -> bool:
    _typed(value, bool, path, "a boolean")
    return cast(bool, value)


def _sequence(elements: tuple[Any, ...], length: Length, decoding: bool) -> _Rule:
    if len(elements) == 2 and elements[1] is Ellipsis:
        each = _rule(elements[0], decoding)

        def uniform(value: Any, path: str) -> tuple[Any, ...]:
            _typed(value, tuple, path, "a tuple")
            _bounded(len(value), length, path, "elements")
            return tuple([each(element, f"{path}[{index}]") for index, element in enumerate(value)])

        return uniform
    rules = [_rule(element, decoding) for element in elements]

    def fixed(value: Any, path: str) -> tuple[Any, ...]:
        _typed(value, tuple, path, "a tuple")
        _bounded(len(value), Length(len(rules)), path, "elements")
        return tuple(
            rule(element, f"{path}[{i}]") for i, (rule, element) in enumerate(zip(rules, value, strict=True))
        )

    return fixed


def _choice(options: tuple[Any, ...], decoding: bool) -> _Rule:
    optional = type(None) in options
    present = tuple(option for option in options if option is not type(None))
    single = _rule(present[0], decoding) if len(present) == 1 else None

    def rule(value: Any, path: str) -> Any:
        if value is None and optional:
            return None
        if single is not None:
            return single(value, path)
        return _from_map(value, present, path) if decoding else _to_map(value, present, path)

    return rule


def _rule(annotation: Any, decoding: bool, bounds: tuple[Any, ...] = ()) -> _Rule:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _rule(arguments[0], decoding, arguments[1:])
    length = next((bound for bound in bounds if isinstance(bound, Length)), None)
    if annotation is bool:
        return _boolean
    if annotation is int:
        return _integer(next((bound for bound in bounds if isinstance(bound, Range)), _ANY_INT))
    if annotation is bytes:
        return _bytes(length or _ANY_BYTES)
    if annotation is str:
        return _text(length or _ANY_TEXT)
    if origin is tuple:
        return _sequence(arguments, length or _ANY_TUPLE, decoding)
    if origin is types.UnionType or origin is Union:
        return _choice(arguments, decoding)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        turn = _from_map if decoding else _to_map
        return lambda value, path: turn(value, (annotation,), path)
    raise TypeError(f"a record's field cannot have the type {annotation!r}")


@cache
def _rules(record: type, decoding: bool) -> dict[str, _Rule]:
    hints = get_type_hints(record, include_extras=True)
    return {field.name: _rule(hints[field.name], decoding) for field in dataclasses.fields(record)}


@cache
def _header(record: type) -> Mapping[str, Item]:
    kind = getattr(record, "kind", None)
    found = {"kind": kind, "version": getattr(record, "version", 1)} if isinstance(kind, str) else {}
    return types.MappingProxyType(found)


@cache
def _keys(record: type) -> frozenset[str]:
    """All keys of a record's map."""
    return frozenset((*_header(record), *_rules(record, True)))


@cache
def _by_kind(records: tuple[type, ...]) -> Mapping[object, type]:
    """Of several classes of one kind the first."""
    return types.MappingProxyType({getattr(record, "kind", None): record for record in reversed(records)})


def _names(records: tuple[type, ...]) -> str:
    return " or ".join(sorted(str(getattr(record, "kind", record.__name__)) for record in records))


def _to_map(value: Any, records: tuple[type, ...], path: str) -> dict[str, Item]:
    if type(value) not in records:
        raise MalformedMessage(path, _names(records), f"{type(value).__name__} {printable(value)}")
    record: Any = type(value)
    result = dict(_header(record))
    for name, rule in _rules(record, False).items():
        result[name] = rule(getattr(value, name), f"{path}.{name}")
    return result


def _from_map(item: Any, records: tuple[type, ...], path: str) -> Any:
    _typed(item, dict, path, "a map")
    record = records[0]
    if len(records) > 1 or _header(record):
        kind = item.get("kind")
        found = _by_kind(records).get(kind) if type(kind) is str else None
        if found is None:
            raise MalformedMessage(f"{path}.kind", _names(records), printable(kind))
        record = found
    for name, expected in _header(record).items():
        if type(item.get(name)) is not type(expected) or item[name] != expected:
            raise MalformedMessage(f"{path}.{name}", printable(expected), printable(item.get(name)))
    rules = _rules(record, True)
    if item.keys() != _keys(record):
        fields = set(item) - set(_header(record))
        missing, extra = sorted(set(rules) - fields), sorted(fields - set(rules))
        raise MalformedMessage(
            path, f"the fields {sorted(rules)}", f"missing {missing}, unknown {printable(str(extra))}"
        )
    values = {name: rule(item[name], f"{path}.{name}") for name, rule in rules.items()}
    try:
        return record(**values)
    except MalformedMessage:
        raise
    except Exception as error:  # the record class's own validation, whatever it raises
        raise MalformedMessage(path, f"a valid {_names((record,))}", str(error)) from error


def encode(record: object) -> bytes:
    """Canonical bytes of a record.

    Raises MalformedMessage naming the first field outside its type's bounds.
    """
    cls = type(record)
    return encode_item(_to_map(record, (cls,), str(getattr(cls, "kind", cls.__name__))))


def blanked(data: bytes, record: object, field: str) -> bytes:
    """The canonical bytes of `record`, which are `data`, as they would be were its byte string `field` empty.

    Nothing but the fields behind that one is encoded again.
    """
    cls: Any = type(record)
    header, rules, behind = _header(cls), _rules(cls, False), 0
    for name in _fields_behind(cls, field):
        item = header[name] if name in header else rules[name](getattr(record, name), name)
        behind += len(encode_item(name)) + len(encode_item(item))
    end = len(data) - behind
    start = end - len(encode_item(getattr(record, field)))
    return data[:start] + encode_item(b"") + data[end:]


@cache
def _fields_behind(record: type, field: str) -> tuple[str, ...]:
    """Keys of a record's map that follow that of a field."""
    return tuple(name for name in _keys(record) if encode_item(name) > encode_item(field))


def decode(data: bytes, *records: type[R], max_bytes: int = MAX_BYTES) -> R:
    """The record with these bytes, of one of the classes given.

    Raises MalformedMessage for any other bytes.
    """
    item = decode_item(data, max_bytes)
    return cast(R, _from_map(item, records, "message" if len(records) > 1 else _names(records)))


def kind_of(data: bytes) -> str:
    """The `kind` that canonical bytes of a record bear, without knowing the record class.

    Raises MalformedMessage.
    """
    item = decode_item(data)
    kind = item.get("kind") if isinstance(item, dict) else None
    if type(kind) is not str or not 1 <= len(kind) <= 64:
        raise MalformedMessage("kind", "a text of 1 to 64 characters", printable(kind))
    return kind


def turning(annotation: Any) -> tuple[_Rule, _Rule]:
    """How a value of a field's type becomes an item, and how an item becomes one: of it and its path."""
    return _rule(annotation, False), _rule(annotation, True)
