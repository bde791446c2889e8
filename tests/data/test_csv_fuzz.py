"""Any bytes as a CSV file: taken in or refused in words, and no message repeats what stands in a cell."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofward.data.columns.schema import Feature, FeaturesInvalid, Label, Notation, Schema
from proofward.data.reading.problems import CsvRefused
from proofward.layers.rules.model import FixedPoint
from tests.data.reading import read_csv

pytestmark = pytest.mark.slow

SCALES = FixedPoint()
FEATURES = (Feature("age", 50.0, 10.0), Feature("size", 2.0, 0.5))
SCHEMAS = (
    Schema(FEATURES),
    Schema(FEATURES, Notation(Label("diagnosis", "B", "M"), ("id",), ",", 0)),
    Schema(FEATURES, Notation(Label("label", "2", "4"), ("id",), ".", 100)),
)
MARK = "Qzx"
SETTINGS = settings(max_examples=150, suppress_health_check=list(HealthCheck))
PLAIN = ("1", "0", "B", "M", "2", "4", "50", "1,5", "1.5", "", " ", "nan", "inf", "1e308", "-1e999", "1e-400")
secret = st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(lambda text: f"{text}{MARK}{text}")
cell = st.one_of(st.sampled_from(PLAIN), st.floats().map(repr), secret)
names = st.sampled_from(["age", "size", "label", "diagnosis", "id", "", " age ", "\ufeffage"])


def messages(path, schema: Schema, **options) -> tuple[str, ...]:
    """All that is said of a file; whatever is taken in is in range."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            table = read_csv(path, schema, SCALES, **options)
        except CsvRefused as error:
            assert error.problems
            return error.problems
    low, high = SCALES.input_range
    features, labels = table.records.features, table.records.labels
    assert features.dtype == labels.dtype == np.int64 and features.shape == (len(labels), 2)
    assert ((features >= low) & (features <= high)).all() and set(labels.tolist()) <= {0, 1}
    return (*(doubt.words for doubt in table.doubts), *(doubt.short for doubt in table.doubts), *table.notes)


@SETTINGS
@given(
    data=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))),
    schema=st.sampled_from(SCHEMAS),
    delimiter=st.sampled_from(["", ",", ";", "\t"]),
)  # fmt: skip
def test_any_bytes(tmp_path, data, schema, delimiter):
    (tmp_path / "records.csv").write_bytes(data)
    messages(tmp_path / "records.csv", schema, delimiter=delimiter)


@SETTINGS
@given(
    schema=st.sampled_from(SCHEMAS),
    header=st.lists(names, max_size=6),
    right=st.booleans(),
    rows=st.lists(st.lists(cell, max_size=6), max_size=8),
    tail=st.sampled_from(["", "\n", "\n\n", '"', '"' + MARK, "\0" + MARK]),
)
def test_no_message_repeats_a_cell(tmp_path, schema, header, right, rows, tail):
    if right:
        header = [*(feature.name for feature in FEATURES), schema.label.column]
        rows = [(row + ["1"] * 3)[:3] for row in rows] or [["1", "1", "1"]]
    mark = schema.notation.delimiter
    text = "\n".join(mark.join(row) for row in [header, *rows]) + tail
    (tmp_path / "records.csv").write_text(text, encoding="utf-8", newline="")
    for message in messages(tmp_path / "records.csv", schema, least_rows=3):
        assert MARK not in message and "\n" not in message and len(message) < 1000


@SETTINGS
@given(
    values=st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.booleans()), min_size=1)
)
def test_good_rows_are_all_taken_in(tmp_path, values):
    rows = "".join(f"{value!r},{value!r},{int(label)}\n" for value, label in values)
    (tmp_path / "records.csv").write_text("age,size,label\n" + rows)
    table = read_csv(tmp_path / "records.csv", SCHEMAS[0], SCALES)
    assert table.records.labels.tolist() == [int(label) for _, label in values]


@SETTINGS
@given(data=st.one_of(st.binary(max_size=300), st.integers(0, 2000).flatmap(
    lambda at: st.binary(min_size=1, max_size=2).map(
        lambda new: SCHEMAS[1].to_bytes()[:at] + new + SCHEMAS[1].to_bytes()[at + len(new):]))))  # fmt: skip
def test_any_bytes_as_a_schema(data):
    try:
        assert Schema.from_bytes(data).to_bytes() == data
    except FeaturesInvalid as error:
        assert str(error)
