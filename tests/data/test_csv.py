"""Records from CSV files: the same integers as the library's own, and refusals that repeat no cell."""

from __future__ import annotations

import csv
import random

import numpy as np
import pytest

from proofward.data.columns.schema import Feature, Label, Notation, Schema
from proofward.data.reading.problems import CsvRefused
from proofward.data.reading.records import to_fixed_point
from proofward.data.wdbc import NORMALISATION, load_wdbc
from proofward.layers.rules.model import FixedPoint
from tests.data.reading import read_csv

SCALES = FixedPoint()
FEATURES = (Feature("age", 50.0, 10.0), Feature("size", 2.0, 0.5))
SCHEMA = Schema(FEATURES)
SECRET = "73.125"


def read(path, text: str | bytes, delimiter: str = "", schema: Schema = SCHEMA, **options):
    path = path / "records.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path, schema, SCALES, delimiter=delimiter, **options)


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
    table = read_csv(tmp_path / "wdbc.csv", Schema(tuple(Feature(*entry) for entry in NORMALISATION)), SCALES)
    expected = load_wdbc(SCALES)
    assert np.array_equal(table.records.features, expected.features)
    assert np.array_equal(table.records.labels, expected.labels)
    assert table.doubts == () and table.notes == ()


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
        (f"age,label\n{SECRET},1\n", "row 1: missing 1 of 3 columns: size"),
        (f"age,size,label,name\n{SECRET},1,1,x\n", "row 1: not expected: column 4, name"),
        (f"age,label,name\n{SECRET},1,x\n", "row 1: not expected: column 3, name"),
        (f"age,Smith\n{SECRET},1\n", "row 1: not expected: column 2;"),
        (f"age,,size,label\n{SECRET},1,1,1\n", "row 1: not expected: column 2;"),
        (f"age,size,label,{SECRET}\n1,1,1,1\n", "row 1: not expected: column 4;"),
        (f"age,size,label,\n{SECRET},1,1,x\n", "rows that have not 3 cells, as the header has: 1 (row 2)"),
        (f"age,age,size,label\n{SECRET},1,1,1\n", "row 1: there twice: age"),
        (f"{SECRET},Smith,1\n", "row 1: none of the expected column names"),
        (f"age;size;label\n{SECRET};1;1\n", "delimiter"),
        ("", "row 1: none of the expected column names"),
        ("age,size,label\n", "too few rows: expected at least 1 records below the header"),
        (f"age,size,label\n1,2,0\n{SECRET},x{SECRET},1\n", "column 2, size: cells that are no number"),
        (f"size,age,label\n1,2,0\n,{SECRET},1\n", "column 1, size: empty cells: 1 (row 3)"),
        (
            f"age,size,label\n{SECRET},1,2\n",
            "column 3, label: cells that are none of the agreed labels, 0 and 1",
        ),
        (f"age,size,label\n{SECRET},1,\n", "column 3, label: empty cells: 1 (row 2)"),
        (f"age,size,label\n{SECRET},1,malignant-{SECRET}\n", "column 3, label: cells that are none"),
        (f"age,size,label\n{SECRET},1\n", "rows that have not 3 cells, as the header has: 1 (row 2)"),
        (f"age,size,label\n{SECRET},1,1,1\n", "rows that have not 3 cells"),
        (
            f"age,size,label\n1,1,1\n\n{SECRET},1,1\n",
            "empty rows between others, which have to be removed: 1",
        ),
        (f"age,size,label\n{SECRET},nan,1\n", "column 2, size"),
        (f"age,size,label\n{SECRET},inf,1\n", "column 2, size"),
        (f"age,size,label\n{SECRET},1e999,1\n", "column 2, size: numbers that are too large"),
        (f"age,size,label\n{SECRET},1_0,1\n", "column 2, size"),
        (
            f'age,size,label\n{SECRET},"1,5",1\n',
            "column 2, size: cells that are no number with a decimal point",
        ),
        (f"age,size,label\n{SECRET},\u0661,1\n", "column 2, size"),
        (f'age,size,label\n{SECRET},"1"5,1\n', "row 2: "),
        (f'age,size,label\n{SECRET},"15,1\n', "row 2: "),
        (f"age,size,label\n{SECRET},1\x00,1\n", "(row 2)"),
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


