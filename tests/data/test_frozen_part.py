"""A frozen part in the terms: one encoding, its digest in theirs, no other network, features as a table's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from proofward.data.columns.row_schema import RowSchema
from proofward.data.columns.schema import FEATURES_NAME, Feature, FeaturesInvalid
from proofward.data.frozen.weights import LIMIT, VALUE_BITS
from proofward.data.frozen_part import FROZEN_NAME, FrozenPart, Reached
from proofward.data.image_schema import ImageSchema, complete, kit_files, schema_from_bytes
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.data.reading.records import to_fixed_point
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.settings import SCALES
from tests.data.frozen.making import SHAPE, network

NETWORK = network(share=2**-12)
RULE = ImageRule(SHAPE[1], SHAPE[2], channels=3)
GREY = ImageSchema(ImageRule(SHAPE[1], SHAPE[2]))


def grey_network():
    """The same network on one channel, whose picture it reads twice as it is."""
    made = network(share=2**-12)
    return replace(made, shape=(1, *SHAPE[1:]), nodes=(replace(made.nodes[0], groups=1), *made.nodes[1:]))


ONE = grey_network()
PART = FrozenPart("net.onnx", ONE.digest, ONE.outputs, (0.25,), (100.0,))
SCHEMA = GREY.with_frozen(PART, ONE)
PIXELS = np.random.default_rng(3).integers(0, 256, (9, 1, *SHAPE[1:]), dtype=np.uint8)


def test_it_has_one_encoding_and_changes_the_schemas():
    data = SCHEMA.to_bytes()
    found = schema_from_bytes(data)
    assert found == SCHEMA and found.frozen == PART and found.to_bytes() == data
    others = [
        GREY,
        replace(SCHEMA, frozen=replace(PART, name="other.onnx")),
        replace(SCHEMA, frozen=replace(PART, digest=bytes(32))),
        replace(SCHEMA, frozen=replace(PART, outputs=6)),
        replace(SCHEMA, frozen=replace(PART, centre=(0.5,))),
        replace(SCHEMA, frozen=replace(PART, spread=(1.0,))),
        replace(SCHEMA, frozen=replace(PART, spread=(1.0, 1.0, 1.0, 1.0, 2.0))),
    ]
    assert len({own.digest for own in [SCHEMA, *others]}) == 8
    assert SCHEMA.digest.hex() in SCHEMA.title("Patches")
    assert "frozen" not in json.loads(GREY.to_bytes()) and GREY.size == 42 and SCHEMA.size == 5
    assert SCHEMA.axes == (5,) and [entry.name for entry in SCHEMA.features][1] == "feature 2 of net.onnx"
    with pytest.raises(FeaturesInvalid, match="canonical"):
        schema_from_bytes(data.replace(PART.digest.hex().encode(), PART.digest.hex().upper().encode()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "a name of 1 to 100"),
        ({"name": "n" * 101}, "a name of 1 to 100"),
        ({"name": "../net.onnx"}, "without folders"),
        ({"name": " net"}, "without folders"),
        ({"name": 5}, "a name of"),
        ({"name": "."}, "without folders"),
        ({"name": ".."}, "without folders"),
        ({"features": 0}, "1 to 65536 features"),
        ({"features": 65537}, "1 to 65536 features"),
        ({"features": True}, "1 to 65536 features"),
        ({"digest": "00"}, "32 bytes"),
        ({"digest": "x" * 64}, "expected name, digest"),
        ({"digest": 5}, "expected name, digest"),
        ({"centre": []}, "frozen.centre: expected one number"),
        ({"centre": [1.0, 2.0]}, "frozen.centre: expected one number"),
        ({"centre": [1.0] * 5}, "frozen.centre: expected one number"),
        ({"centre": [1]}, "frozen.centre: expected numbers"),
        ({"centre": [[1.0]]}, "frozen.centre: expected numbers"),
        ({"spread": [0.0]}, "frozen.spread: expected numbers above 0"),
        ({"spread": [-1.0]}, "frozen.spread: expected numbers above 0"),
        ({"more": 1}, "expected name, digest"),
    ],
)  # fmt: skip
def test_parts_that_make_no_sense(changes, words):
    plain = json.loads(SCHEMA.to_bytes())
    plain["frozen"].update(changes)
    with pytest.raises(FeaturesInvalid) as refused:
        schema_from_bytes(json.dumps(plain).encode())
    assert words in str(refused.value)
    plain["frozen"] = []
    with pytest.raises(FeaturesInvalid, match="frozen: expected name"):
        schema_from_bytes(json.dumps(plain).encode())


def test_another_network_is_refused_with_both_digests(tmp_path):
    other = network(5, share=2**-12)
    with pytest.raises(FeaturesInvalid) as refused:
        GREY.with_frozen(PART, other)
    assert f"expected digest {PART.digest.hex()}, found {other.digest.hex()}" in str(refused.value)
    with pytest.raises(FeaturesInvalid, match="the images are"):
        ImageSchema(RULE, Levels(3 * (0.5,), 3 * (0.25,))).with_frozen(PART, ONE)
    with pytest.raises(FeaturesInvalid, match="expected 6 features, found 5"):
        GREY.with_frozen(replace(PART, outputs=6), ONE)
    bare = schema_from_bytes(SCHEMA.to_bytes())
    with pytest.raises(FeaturesInvalid, match="is needed"):
        bare.inputs(PIXELS, SCALES)
    with pytest.raises(FeaturesInvalid, match=FROZEN_NAME):
        complete(bare, tmp_path)
    (tmp_path / FROZEN_NAME).write_bytes(other.data)
    with pytest.raises(FeaturesInvalid, match=other.digest.hex()):
        complete(bare, tmp_path)
    (tmp_path / FROZEN_NAME).write_bytes(ONE.data[:-1])
    with pytest.raises(FeaturesInvalid, match="expected"):
        complete(bare, tmp_path)


def test_a_row_beside_the_images_is_refused():
    row = RowSchema.of("patient", (Feature("il6", 1.0, 2.0),), (), ".", 20)
    with pytest.raises(FeaturesInvalid, match=r"row, frozen: .*not both"):
        replace(SCHEMA, row=row)
    with pytest.raises(FeaturesInvalid, match=r"row, frozen: .*not both"):
        schema_from_bytes(json.dumps({**SCHEMA.to_plain(), "row": row.to_plain()}).encode())


def test_kits_hold_the_network(tmp_path):
    files = kit_files(SCHEMA)
    assert files == {FEATURES_NAME: SCHEMA.to_bytes(), FROZEN_NAME: ONE.data}
    assert kit_files(GREY) == {FEATURES_NAME: GREY.to_bytes()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = complete(schema_from_bytes(files[FEATURES_NAME]), tmp_path)
    assert np.array_equal(found.inputs(PIXELS, SCALES), SCHEMA.inputs(PIXELS, SCALES))
    assert complete(GREY, tmp_path) is GREY


def test_pictures_are_taken_a_few_at_a_time(monkeypatch):
    whole = SCHEMA.inputs(PIXELS, SCALES)
    assert ONE.at_a_time > len(PIXELS)
    for block, count in ((1, 1), (500, 2)):
        monkeypatch.setattr("proofward.data.frozen.network._BLOCK", block)
        assert ONE.at_a_time == count and np.array_equal(SCHEMA.inputs(PIXELS, SCALES), whole)


def test_features_are_scaled_rounded_and_clipped_as_a_tables():
    reached = SCHEMA.reached
    found = SCHEMA.inputs(PIXELS, SCALES, reached)
    levels = SCHEMA.levels.table(VALUE_BITS)[0][PIXELS].astype(np.float64)
    outputs = ONE.features(levels) / (1 << VALUE_BITS)
    assert np.array_equal(found, to_fixed_point((outputs - 0.25) / 100.0, SCALES)) and found.std() > 0
    assert reached.count == 9 and not reached.clipped and not reached.doubts
    mean, deviation = outputs.mean(), outputs.std()
    assert f"mean {mean:.4g}, deviation {deviation:.4g}" in reached.note and "0 percent are clipped" in reached.note


def test_what_is_clipped_is_counted_and_doubted():
    each = tuple(1e-6 if at < 3 else 1e9 for at in range(5))
    schema = GREY.with_frozen(replace(PART, spread=each), ONE)
    reached = schema.reached
    low, high = SCALES.input_range
    found = schema.inputs(PIXELS, SCALES, reached)
    outside = np.isin(found[:, :3], (low, high)).sum(axis=0)
    assert list(reached.clipped.values()) == outside[outside > 0].tolist()
    assert outside.sum() > 9 and not found[:, 3:].any()
    (doubt,) = reached.doubts
    assert f"{outside.sum()} of 45 features of net.onnx, more than 20 percent" in doubt.words
    assert not Reached(PART).doubts and "mean 0," in Reached(PART).note


def test_levels_have_to_be_values_of_a_network():
    SCHEMA.check(SCALES)
    far = replace(SCHEMA, levels=Levels((0.5,), (1e-3,)))
    far.check(SCALES)  # black and white are -500 and 500, which a network takes and a record would not
    with pytest.raises(ConfigurationError, match="black and white"):
        replace(far, frozen=None).check(SCALES)
    with pytest.raises(ConfigurationError, match="black and white within -16384 and 16384"):
        replace(SCHEMA, levels=Levels((0.5,), (1e-5,))).check(SCALES)
    assert LIMIT >> VALUE_BITS == 16384
