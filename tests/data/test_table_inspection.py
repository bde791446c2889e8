"""What is said of a table: everything at once, in counts, and nothing that fewer than five rows have."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest

import proofward
from proofward.data.inspection.least_counts import FEW, spread_of, told
from proofward.data.tables.refusal import FileRefused
from proofward.report.table_page import markdown, page
from proofward.report.table_picture import _panels, picture
from tests.data.own_formats import FORMATS, write

ROWS = 60
SECRET = "Qzx"


def table() -> dict[str, list[object]]:
    """A table with one of each fault."""
    rng = random.Random(4)
    numbers = [round(rng.gauss(50, 10), 3) for _ in range(ROWS)]
    return {
        "patient": [f"{SECRET}{row}" for row in range(ROWS)],
        "size": numbers,
        "copy": list(numbers),
        "age": [None if row in (3, 9) else 40 + row % 30 for row in range(ROWS)],
        "ward": ["A"] * ROWS,
        "stain": [("HE", "IHC")[row % 2] if row else f"{SECRET} stain" for row in range(ROWS)],
        "free": [f"{SECRET} said {row % 13}" for row in range(ROWS)],
        "diagnosis": ["B" if row % 3 else "M" for row in range(ROWS - 3)] + ["?"] * 3,
    }


def kinds(found) -> dict[str, list[tuple[str, ...]]]:
    """Whom each kind of finding is about."""
    said: dict[str, list[tuple[str, ...]]] = {}
    for finding in found.findings:
        said.setdefault(finding.kind, []).append(finding.columns)
    return said


@pytest.mark.parametrize("kind", FORMATS)
def test_every_fault_is_found_in_every_format(tmp_path, kind):
    columns = table()
    for cells in columns.values():
        cells[ROWS - 6] = cells[ROWS - 7]  # a row that repeats another
    columns["patient"][ROWS - 6] = f"{SECRET}again"
    found = proofward.inspect_table(write(tmp_path / f"t.{kind}", columns), label="diagnosis")
    said = kinds(found)
    assert said["missing"] == [("age",)] and said["constant"] == [("ward",)] and said["identifier"] == [("patient",)]
    assert [set(columns) for columns in said["duplicate columns"]] == [{"size", "copy"}]
    words = [finding.words for finding in found.findings if finding.kind == "duplicate rows"]
    assert words == [f"{FEW} rows repeat an earlier one but for what looks like an identifier"]
    assert found.rows == ROWS and found.label == "diagnosis"
    assert dict(found.classes) == {"B": 39, "M": 18, "values of fewer than 5 rows each": FEW}
    types = {column.name: column.type for column in found.columns}
    assert types == {"patient": "texts", "size": "numbers", "copy": "numbers", "age": "whole numbers", "ward": "texts",
                     "stain": "texts", "free": "texts", "diagnosis": "texts"}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_no_value_of_a_patient_is_said(tmp_path, kind):
    columns = table()
    found = proofward.inspect_table(write(tmp_path / f"t.{kind}", columns), label="diagnosis")
    said = json.dumps(found.to_plain()) + markdown(found, "t") + page(found, "t")
    assert SECRET not in said
    for value in columns["size"]:
        assert f" {value}" not in said and f"{value}," not in said
    stain = next(column for column in found.columns if column.name == "stain")
    assert set(dict(stain.levels)) == {"HE", "IHC"} and stain.others == 1


def test_counts_below_five_are_not_given():
    assert [told(count) for count in (0, 1, 4, 5)] == [0, FEW, FEW, 5]
    assert spread_of(np.arange(19.0)) is None
    values = np.random.default_rng(1).normal(0, 1, 200)
    found = spread_of(values)
    lowest = np.sort(values)
    assert found.low == float(f"{lowest[:5].mean():.4g}") and found.high == float(f"{lowest[-5:].mean():.4g}")
    assert all(count == 0 or count >= 5 for count in found.bins)
    assert found.quantiles[50] == pytest.approx(np.median(values), abs=0.1)
    assert found.deviation == pytest.approx(values.std(), rel=1e-3)
    assert found.mean == pytest.approx(values.mean(), rel=1e-3, abs=1e-3)


def test_large_numbers_do_not_overflow():
    found = spread_of(np.array([-1e308, 1e308] * 20))
    assert np.isfinite([found.low, found.high, found.mean, found.deviation]).all()


def test_cells_of_several_kinds_and_numbers_as_texts(tmp_path):
    columns = {"x": [1.5] * 10 + ["2.5"] * 10 + ["n.a."] * 10, "y": [str(row % 7) for row in range(30)],
               "z": ["he", "HE", "IHC"] * 10}  # fmt: skip
    said = kinds(found := proofward.inspect_table(write(tmp_path / "t.xlsx", columns)))
    assert said["mixed"] == [("x",)] and said["numbers as text"] == [("x",), ("y",)] and said["spelling"] == [("z",)]
    mixed = next(finding.words for finding in found.findings if finding.kind == "mixed")
    assert mixed == "cells of several kinds: 20 numbers, 10 texts"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_csv_files_delimiter_is_found(tmp_path, mark):
    (tmp_path / "t.csv").write_text("\ufeff" + "".join(f"a{mark}b{mark}c\n" if not row else f"{row}{mark}x{mark}\n" for row in range(9)))
    found = proofward.inspect_table(tmp_path / "t.csv")
    assert [column.name for column in found.columns] == ["a", "b", "c"] and found.rows == 8
    assert kinds(found)["empty"] == [("c",)]


def test_data_frames(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table())
    of_file = proofward.inspect_table(write(tmp_path / "t.parquet", table()))
    assert proofward.inspect_table(frame).to_plain() == of_file.to_plain()
    with pytest.raises(FileRefused, match="with a type for each column"):
        proofward.inspect_table(pandas.DataFrame({"x": [1, "a", object()]}))


@pytest.mark.parametrize("data", [b"", b"a,b\n", b"\xff\xfe\0", b"a,b\n1\n", b'a,b\n"1,2\n', b"a,b\n1,2,3\n", b"\0\0,\0\n"])
def test_files_that_are_hardly_tables(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    try:
        found = proofward.inspect_table(tmp_path / "t.csv")
    except FileRefused as error:
        assert "expected" in str(error)
    else:
        assert found.rows == 0 and page(found, "t")


def test_rows_are_compared_by_all_their_columns():
    from proofward.data.inspection.table_inspection import _repeated
    from proofward.data.tables.contents import Contents

    rng = np.random.default_rng(0)
    cells = rng.integers(0, 3, (400, 4))
    columns = [Contents("x", np.ones(400, np.int8), cells[:, at] * 1.0, (cells[:, at] * 2.0).view(np.int64), {}) for at in range(4)]
    assert _repeated(columns) == 400 - len(np.unique(cells, axis=0))


def test_whole_numbers_are_told_apart_by_all_their_digits(tmp_path):
    """In batches with and without large ones, and with cells that are empty."""
    large = [2**60 + row for row in range(100)]
    for cells, distinct in ((large, 100), ([None, *large[1:]], 99), ([1, 2] * 50, 2), ([*large[:50], *large[:50]], 50)):
        column = proofward.inspect_table(write(tmp_path / "t.parquet", {"x": cells})).columns[0]
        assert (column.distinct, column.type) == (distinct, "whole numbers")
    mixed = [1] * 4096 + [None] * 4095 + [1] * 4095 + [2**60]
    assert proofward.inspect_table(write(tmp_path / "t.parquet", {"x": mixed})).columns[0].distinct == 2


def test_what_a_data_manager_forgets_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("Patientennummer;size;\n" + "".join(f"{row // 2};{row},5;\n" for row in range(30)))
    said = {finding.kind: finding.words for finding in proofward.inspect_table(tmp_path / "t.csv", delimiter=";").findings}
    assert said["decimal comma"] == "30 texts would be numbers with a decimal comma: --decimal comma"
    assert said["identifier"].startswith("looks like an identifier")
    found = proofward.inspect_table(tmp_path / "t.csv", delimiter=";", decimal=",")
    assert [column.type for column in found.columns][:2] == ["whole numbers", "numbers"]
    titled = {"Export": ["a", *range(20)], "": ["b", *range(20)], " ": ["c", *range(20)]}
    said = kinds(proofward.inspect_table(write(tmp_path / "t.xlsx", titled)))
    assert said["no name"] == [()] and "repeated name" not in said
    numbers = {"x": [1.5, None, 2.5, "n"] * 10}
    mixed = proofward.inspect_table(write(tmp_path / "t.xlsx", numbers), decimal=",")
    assert kinds(mixed)["mixed"] == [("x",)] and mixed.columns[0].type == "numbers"


def test_the_picture_has_classes_missing_cells_and_texts_too(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [f"{'HE' if n % 2 else 'IHC'},{'' if n % 3 else 'x'},{n % 2}" for n in range(40)]
    (tmp_path / "a.csv").write_text("stain,note,label\n" + "\n".join(rows) + "\n")
    found = proofward.inspect_table(tmp_path / "a.csv", label="label")
    assert [title for title, _ in _panels(found)] == ["classes in label", "missing cells", "stain"]
    assert picture(found).startswith(b"\x89PNG")
    few = replace(found, classes=(("1", "fewer than 5"),), columns=())
    assert picture(few) == b"", "no count is drawn that is not told"