def test_everything_wrong_is_said_at_once_with_counts_and_places(tmp_path):
    text = f"age,size,label\n{SECRET},x,1\n,,2\n5,1e999,0\n1\n\n{SECRET},-,yes\n1,y,1\n2,z,1\n3,?,1\n"
    with pytest.raises(CsvRefused) as caught:
        read(tmp_path, text, least_rows=16)
    assert caught.value.problems == (
        "too few rows: expected at least 16 records below the header, which one batch of the agreed training "
        "needs, found 8",
        "empty rows between others, which have to be removed: 1 (row 6)",
        "rows that have not 3 cells, as the header has: 1 (row 5)",
        "column 1, age: empty cells: 1 (row 3)",
        "column 2, size: cells that are no number with a decimal point: 5 (rows 2, 7, 8 and 2 more)",
        "column 2, size: empty cells: 1 (row 3)",
        "column 2, size: numbers that are too large to be one: 1 (row 4)",
        "column 3, label: cells that are none of the agreed labels, 0 and 1: 2 (rows 3, 7)",
    )
    assert str(caught.value).split("\n") == list(caught.value.problems)


def test_a_doubtful_column_is_named_beside_cells_that_cannot_be_read(tmp_path):
    with pytest.raises(CsvRefused) as caught:
        read(tmp_path, "age,size,label\n50000,1,1\n60000,1,0\n50,x,1\n")
    assert [line.partition(": ")[0] for line in caught.value.problems] == [
        "column 2, size", "in the rows that could be read", "in the rows that could be read",
    ]  # fmt: skip


def test_very_many_kinds_of_problems_are_cut_short(tmp_path):
    many = Schema(tuple(Feature(f"f{number}", 0, 1) for number in range(1000)))
    header = ",".join([*(feature.name for feature in many.features), "label"])
    with pytest.raises(CsvRefused) as caught:
        read(tmp_path, f"{header}\n{',' * 999}0,1\n", schema=many)
    assert len(caught.value.problems) == 41 and "959 more" in caught.value.problems[-1]


@pytest.mark.parametrize(
    ("label", "cells", "expected"),
    [
        (Label("diagnosis", "B", "M"), "M B  M ", [1, 0, 1]),
        (Label("diagnosis", "2", "4"), "2 4.0 4e0", [0, 1, 1]),
        (Label("diagnosis", "1", "2"), "1 2 2", [0, 1, 1]),
        (Label("diagnosis", "False", "True"), "True False True", [1, 0, 1]),
        (Label("diagnosis", "gesund", "kr\u00e4nklich"), "kra\u0308nklich gesund gesund", [1, 0, 0]),
    ],
)
def test_labels_as_agreed(tmp_path, label, cells, expected):
    rows = "".join(f"1,1,{cell}\n" for cell in cells.split(" ") if cell)
    table = read(tmp_path, "age,size,diagnosis\n" + rows, schema=Schema(FEATURES, Notation(label)))
    assert table.records.labels.tolist() == expected


@pytest.mark.parametrize("cell", ["m", "MM", "0", "1", "malignant", "\u041c"])
def test_other_labels_are_refused(tmp_path, cell):
    schema = Schema(FEATURES, Notation(Label("diagnosis", "B", "M")))
    with pytest.raises(CsvRefused, match="none of the agreed labels, B and M: 1"):
        read(tmp_path, f"age,size,diagnosis\n1,1,B\n1,1,{cell}\n", schema=schema)


def test_decimal_commas(tmp_path):
    schema = Schema(FEATURES, Notation(decimal=","))
    text = "age;size;label\n60,5;2,5;1,0\n1e1;,5;0\n"
    assert read(tmp_path, text, schema=schema).records.features.tolist() == [[67, 64], [-256, -192]]
    quoted = 'age,size,label\n"60,5","2,5",1\n'
    assert read(tmp_path, quoted, ",", schema).records.features.tolist() == [[67, 64]]
    for cell in ("60.5", "1.234,5", "1,2,3"):
        with pytest.raises(CsvRefused, match="no number with a decimal comma"):
            read(tmp_path, f"age;size;label\n{cell};1;1\n", schema=schema)


def test_ignored_columns_may_be_there_and_repetitions_in_them_are_counted(tmp_path):
    schema = Schema(FEATURES, Notation(ignore=("id", "ward")))
    text = "id,age,size,label,ward\nA,1,1,0,x\nB,2,1,1,x\nA,3,1,1,x\n,4,1,1,x\n,5,1,1,x\n"
    table = read(tmp_path, text, schema=schema)
    assert table.notes == ("column 1, id (ignored): 1 rows repeat an earlier one's (row 4)",)
    assert len(table.records) == 5
    assert len(read(tmp_path, "age,size,label\n1,1,0\n", schema=schema).records) == 1
    with pytest.raises(CsvRefused, match="there twice: id"):
        read(tmp_path, "id,id,age,size,label\n1,1,1,1,1\n", schema=schema)


def test_accents_in_one_encoding_or_the_other(tmp_path):
    schema = Schema((Feature("gr\u00f6\u00dfe", 0, 1),))
    assert len(read(tmp_path, "gro\u0308\u00dfe,label\n1,1\n", schema=schema).records) == 1
