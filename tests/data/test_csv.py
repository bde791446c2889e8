"""Records from CSV files: the same integers as the library's own, and refusals that repeat no cell."""

from __future__ import annotations

import csv
import random

import numpy as np
import pytest

from proofward.data.csv_records import (
    CsvRefused,
    Feature,
    FeaturesInvalid,
    features_from_bytes,
    features_to_bytes,
    read_csv,
)
from proofward.data.records import to_fixed_point
from proofward.data.wdbc import NORMALISATION, load_wdbc
from proofward.layers.model import FixedPoint

SCALES = FixedPoint()
FEATURES = (Feature("age", 50.0, 10.0), Feature("size", 2.0, 0.5))
SECRET = "73.125"


def read(path, text: str | bytes, delimiter: str = ","):
    path = path / "records.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path, FEATURES, "label", SCALES, delimiter)


def test_wdbc_from_a_file_is_the_wdbc_of_the_library(tmp_path):
    bunch = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    names = [*map(str, bunch.feature_names), "label"]
    order = random.Random(1).sample(range(31), 31)
    with (tmp_path / "wdbc.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([names[column] for column in order])
        for values, target in zip(bunch.data, bunch.target, strict=True):
            cells = [*map(repr, map(float, values)), str(1 - target)]
            writer.writerow([cells[column] for column in order])
    features = tuple(Feature(*entry) for entry in NORMALISATION)
    table = read_csv(tmp_path / "wdbc.csv", features, "label", SCALES)
    expected = load_wdbc(SCALES)
    assert np.array_equal(table.records.features, expected.features)
    assert np.array_equal(table.records.labels, expected.labels)


def test_columns_in_any_order_rows_in_the_files(tmp_path):
    table = read(tmp_path, "size,label,age\n2.5,1,60\n 1e0 ,0.0,+45.\n\n,,\n")
    assert table.records.features.tolist() == [[64, 64], [-32, -128]]
    assert table.records.labels.tolist() == [1, 0]
    assert table.records.features.dtype == table.records.labels.dtype == np.int64
    assert table.clipped == {}


def test_what_spreadsheets_write(tmp_path):
    text = '\ufeff"age";"size";"label"\r\n"60";2;1\r\n'
    assert read(tmp_path, text, ";").records.features.tolist() == [[64, 0]]


def test_clipping_is_counted(tmp_path):
    low, high = SCALES.input_range
    table = read(tmp_path, "age,size,label\n1e9,2,0\n-1e300,2,1\n50,2,0\n")
    assert table.clipped == {"age": 2}
    assert table.records.features[:, 0].tolist() == [high, low, 0]
    exact = np.array([[low, high]]) / 64
    assert to_fixed_point(exact, SCALES).tolist() == [[low, high]]
    edge = 50 + 10 * high / 64
    assert read(tmp_path, f"age,size,label\n{edge},2,0\n").clipped == {}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"age,label\n{SECRET},1\n", "row 1: missing: size"),
        (f"age,size,label,name\n{SECRET},1,1,x\n", "row 1: not expected: name"),
        (f"age,size,label,\n{SECRET},1,1,x\n", "row 1: not expected: column 4 (no name)"),
        (f"age,size,label,{SECRET}\n1,1,1,1\n", "row 1: not expected: column 4 (no name)"),
        (f"age,age,size,label\n{SECRET},1,1,1\n", "row 1: column age is there twice"),
        (f"{SECRET},Smith,1\n", "row 1: none of the expected column names"),
        (f"age;size;label\n{SECRET};1;1\n", "delimiter"),
        ("", "row 1: none of the expected column names"),
        ("age,size,label\n", "no records"),
        (f"age,size,label\n1,2,0\n{SECRET},x{SECRET},1\n", "row 3, column size"),
        (f"age,size,label\n1,2,0\n{SECRET},,1\n", "row 3, column size: the cell is empty"),
        (f"age,size,label\n{SECRET},1,2\n", "row 2, column label: expected a label of 0 or 1"),
        (f"age,size,label\n{SECRET},1,malignant-{SECRET}\n", "row 2, column label"),
        (f"age,size,label\n{SECRET},1\n", "row 2: expected 3 cells, found 2"),
        (f"age,size,label\n{SECRET},1,1,1\n", "row 2: expected 3 cells, found 4"),
        (f"age,size,label\n1,1,1\n\n{SECRET},1,1\n", "row 3 is empty"),
        (f"age,size,label\n{SECRET},nan,1\n", "row 2, column size"),
        (f"age,size,label\n{SECRET},inf,1\n", "row 2, column size"),
        (f"age,size,label\n{SECRET},1e999,1\n", "row 2, column size"),
        (f"age,size,label\n{SECRET},1_0,1\n", "row 2, column size"),
        (f'age,size,label\n{SECRET},"1,5",1\n', "row 2, column size: expected a number with a decimal point"),
        (f"age,size,label\n{SECRET},\u0661,1\n", "row 2, column size"),
        (f'age,size,label\n{SECRET},"1"5,1\n', "row 2: "),
        (f'age,size,label\n{SECRET},"15,1\n', "row 2: "),
        (f"age,size,label\n{SECRET},1\x00,1\n", "row 2"),
        (f"age,size,label\n{SECRET},1,1\n".encode("utf-16"), "UTF-8"),
        (f"age,size,label\n{SECRET},\xe9,1\n".encode("latin-1"), "UTF-8"),
        (f"age,size,label\n{SECRET}{'1' * 200_000},1,1\n", "row 2: "),
    ],
)
def test_refusals_name_the_place_and_no_value(tmp_path, text, where):
    with pytest.raises(CsvRefused) as caught:
        read(tmp_path, text)
    assert where in str(caught.value)
    for value in (SECRET, "Smith", "malignant"):
        assert value not in str(caught.value)


def test_a_label_column_called_like_a_feature(tmp_path):
    (tmp_path / "records.csv").write_text("age,size\n1,1\n")
    with pytest.raises(CsvRefused, match="name of a feature, age"):
        read_csv(tmp_path / "records.csv", FEATURES, "age", SCALES)


def test_constants_there_and_back():
    data = features_to_bytes(FEATURES)
    assert features_from_bytes(data) == FEATURES
    assert features_to_bytes((Feature("age", 50, 10), FEATURES[1])) == data


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff", b"{}]", b"3", b'["age"]', b'[{"name": "age"}]',
        b'[{"name": "age", "centre": 0, "spread": 1, "unit": "a"}]',
        b'[{"name": "age", "centre": "0", "spread": 1}]',
        b'[{"name": "age", "centre": true, "spread": 1}]',
        b'[{"name": "age", "centre": NaN, "spread": 1}]',
        b'[{"name": "age", "centre": 0, "spread": 0}]',
        b'[{"name": "age", "centre": 0, "spread": -1}]',
        b'[{"name": "", "centre": 0, "spread": 1}]',
        b'[{"name": " age", "centre": 0, "spread": 1}]',
        b'[{"name": "a\\u0000", "centre": 0, "spread": 1}]',
        b'[{"name": "age", "centre": 1' + b"0" * 400 + b', "spread": 1}]',
        b'[{"name": "age", "centre": 0, "spread": 1}, {"name": "age", "centre": 0, "spread": 1}]',
    ],
)  # fmt: skip
def test_constants_that_make_no_sense(data):
    with pytest.raises(FeaturesInvalid):
        features_from_bytes(data)
