"""One table in four formats gives the same records, and what is no number is named for what it is."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofward.data.columns.schema import Feature, Label, Notation, Schema
from proofward.data.reading.plausibility import normalised
from proofward.data.reading.problems import CsvRefused
from proofward.data.reading.table_records import read_table
from proofward.data.tables.refusal import TablesExtraMissing
from proofward.data.tables.table_file import TableFile
from proofward.layers.rules.model import FixedPoint
from tests.data.own_formats import FORMATS, write, write_sheets

SCALES = FixedPoint()
SCHEMA = Schema((Feature("age", 50.0, 10.0), Feature("size", 2.0, 0.5)), Notation(Label("diagnosis", "B", "M"), ("id",)))
COLUMNS = {"id": ["A1", "A2", "A3"], "age": [60, 45, 50], "size": [2.5, 0.1, 1e-3], "diagnosis": ["M", "B", "M"]}


def read(path, schema=SCHEMA, **options):
    return read_table(TableFile(path, **options), schema, SCALES)


def said(path, schema=SCHEMA, **options) -> str:
    with pytest.raises(CsvRefused) as caught:
        read(path, schema, **options)
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_one_table_in_every_format(tmp_path, kind):
    found = read(write(tmp_path / f"t.{kind}", COLUMNS))
    expected = normalised(np.array([COLUMNS["age"], COLUMNS["size"]], dtype=float).T, SCHEMA.features)
    assert np.array_equal(found.records.features, np.rint(expected * 64).astype(np.int64))
    assert found.records.labels.tolist() == [1, 0, 1]


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-100, 100, width=32), st.booleans()), min_size=1, max_size=8))
def test_every_double_is_the_same_in_every_format(tmp_path, rows):
    schema = Schema((Feature("a", 0.25, 3.7), Feature("b", 1e-3, 0.01)))
    columns = {"a": [a for a, _, _ in rows], "b": [b for _, b, _ in rows], "label": [int(y) for _, _, y in rows]}
    records = [read(write(tmp_path / f"t.{kind}", columns), schema).records for kind in FORMATS]
    for other in records[1:]:
        assert np.array_equal(other.features, records[0].features)
        assert np.array_equal(other.labels, records[0].labels)


@pytest.mark.parametrize("kind", FORMATS)
def test_problems_are_the_same_in_every_format(tmp_path, kind):
    columns = {**COLUMNS, "age": ["60", "x", "50"], "size": [2.5, None, 1.0], "diagnosis": ["M", "B", "?"]}
    lines = said(write(tmp_path / f"t.{kind}", columns)).split("\n")
    assert {line.partition(", ")[2] for line in lines} == {
        "age: cells that are no number with a decimal point: 1 (row 3)",
        "size: empty cells: 1 (row 3)",
        "diagnosis: cells that are none of the agreed labels, B and M: 1 (row 4)",
    }


DATES = [datetime.datetime(2024, 1, 5), datetime.datetime(2024, 5, 1), datetime.datetime(2024, 5, 1, 12, 30)]


@pytest.mark.parametrize(
    ("kind", "cells", "what"),
    [
        ("parquet", [True, False, True], "truth values, which are no numbers: 3 (rows 2, 3, 4)"),
        ("xlsx", [1.5, True, 2.0], "truth values, which are no numbers: 1 (row 3)"),
        ("h5", [True, False, True], "truth values, which are no numbers: 3"),
        ("parquet", DATES, "dates, which are no numbers: 3"),
        ("parquet", [day.date() for day in DATES], "dates, which are no numbers: 3"),
        ("xlsx", [1.5, DATES[0], DATES[2]], "dates, which are no numbers: 2 (rows 3, 4)"),
        ("parquet", [1, 2**53 + 1, 2], "whole numbers of 2^53 and above, which no number of 64 bits holds: 1 (row 3)"),
        ("h5", [1, 2**53 + 1, 2], "whole numbers of 2^53 and above"),
        ("xlsx", [1, 2**60, 2], "whole numbers below 2^53, of which Excel keeps all digits, found others, in column 3: 1"),
        ("parquet", [1.0, float("inf"), 2.0], "no number with a decimal point: 1 (row 3)"),
    ],
)  # fmt: skip
def test_what_would_be_altered_is_refused_by_name(tmp_path, kind, cells, what):
    assert what in said(write(tmp_path / f"t.{kind}", {**COLUMNS, "size": cells}))


def test_whole_numbers_keep_all_digits_where_they_are_no_feature(tmp_path):
    numbers = [2**60, 2**60 + 1, 2**60]
    found = read(write(tmp_path / "t.parquet", {**COLUMNS, "id": numbers}))
    assert found.notes == ("column 1, id (ignored): 1 rows repeat an earlier one's (row 4)",)


def test_decimals_and_levels_of_a_dictionary(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    labels = arrow.array(COLUMNS["diagnosis"]).dictionary_encode()
    columns = {**COLUMNS, "size": [Decimal("2.50"), Decimal("0.1"), Decimal("3")], "diagnosis": labels}
    found = read(write(tmp_path / "t.parquet", columns))
    assert found.records.features[:, 1].tolist() == [64, -243, 128]
    assert found.records.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "h5"])
def test_numbers_with_types_do_not_depend_on_the_decimal_mark(tmp_path, kind):
    comma = Schema(SCHEMA.features, Notation(SCHEMA.label, ("id",), ","))
    path = write(tmp_path / f"t.{kind}", COLUMNS)
    assert np.array_equal(read(path, comma).records.features, read(path).records.features)


def test_a_sheet_by_its_name(tmp_path):
    path = write_sheets(tmp_path / "t.xlsx", {"notes": {"a": [1]}, "records": COLUMNS})
    assert len(read(path, sheet="records").records) == 3
    assert "the name of a sheet, with --sheet, found none given, and in the file: notes, records" in said(path)
    assert "expected a sheet none, found the sheets notes, records" in said(path, sheet="none")
    assert "none of the expected column names" in said(path, sheet="notes")


def test_a_dataset_with_named_columns_by_its_key(tmp_path):
    h5py = pytest.importorskip("h5py")
    rows = np.array([(60, 2.5, b"M"), (45, 0.1, b"B")], dtype=[("age", "i4"), ("size", "f8"), ("diagnosis", "S1")])
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["study/records"] = rows
        file["study/other"] = np.zeros(3)
    assert read(tmp_path / "t.h5", key="study/records").records.labels.tolist() == [1, 0]
    assert "expected a table with the key study/none, found none" in said(tmp_path / "t.h5", key="study/none")
    assert "without names" in said(tmp_path / "t.h5", key="study/other")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_any_delimiter_by_option_and_by_the_line_of_excel(tmp_path, mark, start):
    lines = [mark.join(COLUMNS), *(mark.join(map(str, row)) for row in zip(*COLUMNS.values(), strict=True))]
    path = tmp_path / "t.csv"
    path.write_text(start + "\n".join(lines), encoding="utf-8")
    assert len(read(path, delimiter=mark).records) == 3
    for first in (f"sep={mark}", f'"sep={mark}"'):
        path.write_text(f"{start}{first}\r\n" + "\r\n".join(lines), encoding="utf-8")
        assert len(read(path).records) == 3
    lines[2] = mark.join(["A2", "x", "1", "B"])
    path.write_text(f"{start}sep={mark}\n" + "\n".join(lines), encoding="utf-8")
    assert "no number with a decimal point: 1 (row 3)" in said(path)


@pytest.mark.parametrize(("kind", "module"), [("parquet", "pyarrow"), ("xlsx", "python_calamine"), ("h5", "h5py")])
def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch, kind, module):
    path = write(tmp_path / f"t.{kind}", COLUMNS)
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(TablesExtraMissing, match=r"not installed: pip install 'proofward\[tables\]'"):
        read(path)
    assert len(read(write(tmp_path / "t.csv", COLUMNS)).records) == 3


def test_predictions_refuse_the_same(tmp_path):
    from proofward.report.handover.predictions.prediction import TableRefused, read_records

    columns = {"age": [1, 2**53 + 1, 2], "size": DATES}
    with pytest.raises(TableRefused, match=r"column size: dates.*column age: whole numbers of 2\^53 and above.* in row 3"):
        read_records(write(tmp_path / "t.parquet", columns), SCHEMA.features)
    rows = read_records(write(tmp_path / "t.parquet", {"age": [1, 2], "size": [0.5, 1.5]}), SCHEMA.features)
    assert rows.values.tolist() == [[1.0, 0.5], [2.0, 1.5]]
