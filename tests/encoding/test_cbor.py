"""Deterministic CBOR: only the canonical bytes of an item are accepted.

The examples of RFC 8949 hold, and another implementation agrees.
"""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.encoding import MalformedMessage, decode_item, encode_item

RFC_8949_APPENDIX_A = [
    (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"), (1000, "1903e8"),
    (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"), (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"), (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"),
    (False, "f4"), (True, "f5"), (None, "f6"), (b"", "40"), (b"\x01\x02\x03\x04", "4401020304"), ("", "60"), ("a", "6161"),
    ("IETF", "6449455446"), ("\u00fc", "62c3bc"), ("\u6c34", "63e6b0b4"), ((), "80"), ((1, 2, 3), "83010203"),
    ((1, (2, 3), (4, 5)), "8301820203820405"), ({}, "a0"), ({"a": 1, "b": (2, 3)}, "a26161016162820203"),
]  # fmt: skip

ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=300)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=5).map(tuple) | st.dictionaries(st.text(max_size=30), inner, max_size=5)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("item", "encoding"), RFC_8949_APPENDIX_A)
def test_rfc_8949_examples(item: Any, encoding: str) -> None:
    assert encode_item(item).hex() == encoding
    assert decode_item(bytes.fromhex(encoding)) == item


@pytest.mark.parametrize(
    "encoding",
    ["", "1817", "190018", "1a0000ffff", "1b00000000ffffffff", "5801ff", "9f01ff", "5f4101ff", "a2616201616101",
     "a2616101616101", "a10101", "f7", "f0", "f814", "f97e00", "fb3ff0000000000000", "c074", "c249010000000000000000", "00f6",
     "62c328", "1c", "5bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff", "81" * 40 + "00", "ff"],
)  # fmt: skip
def test_everything_else_is_refused(encoding: str) -> None:
    with pytest.raises(MalformedMessage, match="byte"):
        decode_item(bytes.fromhex(encoding))


@pytest.mark.slow
@given(ITEMS)
def test_round_trip_and_agreement_with_cbor2(item: Any) -> None:
    data = encode_item(item)
    assert decode_item(data) == item
    assert cbor2.dumps(item, canonical=True) == data


@pytest.mark.slow
@settings(max_examples=400)
@given(ITEMS, st.data())
def test_a_changed_encoding_is_another_item_or_refused(item: Any, data: st.DataObject) -> None:
    raw = bytearray(encode_item(item))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_item(bytes(raw))
    except MalformedMessage:
        return
    assert encode_item(decoded) == bytes(raw)
    assert encode_item(decoded) != encode_item(item)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.binary(max_size=64))
def test_any_bytes_are_canonical_or_malformed(data: bytes) -> None:
    try:
        decoded = decode_item(data)
    except MalformedMessage as error:
        assert error.field
        assert error.expected != error.actual
    else:
        assert encode_item(decoded) == data


@pytest.mark.parametrize("item", [1 << 64, -(1 << 64) - 1, 1.5, {1: 2}, "\ud800", {"\ud800": 1}, object()])
def test_what_is_no_item_is_not_encoded(item: Any) -> None:
    with pytest.raises(MalformedMessage):
        encode_item(item)


def test_depth_and_size_are_bounded() -> None:
    nested: Any = 0
    for _ in range(20):
        nested = (nested,)
    with pytest.raises(MalformedMessage, match="16 levels"):
        encode_item(nested)
    with pytest.raises(MalformedMessage, match="at most 10 bytes"):
        decode_item(encode_item(bytes(10)), max_bytes=10)
