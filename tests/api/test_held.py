"""Numbers and labels of tables that a program holds, of whatever types, are those of a CSV file."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from proofward.api.fitted import classes_of
from proofward.api.held import INFINITE, MISSING, NO_NUMBER, as_numbers, as_text
from proofward.api.refusals import TablesRefused
from proofward.api.results import Evaluation
from proofward.api.sources import Columns, columns_of, computed_classes, computed_features, source_of
from proofward.data.columns.schema import Label, Notation
from proofward.data.reading.records import Records


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (np.array([1, 2], np.int8), [1, 2]),
        (np.array([True, False]), [1, 0]),
        (np.array([0.1, 2], np.float32), [float(np.float32(0.1)), 2]),
        (np.array([1, 2.5], object), [1, 2.5]),
        ([Fraction(1, 4), True], [0.25, 1]),
    ],
)
def test_numbers(column, numbers):
    found, wrong = as_numbers(column)
    assert found.dtype == np.float64 and found.tolist() == numbers and wrong == []


@pytest.mark.parametrize(
    ("value", "what"),
    [(None, MISSING), (float("nan"), MISSING), (float("-inf"), INFINITE), (10**400, INFINITE), ("1.5", NO_NUMBER),
     (1j, NO_NUMBER), (Decimal("NaN"), MISSING), (b"1", NO_NUMBER)],
)  # fmt: skip
def test_what_is_no_number(value, what):
    found, wrong = as_numbers(np.array([1.0, value, 2.0], object))
    assert wrong == [(1, what)] and found[[0, 2]].tolist() == [1, 2] and np.isnan(found[1])


def test_types_of_data_frames():
    pandas = pytest.importorskip("pandas")
    for column in (pandas.Series([1, None, 3], dtype="Int64"), pandas.Series([1, None, 3], dtype="float32"),
                   pandas.Series([1, pandas.NA, 3], dtype=object), pandas.Series([1, None, 3], dtype="double[pyarrow]")):  # fmt: skip
        found, wrong = as_numbers(column)
        assert found[[0, 2]].tolist() == [1, 3] and wrong == [(1, MISSING)], column.dtype
    for column in (pandas.Series(["1", "2"]), pandas.Series(["1", "2"], dtype="category"), pandas.to_datetime(["2020-01-01"] * 2)):
        assert [what for _, what in as_numbers(column)[1]] == [NO_NUMBER] * 2
    boolean = pandas.Series([True, False], dtype="boolean")
    assert as_numbers(boolean)[0].tolist() == [1, 0]
    assert as_text(pandas.NA) == as_text(pandas.NaT) == as_text(None) == as_text(float("nan")) == ""


def test_labels_are_written_as_in_a_file():
    values = [True, np.False_, 2, np.int8(3), 4.0, np.float64(-1), 0.5, " M ", np.str_("B")]
    assert [as_text(value) for value in values] == ["1", "0", "2", "3", "4", "-1", "0.5", "M", "B"]


def test_classes_are_in_ascending_order():
    def classes(*labels: str) -> tuple[str, ...]:
        return computed_classes({"a": Columns((), np.zeros((0, 0)), labels)}, "label").classes

    assert classes("10", "9", "-1", "9", "") == ("-1", "9", "10")
    assert classes("10", "9", "none") == ("10", "9", "none")


def test_what_is_answered_for_a_class():
    assert classes_of(("B", "M"), {0: "B", 1: "M"}).tolist() == ["B", "M"]
    assert classes_of(("0", "1"), {0: False, 1: True}).dtype == bool
    assert classes_of(("0", "1"), {}).tolist() == [0, 1]
    assert classes_of(("B", "M"), {0: "B"}).tolist() == ["B", "M"]


def test_centre_and_spread_are_of_all_rows_that_are_numbers():
    found = {
        "a": Columns(("x", "y"), np.array([[1.0, 5], [3, 5]]), ()),
        "b": Columns(("y", "x"), np.array([[5, np.nan], [5, 8], [5, np.inf]]), ()),
    }
    one, two = computed_features(found)
    assert (one.name, one.centre, one.spread) == ("x", 4, pytest.approx(np.std([1, 3, 8])))
    assert (two.name, two.centre, two.spread) == ("y", 5, 1)


def test_an_evaluation_of_three_classes():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 20)
    scores = rng.normal(size=(60, 3)) + 2 * np.eye(3)[labels]
    found = Evaluation.of(scores, Records(np.zeros((60, 1), np.int64), labels), ("x", "y", "z"))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, chances, multi_class="ovr"))
    assert found.auc_interval is None and list(found.auc_by_class) == ["x", "y", "z"]
    assert all(low < found.auc_by_class[name] < high for name, (low, high) in found.intervals_by_class.items())
    assert len(str(found).splitlines()) == 9 and "the mean of each class against all others" in str(found)


@pytest.mark.parametrize("first", ["", "sep=;\n"])
def test_the_header_of_a_file_is_read_as_its_rows_are(first: str, tmp_path: Path) -> None:
    mark = ";" if first else ","
    rows = [["size", "ward", "label"], ["1.5", "2", "M"], ["3", "4", "B"]]
    path = tmp_path / "own.csv"
    path.write_text(first + "".join(f"{mark.join(row)}\n" for row in rows))
    notation = Notation(Label("label"))
    found = columns_of(source_of(path, None, notation, None), notation)
    assert found.names == ("size", "ward") and found.labels == ("M", "B")
    assert found.values.tolist() == [[1.5, 2.0], [3.0, 4.0]]


def test_the_header_of_a_file_with_types(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "own.parquet"
    pandas.DataFrame({"size": [1.5, 3.0], "label": ["M", "B"]}).to_parquet(path)
    notation = Notation(Label("label"))
    found = columns_of(source_of(path, None, notation, None), notation)
    assert found.names == ("size",) and found.values.tolist() == [[1.5], [3.0]]


def test_a_file_in_no_format_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "own.xls"
    path.write_bytes(b"anything")
    notation = Notation(Label("label"))
    with pytest.raises(TablesRefused, match="save it as one of these"):
        columns_of(source_of(path, None, notation, None), notation)
