"""Tables that would spoil a study: each sign is found, counted, and says no value."""

from __future__ import annotations

import pytest

from proofward.data.columns.column_kinds import Category, Ordinal
from proofward.data.columns.schema import Feature, Notation, Schema
from proofward.data.reading.plausibility import (
    BEYOND_REASON,
    CHECKS,
    CLIPPED,
    CONSTANT,
    DUPLICATES,
    ONE_CLASS,
)
from proofward.data.reading.table_records import Table
from proofward.layers.rules.model import FixedPoint
from tests.data.reading import read_csv

FEATURES = (Feature("age", 50.0, 10.0, "years"), Feature("size", 2.0, 0.5))
SCALES = FixedPoint()


def read(path, rows: list[str], **notation) -> Table:
    (path / "records.csv").write_text("age,size,label\n" + "\n".join(rows) + "\n")
    return read_csv(path / "records.csv", Schema(FEATURES, Notation(**notation)), SCALES)


def good(count: int, start: int = 0) -> list[str]:
    return [f"{40 + n},{1 + n / 64},{n % 2}" for n in range(start, start + count)]


def found(table: Table) -> list[tuple[str, str]]:
    return [(doubt.check, doubt.column) for doubt in table.doubts]


def test_a_good_table_raises_no_doubt(tmp_path):
    table = read(tmp_path, good(20))
    assert (found(table), table.notes, table.clipped) == ([], (), {})


@pytest.mark.parametrize(("hits", "doubtful"), [(0, False), (4, False), (5, True), (20, True)])
def test_columns_clipped_beyond_the_agreed_share(tmp_path, hits, doubtful):
    rows = good(20 - hits) + [f"{700 + n},{1 + n / 64},{n % 2}" for n in range(hits)]
    table = read(tmp_path, rows)
    assert table.clipped == ({"age": hits} if hits else {})
    assert ((CLIPPED, "age") in found(table)) is doubtful
    if doubtful:
        words = next(doubt.words for doubt in table.doubts if doubt.check == CLIPPED)
        assert words == (
            f"column 1, age: clipped to the range of inputs are {hits} of 20 values, more than the agreed 20 "
            "percent; is the column in years?"
        )


def test_the_share_is_the_consortiums(tmp_path):
    rows = [*good(19), "700,2,1"]
    assert found(read(tmp_path, rows, clipped_percent=5)) == []
    assert found(read(tmp_path, rows, clipped_percent=4)) == [(CLIPPED, "age")]
    assert found(read(tmp_path, ["7000,2,1", *good(1), "6999,2,0"], clipped_percent=100)) == []


@pytest.mark.parametrize(("value", "doubtful"), [("10050", False), ("10051", True), ("-1e308", True)])
def test_values_beyond_reason(tmp_path, value, doubtful):
    table = read(tmp_path, [*good(19), f"{value},2,1"])
    assert found(table) == ([(BEYOND_REASON, "age")] if doubtful else [])
    if doubtful:
        assert table.doubts[0].words == (
            "column 1, age: values more than 1000 spreads from the centre: 1 (row 21)"
        )


def test_a_value_that_overflows_when_it_is_normalised(tmp_path, recwarn):
    (tmp_path / "records.csv").write_text("a,label\n1e308,0\n-1e308,1\n0.5,1\n")
    table = read_csv(tmp_path / "records.csv", Schema((Feature("a", -1e308, 0.001),)), SCALES)
    assert not recwarn.list and table.clipped == {"a": 2}
    assert table.records.features[:, 0].tolist() == [2047, 0, 2047]


def test_constant_columns(tmp_path):
    table = read(tmp_path, [f"{40 + n},2,{n % 2}" for n in range(20)])
    assert found(table) == [(CONSTANT, "size")]
    assert table.doubts[0].words == (
        "column 2, size: constant, all 20 values are the same once they are normalised"
    )
    tiny = read(tmp_path, [f"{40 + n},{2 + n / 10_000},{n % 2}" for n in range(20)])
    assert found(tiny) == [(CONSTANT, "size")], "a unit mixed up the other way leaves one value, too"


def test_one_class(tmp_path):
    table = read(tmp_path, [f"{40 + n},{1 + n / 64},1" for n in range(20)])
    assert found(table) == [(ONE_CLASS, "")] and "all 20 records have one label" in table.doubts[0].words


def test_repeated_rows_are_counted(tmp_path):
    few = read(tmp_path, [*good(18), *good(2)])
    assert found(few) == [] and few.notes == (
        "2 of 20 records repeat an earlier one to the last digit (rows 20, 21)",
    )
    assert read(tmp_path, ["40,1.0,1", *good(19), "40.0,1,1", "4e1,+1.,1"]).notes == (
        "2 of 22 records repeat an earlier one to the last digit (rows 22, 23)",
    ), "numbers are compared, not texts"
    most = read(tmp_path, good(4) * 6)
    assert found(most) == [] and most.notes[0].startswith("20 of 24 records repeat an earlier one")


@pytest.mark.parametrize(("copies", "agreed", "doubtful"), [(50, 20, False), (51, 20, True), (51, 21, False), (200, 100, False)])
def test_many_repeated_rows_are_doubtful(tmp_path, copies, agreed, doubtful):
    table = read(tmp_path, [*good(200), *(good(200) * 2)[:copies]], duplicate_percent=agreed)
    assert found(table) == ([(DUPLICATES, "")] if doubtful else [])
    said = [doubt.words for doubt in table.doubts] + list(table.notes)
    assert len(said) == 1 and said[0].startswith(f"{copies} of {200 + copies} records repeat an earlier one")
    if doubtful:
        assert said[0].endswith("more than the agreed 20 percent (rows 202, 203, 204 and 48 more); was something exported twice?")
        assert table.doubts[0].short == "duplicates"


def test_rows_of_few_values_repeat_by_chance(tmp_path):
    schema = Schema((Category("sex", ("f", "m")), Ordinal("grade", ("1", "2", "3"))))
    rows = [f"{'fm'[n % 2]},{1 + n % 3},{n // 7 % 2}" for n in range(60)]
    (tmp_path / "records.csv").write_text("sex,grade,label\n" + "\n".join(rows) + "\n")
    table = read_csv(tmp_path / "records.csv", schema, SCALES)
    assert found(table) == [] and "records repeat an earlier one" in table.notes[0]


def test_the_same_features_with_another_label_are_no_repetition(tmp_path):
    rows = [f"{40 + n // 2},{1 + n // 2 / 64},{n % 2}" for n in range(20)]
    assert read(tmp_path, rows).notes == ()


def test_what_is_kept_of_a_doubt_has_no_count(tmp_path):
    table = read(tmp_path, ["99999,2,1"] * 20)
    assert {doubt.check for doubt in table.doubts} == set(CHECKS) - {DUPLICATES}
    kept = [doubt.short for doubt in table.doubts]
    assert kept == ["clipped: age", "beyond reason: age", "constant: age", "constant: size", "one class"]  # fmt: skip
    assert not any(character.isdigit() for character in "".join(kept))
