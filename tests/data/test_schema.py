"""The columns that a consortium agrees on: one encoding, and no other bytes or nonsense."""

from __future__ import annotations

import json

import pytest

from proofward.data.columns.schema import (
    Feature,
    FeaturesInvalid,
    Label,
    Notation,
    Schema,
    ascending,
)

FEATURES = (Feature("age", 50.0, 10.0, "years"), Feature("größe", 2.0, 0.5))
SCHEMA = Schema(FEATURES, Notation(Label("diagnosis", "B", "M"), ("id", "patient_id"), ",", 5))


def test_there_and_back():
    for schema in (SCHEMA, Schema(FEATURES), Schema(())):
        assert Schema.from_bytes(schema.to_bytes()) == schema
    assert (
        Schema((Feature("age", 50, 10, "years"), FEATURES[1]), SCHEMA.notation).to_bytes()
        == SCHEMA.to_bytes()
    )
    assert SCHEMA.classes == ("B", "M") and SCHEMA.label.column == "diagnosis"
    assert "größe".encode() in SCHEMA.to_bytes()


def plain(**changes: object) -> bytes:
    found = json.loads(SCHEMA.to_bytes()) | changes
    return (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode()


def feature(**changes: object) -> bytes:
    entry = {"name": "age", "unit": "", "centre": 0.0, "spread": 1.0} | changes
    return plain(features=[entry])


def test_the_helpers_write_what_is_accepted():
    assert plain() == SCHEMA.to_bytes() and len(Schema.from_bytes(feature()).features) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff", b"{}]", b"3", b"[]", b"{}", b'["age"]', b"null", b"[" * 100_000,
        SCHEMA.to_bytes()[:-1], SCHEMA.to_bytes() + b"\n", SCHEMA.to_bytes().replace(b"50.0", b"50"),
        SCHEMA.to_bytes().replace("ö".encode(), b"\\u00f6"),
        SCHEMA.to_bytes().replace(b'"decimal": ",",', b'"decimal": ".",\n "decimal": ",",'),
        plain(version="proofward/columns/v2"), plain(more=1),
        plain(features={}), plain(features=["age"]), plain(features=[{"name": "age"}]), plain(features=3),
        plain(decimal=";"), plain(decimal=""), plain(decimal=None), plain(decimal=["."]),
        plain(clipped_percent=101), plain(clipped_percent=-1), plain(clipped_percent=20.0),
        plain(clipped_percent=True),
        plain(ignore="id"), plain(ignore=["b", "a"]), plain(ignore=["a", "a"]), plain(ignore=[3]),
        plain(ignore=["age"]), plain(ignore=["diagnosis"]), plain(ignore=[""]), plain(ignore=["a\n"]),
        plain(ignore=[f"{n:04}" for n in range(1001)]),
        plain(label={"column": "age", "negative": "B", "positive": "M"}),
        plain(label={"column": "y", "negative": "B", "positive": "B"}),
        plain(label={"column": "y", "negative": "1", "positive": "1.0"}),
        plain(label={"column": "y", "negative": 0, "positive": 1}),
        plain(label={"column": "y", "negative": "", "positive": "M"}),
        plain(label={"column": "y", "negative": "B"}), plain(label=3),
        feature(spread=0.0), feature(spread=-1.0), feature(spread="1"), feature(centre=True),
        feature(centre=float("nan")), feature(centre=10**400), feature(name=""), feature(name=" age"),
        feature(name="a\0"), feature(name="a" * 201), feature(name=3), feature(unit=3), feature(unit="\n"),
        feature(unit="m" * 41), feature(more=1),
        plain(features=[json.loads(feature())["features"][0]] * 2),
    ],
)  # fmt: skip
def test_other_bytes_are_refused(data):
    with pytest.raises(FeaturesInvalid):
        Schema.from_bytes(data)


def test_names_that_differ_in_the_encoding_of_accents_only_are_one_name():
    with pytest.raises(FeaturesInvalid, match="twice"):
        Schema((Feature("gr\u00f6sse", 0, 1), Feature("gro\u0308sse", 0, 1)))


def test_too_large_a_file_is_not_looked_at():
    with pytest.raises(FeaturesInvalid, match="at most"):
        Schema.from_bytes(b" " * ((1 << 24) + 1))


def test_ignored_columns_are_sorted_once():
    assert ascending(["b", "a", "b"]) == ("a", "b")
