"""Typed records: they survive the round trip, and every bound is refused by name.

No bytes raise another exception than MalformedMessage.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.encoding import (
    Length,
    MalformedMessage,
    Range,
    decode,
    decode_item,
    encode,
    encode_item,
    kind_of,
)


@dataclass(frozen=True)
class Scales:
    weight_bits: int

    def __post_init__(self) -> None:
        if not 1 <= self.weight_bits <= 30:
            raise ValueError(f"weight_bits: expected 1 to 30, found {self.weight_bits}")


@dataclass(frozen=True)
class Enrolment:
    kind: ClassVar[str] = "enrolment"
    rows: Annotated[int, Range(1, 1 << 20)]
    root: Annotated[bytes, Length(32)]
    hospital: Annotated[str, Length(1, 8)]
    accepted: bool
    names: Annotated[tuple[str, ...], Length(0, 3)]
    pair: tuple[int, bytes]
    scales: Scales
    note: str | None


@dataclass(frozen=True)
class Refusal:
    kind: ClassVar[str] = "refusal"
    version: ClassVar[int] = 2
    evidence: Enrolment | None
    either: Refusal | Enrolment | None = None


GOOD = Enrolment(5, bytes(32), "north", True, ("a", "b"), (-7, b"x"), Scales(24), None)


def replaced(**changes: Any) -> Enrolment:
    return dataclasses.replace(GOOD, **changes)


def test_round_trip() -> None:
    refusal = Refusal(GOOD, Refusal(None, GOOD))
    for record in (GOOD, refusal, replaced(note="\u00fc")):
        assert decode(encode(record), Enrolment, Refusal) == record
    assert decode(encode(refusal), Refusal) == refusal
    assert kind_of(encode(refusal)) == "refusal"


@pytest.mark.parametrize(
    ("changes", "field", "expected", "actual"),
    [
        ({"rows": 0}, "enrolment.rows", "[1, 1048576]", "0"),
        ({"rows": (1 << 20) + 1}, "enrolment.rows", "[1, 1048576]", "1048577"),
        ({"rows": True}, "enrolment.rows", "an integer", "bool True"),
        ({"rows": 1 << 5000}, "enrolment.rows", "an integer", "5001 bits"),
        ({"root": bytes(31)}, "enrolment.root", "32 bytes", "31 bytes"),
        ({"root": "x"}, "enrolment.root", "a byte string", "str 'x'"),
        ({"hospital": ""}, "enrolment.hospital", "1 to 8 bytes", "0 bytes"),
        ({"hospital": "\u00fc" * 5}, "enrolment.hospital", "1 to 8 bytes", "10 bytes"),
        ({"accepted": 1}, "enrolment.accepted", "a boolean", "int 1"),
        ({"names": ("a",) * 4}, "enrolment.names", "0 to 3 elements", "4 elements"),
        ({"names": ("a", 1)}, "enrolment.names[1]", "text", "int 1"),
        ({"names": "ab"}, "enrolment.names", "a tuple", "str"),
        ({"pair": (1,)}, "enrolment.pair", "2 elements", "1 elements"),
        ({"scales": 3}, "enrolment.scales", "Scales", "int 3"),
        ({"note": 3}, "enrolment.note", "text", "int 3"),
    ],
)
def test_every_field_is_checked_when_encoding(
    changes: dict[str, Any], field: str, expected: str, actual: str
) -> None:
    with pytest.raises(MalformedMessage) as caught:
        encode(replaced(**changes))
    assert caught.value.field == field
    assert expected in caught.value.expected
    assert actual in caught.value.actual


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rows": 0}, "enrolment.rows"), ({"rows": b""}, "enrolment.rows"), ({"root": bytes(33)}, "enrolment.root"),
        ({"kind": "other"}, "enrolment.kind"), ({"kind": 7}, "enrolment.kind"), ({"version": 2}, "enrolment.version"),
        ({"version": True}, "enrolment.version"), ({"extra": 1}, "enrolment"), ({"scales": {"weight_bits": 31}}, "enrolment.scales"),
        ({"scales": {}}, "enrolment.scales"), ({"scales": ()}, "enrolment.scales"), ({"pair": (1, 2)}, "enrolment.pair[1]"),
        ({"names": ("a", None)}, "enrolment.names[1]"),
    ],
)  # fmt: skip
def test_every_field_is_checked_when_decoding(changes: dict[str, Any], field: str) -> None:
    item = decode_item(encode(GOOD))
    assert isinstance(item, dict)
    with pytest.raises(MalformedMessage) as caught:
        decode(encode_item({**item, **changes}), Enrolment)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["rows", "kind", "version", "note"])
def test_a_missing_field_is_refused(name: str) -> None:
    item = decode_item(encode(GOOD))
    assert isinstance(item, dict)
    with pytest.raises(MalformedMessage):
        decode(encode_item({key: value for key, value in item.items() if key != name}), Enrolment)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.data())
def test_changed_bytes_are_another_record_or_malformed(data: st.DataObject) -> None:
    raw = bytearray(encode(Refusal(GOOD, Refusal(GOOD))))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        record = decode(bytes(raw), Enrolment, Refusal)
    except MalformedMessage:
        return
    assert encode(record) == bytes(raw)


SCALARS = st.none() | st.booleans() | st.integers(-5, 1 << 60) | st.binary(max_size=33) | st.text(max_size=9)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=4)
    | st.dictionaries(st.sampled_from(["kind", "weight_bits"]), SCALARS)
)


@pytest.mark.slow
@settings(max_examples=500)
@given(
    st.dictionaries(
        st.sampled_from(["kind", "version", *(field.name for field in dataclasses.fields(Enrolment))]), VALUES
    )
)
def test_any_map_decodes_or_is_malformed(changes: dict[str, Any]) -> None:
    item = decode_item(encode(GOOD))
    assert isinstance(item, dict)
    data = encode_item({**item, **changes})
    try:
        record = decode(data, Enrolment)
    except MalformedMessage as error:
        assert error.field.startswith("enrolment")
    else:
        assert encode(record) == data


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xa0", encode_item({"kind": ""}), encode_item({"kind": 3})])
def test_bytes_without_a_kind(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        kind_of(data)
