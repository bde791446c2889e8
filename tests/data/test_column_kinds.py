"""Columns that give several features: as references make them, by one encoding, and refused where they make no sense."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofward.data.bound_title import check_title
from proofward.data.columns.column_kinds import Category, Number, Ordinal
from proofward.data.columns.feature import Feature, FeaturesInvalid
from proofward.data.columns.schema import EXTENDED, Label, Notation, Schema
from proofward.data.image_schema import schema_from_bytes
from proofward.data.reading.plausibility import CONSTANT
from proofward.data.reading.problems import CsvRefused
from proofward.layers.rules.model import FixedPoint
from tests.data.reading import read_csv

SCALES = FixedPoint()
AGE = Number(Feature("age", 50.0, 10.0, "years"), 0, 120, 45, True)
STAIN = Category("stain", ("HE", "IHC"), other=True)
SITE = Category("site", ("1", "2", "3"), indicator=True)
GRADE = Ordinal("grade", ("low", "middle", "high"), 1.0, 0.5, "middle", True)
SIZE = Feature("size", 2.0, 0.5, "mm")
SCHEMA = Schema((AGE, STAIN, SIZE, SITE, GRADE), Notation(Label("diagnosis", "B", "M"), ("note",), id="patient"))
HEADER = "patient,age,stain,size,site,grade,diagnosis\n"


def read(path, rows: str, schema=SCHEMA):
    (path / "t.csv").write_text(HEADER + rows)
    return read_csv(path / "t.csv", schema, SCALES)


def refused(path, rows: str, schema=SCHEMA) -> tuple[str, ...]:
    with pytest.raises(CsvRefused) as caught:
        read(path, rows, schema)
    return caught.value.problems


def test_names_of_the_features_are_those_of_their_columns():
    assert [feature.name for feature in SCHEMA.inputs] == [
        "age", "age (missing)", "stain=HE", "stain=IHC", "stain=(other)", "size", "site=1", "site=2", "site=3",
        "site (missing)", "grade", "grade (missing)",
    ]  # fmt: skip


def test_what_each_cell_becomes(tmp_path):
    found = read(tmp_path, "A,60,HE,2.5,1.0,high,M\nB,,CT,2,,,B\nA,0,IHC,2,3,low,M\n")
    one = 64
    assert found.records.features.tolist() == [
        [one, 0, one, 0, 0, one, one, 0, 0, 0, 2 * one, 0],
        [-one // 2, one, 0, 0, one, 0, 0, 0, 0, one, 0, one],
        [-5 * one, 0, 0, one, 0, 0, 0, 0, one, 0, -2 * one, 0],
    ]
    assert found.records.labels.tolist() == [1, 0, 1]
    assert found.patients.tolist() == [0, 1, 0] and found.notes == ("3 records of 2 patients",)


def test_everything_that_is_wrong_is_counted(tmp_path):
    rows = ",121,HE,,4,high,M\nB,-1,HE,2,1,High,B\nC,x,,2,1,low,M\n"
    assert refused(tmp_path, rows) == (
        "column 1, patient: empty cells: 1 (row 2)",
        "column 2, age: cells that are no number with a decimal point: 1 (row 4)",
        "column 2, age: numbers outside the agreed range, 0 to 120: 2 (rows 2, 3)",
        "column 3, stain: empty cells: 1 (row 4)",
        "column 4, size: empty cells: 1 (row 2)",
        "column 5, site: cells that are none of the agreed levels, 1, 2, 3: 1 (row 2)",
        "column 6, grade: cells that are none of the agreed levels, low, middle, high: 1 (row 3)",
    )


def test_an_id_that_is_missing_is_a_missing_column(tmp_path):
    (tmp_path / "t.csv").write_text("age,stain,size,site,grade,diagnosis\n")
    with pytest.raises(CsvRefused, match="missing 1 of 7 columns: patient"):
        read_csv(tmp_path / "t.csv", SCHEMA, SCALES)


def test_a_level_that_nobody_has_is_no_constant_column(tmp_path):
    rows = "".join(f"{n},{40 + n},{'HE' if n % 2 else 'IHC'},{n},{1 + n % 2},{'low' if n % 2 else 'high'},{'BM'[n % 2]}\n" for n in range(6))
    assert read(tmp_path, rows).doubts == ()
    same = rows.replace("IHC", "HE")
    assert [doubt.short for doubt in read(tmp_path, same).doubts] == [f"{CONSTANT}: stain"]


levels = st.lists(st.text(st.sampled_from("abcXYZ12 éß"), min_size=1, max_size=4).map(str.strip).filter(bool), min_size=2, max_size=5, unique=True)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), levels, st.booleans())
def test_categories_are_those_of_scikit_learn(tmp_path, data, names, other):
    encoders = pytest.importorskip("sklearn.preprocessing")
    pandas = pytest.importorskip("pandas")
    try:
        column = Category("c", tuple(names), other)
    except FeaturesInvalid:
        return  # such as 1 and 01, which are one number
    cells = data.draw(st.lists(st.sampled_from([*names, *(["zz", "q"] if other else [])]), min_size=2, max_size=12))
    frame = pandas.DataFrame({"c": cells, "label": [at % 2 for at in range(len(cells))]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = read_csv(tmp_path / "t.csv", Schema((column,)), SCALES).records.features
    encoder = encoders.OneHotEncoder(categories=[np.array(names, dtype=object)], handle_unknown="ignore", sparse_output=False)
    expected = encoder.fit_transform(np.array(cells, dtype=object).reshape(-1, 1))
    if other:
        expected = np.column_stack([expected, 1 - expected.sum(axis=1)])
        dummies = pandas.get_dummies(pandas.Categorical([c if c in names else "(other)" for c in cells], [*names, "(other)"]))
        assert np.array_equal(dummies.to_numpy().astype(float), expected)
    assert np.array_equal(found, 64 * expected)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.none(), st.floats(-50, 50)), min_size=2, max_size=12), st.floats(-3, 3), st.floats(0.1, 9))
def test_missing_numbers_are_those_of_pandas(tmp_path, cells, centre, spread):
    pandas = pytest.importorskip("pandas")
    column = Number(Feature("x", centre, spread), missing=1.25, indicator=True)
    frame = pandas.DataFrame({"x": pandas.Series(cells, dtype=float), "label": [at % 2 for at in range(len(cells))]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = read_csv(tmp_path / "t.csv", Schema((column,)), SCALES).records.features
    scaled = np.rint((frame["x"].fillna(1.25).to_numpy() - centre) / spread * 64)
    low, high = SCALES.input_range
    assert np.array_equal(found[:, 0], np.clip(scaled, low, high))
    assert np.array_equal(found[:, 1], 64 * frame["x"].isna().to_numpy())


def test_one_encoding_and_a_version_of_its_own():
    data = SCHEMA.to_bytes()
    assert schema_from_bytes(data) == SCHEMA and json.loads(data)["version"] == EXTENDED
    plain = Schema((SIZE,), Notation(Label("y")))
    assert not plain.extended and plain.title("T") == "T" and b"columns/v1" in plain.to_bytes()
    assert Schema((SIZE,), Notation(Label("y"), id="p")).extended
    for old, new in ((EXTENDED, "proofward/columns/v1"), ('"other": true', '"other": 1'), ('"minimum": 0.0', '"minimum": 0')):
        assert old.encode() in data
        with pytest.raises(FeaturesInvalid):
            Schema.from_bytes(data.replace(old.encode(), new.encode()))


def test_the_title_names_these_columns_and_no_others():
    check_title(SCHEMA, SCHEMA.title("T"))
    other = Schema((*SCHEMA.features[:-1], SIZE.__class__("x", 0.0, 1.0)), SCHEMA.notation)
    for title in ("T", other.title("T")):
        with pytest.raises(FeaturesInvalid, match="which the terms name"):
            check_title(SCHEMA, title)
    with pytest.raises(FeaturesInvalid, match="found columns of a table"):
        check_title(Schema((SIZE,)), SCHEMA.title("T"))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Number(SIZE, 3, 2), "expected a minimum up to the maximum"),
        (lambda: Number(SIZE, float("nan")), "expected a number"),
        (lambda: Number(SIZE, missing=True), "expected a number"),
        (lambda: Number(SIZE, 0, 1, 2), "expected a value in its range"),
        (lambda: Number(SIZE, indicator=True), "expected a stated value"),
        (lambda: Number(SIZE, missing=1, indicator=1), "expected true or false"),
        (lambda: Category("c", ("a",)), "expected 2 to 1000 levels"),
        (lambda: Category("c", ("1", "1.0")), "expected different ones"),
        (lambda: Category("c", ("a", " b")), "without spaces"),
        (lambda: Category("c", ("a", "b"), missing="d"), "expected one of its levels"),
        (lambda: Ordinal("c", ("a", "b"), spread=0.0), "expected more than 0"),
        (lambda: Ordinal("c", ("a", "b"), indicator=True), "expected a stated value"),
        (lambda: Schema((STAIN, Feature("stain=HE", 0, 1))), "found stain=HE twice"),
        (lambda: Schema((SIZE,), Notation(id="size")), "expected a column of its own"),
        (lambda: Schema((SIZE,), Notation(id="label")), "expected a column of its own"),
    ],
)  # fmt: skip
def test_columns_that_make_no_sense(make, what):
    with pytest.raises(FeaturesInvalid, match=what):
        make()


CODED = Schema(
    (
        Number(Feature("age", 50.0, 10.0), 0, 120, 45, True, missing_codes=("-9", "NA", "unknown")),
        Category("stain", ("HE", "IHC"), other=True, missing="HE", missing_codes=("9", "?")),
        Ordinal("grade", ("1", "2", "3"), 1.0, 1.0, "2", missing_codes=("-1",)),
    )
)  # fmt: skip
CODED_HEADER = "age,stain,grade,label\n"


def read_coded(path, rows: str, schema=CODED):
    (path / "c.csv").write_text(CODED_HEADER + rows)
    return read_csv(path / "c.csv", schema, SCALES).records.features.tolist()


def test_codes_for_missing_values_are_what_empty_cells_are(tmp_path):
    empty = read_coded(tmp_path, ",,,1\n,,,0\n60,IHC,3,1\n")
    assert read_coded(tmp_path, "-9.0,9,-1,1\n NA ,?,-1.0,0\n60,IHC,3,1\n") == empty
    assert read_coded(tmp_path, "unknown,9.0,,1\n-9,,-1,0\n60,IHC,3,1\n") == empty
    assert read_coded(tmp_path, "60,99,1,0\n")[0][1:5] == [0, 0, 0, 64], "another number is no code"


def test_codes_are_refused_where_missing_values_are(tmp_path):
    strict = Schema((Number(Feature("age", 50.0, 10.0), missing_codes=("-9",)),))
    (tmp_path / "c.csv").write_text("age,label\n-9,1\n61,0\n,0\nNA,1\n")
    with pytest.raises(CsvRefused) as caught:
        read_csv(tmp_path / "c.csv", strict, SCALES)
    assert caught.value.problems == (
        "column 1, age: cells that are empty or hold a code for a missing value: 2 (rows 2, 4)",
        "column 1, age: cells that are no number with a decimal point: 1 (row 5)",
    )


def test_codes_are_part_of_the_schema_and_others_keep_their_bytes():
    assert Schema.from_bytes(CODED.to_bytes()) == CODED
    assert b"missing_codes" in CODED.to_bytes() and b"missing_codes" not in SCHEMA.to_bytes()
    assert replace(CODED, features=CODED.features[1:]).digest != CODED.digest


@pytest.mark.parametrize(
    ("codes", "what"),
    [(("NA", " NA"), "without spaces"), (("-9", "-9.0"), "found one twice"), (("HE",), "none of its levels"),
     (("",), "1 to 200 characters"), (tuple(map(str, range(101))), "at most 100, found 101")],
)  # fmt: skip
def test_codes_that_make_no_sense(codes, what):
    with pytest.raises(FeaturesInvalid, match=what):
        Category("stain", ("HE", "IHC"), missing_codes=codes)
