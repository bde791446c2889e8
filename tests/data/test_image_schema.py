"""What hospitals with images agree on: the integer of every grey level, one encoding, and its digest."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from proofward.data.bound_title import check_title
from proofward.data.columns.schema import Feature, FeaturesInvalid, Schema
from proofward.data.image_schema import ImageSchema, schema_from_bytes
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.data.reading.records import to_fixed_point
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import FixedPoint

SCALES = FixedPoint()
SCHEMA = ImageSchema(ImageRule(4, 6), Levels(), ("clear", "benign"), ("mass",), "finding")


def test_the_integers_of_grey_levels():
    table = Levels((0.5,), (0.25,)).table(SCALES.activation_bits)
    assert table.shape == (1, 256) and (table[0, 0], table[0, 255]) == (-128, 128)
    assert table[0].tolist() == [round((byte / 255 - 0.5) / 0.25 * 64) for byte in range(256)]
    assert (np.diff(table[0]) >= 0).all()
    eighths = Levels((0.0,), (8.0,)).table(2)[0]
    assert eighths[127] == 0 and eighths[128] == 0 and eighths[255] == 0  # 1/8 of 4 is a half: to even
    assert Levels((-0.75,), (1.0,)).table(1)[0, 0] == 2  # 1.5, to even


@pytest.mark.parametrize("levels", [Levels(), Levels((0.485,), (0.229,)), Levels((0.1,), (0.03,))])
def test_they_are_those_of_a_table_with_the_same_constants(levels):
    greys = np.arange(256)[:, None] / 255
    assert np.array_equal(
        levels.table(SCALES.activation_bits)[0], to_fixed_point((greys - levels.centre[0]) / levels.spread[0], SCALES)[:, 0]
    )


def test_pixels_become_features_row_by_row():
    levels = Levels((0.0, 0.5, 1.0), (1.0, 0.5, 0.25))
    pixels = np.random.default_rng(1).integers(0, 256, (5, 3, 2, 4), dtype=np.uint8)
    found, table = levels.features(pixels, SCALES), levels.table(SCALES.activation_bits)
    assert found.shape == (5, 24) and found.dtype == np.int64
    for channel in range(3):
        assert np.array_equal(found.reshape(5, 3, 2, 4)[:, channel], table[channel][pixels[:, channel]])


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (Levels((0.5,), (0.01,)), "images.spread 0.01: expected black and white within -32 and 31.9844, got '-50 and 50,"),
        (Levels((90.0,), (1.0,)), "got '-90 and -89, with centre 90.0'"),
        (Levels((0.5, 0.5), (0.25, 0.25)), "images.centre: expected a number for each of 1 channels, got 2"),
        (Levels((0.5,), (0.25, 0.25)), "images.spread: expected a number for each of 1 channels, got 2"),
    ],
)
def test_levels_outside_the_range_are_refused(levels, words):
    with pytest.raises(ConfigurationError) as refused:
        levels.check(1, SCALES)
    assert words in str(refused.value)
    Levels().check(1, SCALES)


@pytest.mark.parametrize(("centre", "spread"), [(0.5, 0.0), (0.5, -1.0), (float("nan"), 1.0), (0.5, float("inf"))])
def test_no_numbers_are_refused(centre, spread):
    with pytest.raises(ConfigurationError, match=r"images\.(centre|spread): expected a number"):
        Levels((centre,), (spread,))


def test_one_schema_has_one_encoding():
    data = SCHEMA.to_bytes()
    assert schema_from_bytes(data) == SCHEMA and SCHEMA.classes == ("clear or benign", "mass")
    assert SCHEMA.axes == (1, 4, 6) and SCHEMA.size == 24 == len(SCHEMA.features)
    with pytest.raises(FeaturesInvalid, match="canonical encoding"):
        schema_from_bytes(json.dumps(json.loads(data)).encode())
    table = Schema((Feature("age", 50.0, 10.0),))
    assert schema_from_bytes(table.to_bytes()) == table and table.size == 1


def test_several_classes_are_sides_too():
    schema = replace(SCHEMA, others=(("cyst", "node"), ("scar",)))
    assert schema.classes == ("clear or benign", "mass", "cyst or node", "scar")
    assert schema.agreed == ("clear", "benign", "mass", "cyst", "node", "scar")
    assert [schema.number(name) for name in schema.agreed] == [0, 0, 1, 2, 2, 3] and schema.number("other") == 0
    assert schema_from_bytes(schema.to_bytes()) == schema and schema.digest != SCHEMA.digest
    label = {"column": "finding", "classes": [["clear", "benign"], ["mass"]]}
    with pytest.raises(FeaturesInvalid, match="canonical encoding"):  # of two classes there is one other form
        schema_from_bytes((json.dumps({**SCHEMA.to_plain(), "label": label}, indent=1) + "\n").encode())
    for others, words in (((("clear",),), "clear twice"), (((),), "found 0"), ((("x",),) * 63, "2 to 64 classes")):
        with pytest.raises(FeaturesInvalid, match=words):
            replace(SCHEMA, others=others)


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": ImageRule(6, 4)}, {"rule": ImageRule(4, 6, channels=3), "levels": Levels(3 * (0.5,), 3 * (0.25,))},
        {"rule": ImageRule(4, 6, window="full")}, {"rule": ImageRule(4, 6, resampling="bilinear")},
        {"rule": ImageRule(4, 6, fit="pad")}, {"levels": Levels((0.4,), (0.25,))},
        {"levels": Levels((0.5,), (0.2,))}, {"positive": ("lump",)}, {"negative": ("clear",)},
        {"negative": ("benign", "clear")}, {"column": "class"},
    ],
)  # fmt: skip
def test_whatever_changes_has_another_digest(changes):
    other = replace(SCHEMA, **changes)
    assert other.digest != SCHEMA.digest and other.title("Scans") != SCHEMA.title("Scans")
    check_title(other, other.title("Scans"))
    with pytest.raises(FeaturesInvalid, match=f"expected images {SCHEMA.digest.hex()}, which the terms name"):
        check_title(other, SCHEMA.title("Scans"))


def test_tables_and_images_are_told_apart_by_the_terms():
    table = Schema((Feature("age", 50.0, 10.0),))
    check_title(table, "Scans; images of the liver")
    with pytest.raises(FeaturesInvalid, match=r"expected images .*, found columns of a table"):
        check_title(table, SCHEMA.title("Scans"))
    with pytest.raises(FeaturesInvalid, match=r"expected columns of a table.*, found images"):
        check_title(SCHEMA, "Scans")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positive": ()}, "label.positive: expected 1 to 100 classes of images, found 0"),
        ({"positive": ("clear",)}, "each class of images once, found clear twice"),
        ({"positive": ("",)}, "names of 1 to 200 characters"),
        ({"positive": ("clear or benign",)}, "different sides"),
        ({"positive": ("a" * 150, "b" * 150)}, "at most 200 characters a side"),
        ({"column": "a\n"}, "names of 1 to 200 characters"),
    ],
)
def test_classes_that_make_no_sense(changes, words):
    with pytest.raises(FeaturesInvalid, match=words):
        replace(SCHEMA, **changes)


@pytest.mark.parametrize(
    "change",
    [
        {"rule": {}}, {"rule": 3}, {"centre": [0.5, 0.5]}, {"centre": []}, {"centre": 0.5}, {"spread": [0]},
        {"spread": ["1"]}, {"label": {}}, {"label": {"column": "a", "negative": ["b"]}}, {"more": 1},
        {"label": {"column": "a", "classes": [["b"]]}}, {"label": {"column": "a", "classes": 3}},
        {"label": {"column": "a", "classes": [["b"], ["c"], 3]}},
        {"label": {"column": "a", "classes": [["b"], ["c"], ["d"]], "negative": ["e"]}},
        {"label": {"column": "a", "negative": ["b"], "positive": ["c"], "more": 1}},
        {"label": {"column": "a", "negative": [1], "positive": ["c"]}},
    ],
)  # fmt: skip
def test_no_schema_is_refused(change):
    with pytest.raises(FeaturesInvalid):
        schema_from_bytes(json.dumps({**SCHEMA.to_plain(), **change}).encode())
