"""Tables as they come out of other programs: each is either read as meant or refused with a reason and no value."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pytest

from proofward.data.columns.schema import Feature, Label, Notation, Schema
from proofward.data.reading.problems import CsvRefused
from tests.data.test_csv import FEATURES, SECRET, read

DIAGNOSIS = Schema(FEATURES, Notation(Label("diagnosis", "B", "M")))
NOT_TEXT = "no UTF-8 text: save it as CSV UTF-8"


def refused(path, text, schema=DIAGNOSIS, **options) -> str:
    with pytest.raises(CsvRefused) as caught:
        read(path, text, schema=schema, **options)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "cell",
    ["NaN", "nan", "-inf", "Infinity", "+INF", "NA", "null", "None", "?", "-", "#N/A", "#DIV/0!", "0x1F", "1_000", "1e",
     "1 234", "1\u00a0234", "1'234", "1,5", "\u22125", "5%", "\uff15", "1/2", "2024-01-31", "31.01.2024", "12:30", "TRUE", "=1+1",
     "1e1e1", "--5", "1.2.3", "1d5", "0b1", "1j"],
)  # fmt: skip
def test_cells_that_are_no_number(tmp_path, cell):
    said = refused(tmp_path, f'age,size,diagnosis\n{SECRET},"{cell}",M\n{SECRET},2,B\n')
    assert said == "column 2, size: cells that are no number with a decimal point: 1 (row 2)"


@pytest.mark.parametrize("cell", ["1e400", "-1E+999", "9" * 400])
def test_numbers_that_no_double_holds(tmp_path, cell):
    said = refused(tmp_path, f"age,size,diagnosis\n{SECRET},{cell},M\n")
    assert said == "column 2, size: numbers that are too large to be one: 1 (row 2)"


@pytest.mark.parametrize("cell", ['"2.5"', " 2.5 ", '" 2.5"', "+2.5", "25e-1", "2.50", "02.5", "\u00a02.5\u2003"])
def test_a_number_in_other_clothes(tmp_path, cell):
    table = read(tmp_path, f"age,size,diagnosis\n50,{cell},M\n", schema=DIAGNOSIS)
    assert table.records.features.tolist() == [[0, 64]]


def test_numbers_too_small_to_tell_from_zero(tmp_path):
    schema = Schema((Feature("x", 0.0, 1.0),))
    assert read(tmp_path, "x,label\n1e-400,1\n-1e-400,0\n", schema=schema).records.features.tolist() == [[0], [0]]


@pytest.mark.parametrize("cells", [("M", "m", "B"), ("M", "B", "X"), ("M", "B", "Malignant"), ("0", "1", "M")])
def test_a_third_notation_of_the_label(tmp_path, cells):
    """Three values, or one in another case: nobody can say what is meant, so nothing is taken in."""
    rows = "".join(f"{SECRET},2,{cell}\n" for cell in cells)
    said = refused(tmp_path, "age,size,diagnosis\n" + rows)
    assert "cells that are none of the agreed labels, B and M: " in said


@pytest.mark.parametrize(
    ("header", "where"),
    [
        ("age,Age,size,diagnosis", "not expected: column 2, Age"),
        ("Age,size,diagnosis", "missing 1 of 3 columns: age"),
        ("age ,AGE,size,diagnosis", "not expected: column 2, AGE"),
        ("age, age ,size,diagnosis", "there twice: age"),
        ("age,date of visit,size,diagnosis", "not expected: column 2, date of visit"),
        ("age,2024-01-31,size,diagnosis", "not expected: column 2;"),
        ("age\u200b,x,size,diagnosis", "missing 1 of 3 columns: age"),
        ("age,size,diagnosis,Diagnosis", "not expected: column 4, Diagnosis"),
        ("age,size,diagnosis,diagnosis", "there twice: diagnosis"),
    ],
)
def test_headers_that_are_almost_right(tmp_path, header, where):
    width = header.count(",") + 1
    said = refused(tmp_path, f"{header}\n{','.join([SECRET] * width)}\n")
    assert f"row 1: {where}" in said


@pytest.mark.parametrize(("character", "name"), [("\t", "tab"), (";", "semicolon"), ("|", ""), (" ", "")])
def test_another_delimiter(tmp_path, character, name):
    text = f"age,size,diagnosis\n{SECRET},2,M\n50,2,B\n".replace(",", character)
    assert "delimiter" in refused(tmp_path, text)
    if name:
        assert len(read(tmp_path, text, character, schema=DIAGNOSIS).records) == 2


def test_ends_of_lines_of_other_systems(tmp_path):
    text = "age,size,diagnosis\n60,2,M\n50,2.5,B\n"
    expected = read(tmp_path, text, schema=DIAGNOSIS).records
    for end in ("\r\n", "\r"):
        found = read(tmp_path, text.replace("\n", end), schema=DIAGNOSIS).records
        assert np.array_equal(found.features, expected.features)
        assert np.array_equal(found.labels, expected.labels)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_text_in_two_or_four_bytes_a_character(tmp_path, encoding):
    said = refused(tmp_path, f"age,size,diagnosis\n{SECRET},2,M\n".encode(encoding))
    assert NOT_TEXT in said and "\0" not in said


def test_files_that_are_no_tables(tmp_path):
    text = f"age,size,diagnosis\n{SECRET},2,M\n".encode()
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as book:
        book.writestr("xl/sheet.xml", text)
    for data in ((tmp_path / "book.xlsx").read_bytes(), gzip.compress(text), b"\0" * 1000, text[:9] + b"\0" + text[9:]):
        assert NOT_TEXT in refused(tmp_path, data)


def test_a_byte_of_zero_in_a_cell(tmp_path):
    assert "(row 3)" in refused(tmp_path, "age,size,diagnosis\n1,2,M\n1,2\0,B\n")
    assert "(row 3)" in refused(tmp_path, "age,size,diagnosis\n1,2,M\n1,2,B\0\n")


@pytest.mark.parametrize("first", ["# exported today", "Report,,"])
def test_lines_before_the_header(tmp_path, first):
    said = refused(tmp_path, f"{first}\nage,size,diagnosis\n{SECRET},2,M\n")
    assert "row 1: none of the expected column names; the first row has to be a header" in said
