"""Statistics of five tables are those of the joined one, to the precision that they state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.data.columns.column_kinds import Number
from proofward.data.columns.feature import Feature
from proofward.data.columns.schema import Schema
from proofward.data.columns.statistics_layout import layout_of, schema_of
from proofward.data.inspection.table_values import read_values
from proofward.data.tables.table_file import TableFile
from proofward.report.statistics import PERCENTS, statistics_of
from proofward.statistics.counts import ColumnValues, TableValues, counts_of
from proofward.statistics.intervals import ROUGH_BORDERS, Range, found_range, rough_cells
from proofward.statistics.layout import HISTOGRAMS, MOMENTS, OUTLINE
from tests.statistics.plain import SCHEMA, rows_of, summed, write_rows

ROWS = (80, 35, 120, 57, 210)


@pytest.fixture(scope="module")
def tables():
    return [rows_of(seed, rows) for seed, rows in enumerate(ROWS)]


@pytest.fixture(scope="module")
def files(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return [write_rows(folder / f"{at}.csv", rows) for at, rows in enumerate(tables)]


@pytest.fixture(scope="module", params=[1, 5])
def found(request, files):
    return summed(layout_of(SCHEMA, 16, request.param), files)


def joined(tables, column: int) -> np.ndarray:
    values = [row[column] for rows in tables for row in rows]
    return np.array([value for value in values if value not in ("", "NA", "-9")], dtype=float)


@pytest.mark.parametrize(("at", "column"), [(0, 0), (1, 1), (4, 4)])
def test_numbers_are_those_of_the_joined_table(found, tables, at, column):
    own, plain = found.columns[at], joined(tables, column)
    assert (own.present, own.rows) == (len(plain), sum(ROWS))
    assert own.missing + own.withheld == sum(ROWS) - len(plain) and own.unknown == 0
    numbers, moments = own.numbers, own.moments
    clipped = np.clip(plain, numbers.range.low, numbers.range.high)
    assert (clipped != plain).sum() <= numbers.below + numbers.above + numbers.hidden
    assert moments.counted == len(plain)
    assert moments.precision == numbers.range.width / 2**17
    assert abs(moments.centre - clipped.mean()) <= moments.precision * 1.000001
    assert abs(moments.spread - clipped.std()) <= moments.precision * 1.000001
    counts = np.histogram(plain, numbers.range.borders(16))[0]
    if found.layout.least_count == 1:
        assert numbers.hidden == 0 and numbers.bins == tuple(counts) and (clipped == plain).all()
    else:
        assert all(own <= true for own, true in zip(numbers.bins, counts, strict=True)) and numbers.hidden > 0
        assert numbers.below + sum(numbers.bins) + numbers.above + numbers.hidden == len(plain)


@pytest.mark.parametrize(("at", "column"), [(0, 0), (1, 1), (4, 4)])
def test_quantiles_lie_between_their_ends(found, tables, at, column):
    own, plain = found.columns[at], joined(tables, column)
    assert tuple(own.numbers.quantiles) == PERCENTS
    for percent, quantile in own.numbers.quantiles.items():
        true = np.quantile(plain, percent / 100, method="inverted_cdf")
        assert (quantile.low is None or quantile.low <= true) and (quantile.high is None or true <= quantile.high)
        if found.layout.least_count == 1:
            assert quantile.high - quantile.low <= own.numbers.range.width / 16 * 1.000001
            assert quantile.low <= quantile.value <= quantile.high


def test_levels_and_classes_are_those_of_the_joined_table(found, tables):
    for at, column in ((2, 2), (3, 3), (5, 5)):
        own, plain = found.columns[at], [str(row[column]) for rows in tables for row in rows]
        assert own.levels == {level: plain.count(level) for level in own.levels} and own.rare == 0
        assert own.present == sum(own.levels.values()) and own.rows == sum(ROWS) == found.rows
    stain, grade = found.columns[2], found.columns[3]
    assert stain.unknown == sum(row[2] == "CT" for rows in tables for row in rows) > 0
    places = np.array([row[3] - 1 for rows in tables for row in rows])
    assert grade.moments.precision == 0 and math.isclose(grade.moments.centre, places.mean(), rel_tol=1e-12)
    assert math.isclose(grade.moments.spread, places.std(), rel_tol=1e-12) and stain.moments is None


def test_a_hospital_with_few_values_says_nothing_of_the_column(tmp_path):
    schema = Schema((Number(Feature("a", 0.0, 1.0), 0, 100, missing=5),))
    files = []
    for name, filled in (("x", 20), ("y", 4), ("z", 5)):
        rows = [f"{n if n < filled else ''},{n % 2}" for n in range(30)]
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text("a,label\n" + "\n".join(rows) + "\n")
    layout = layout_of(schema, 4, 5)
    own = summed(layout, files).columns[0]
    assert own.moments.counted == 25 and own.present == 29
    assert (own.numbers.bins, own.numbers.hidden, own.missing) == ((25, 0, 0, 0), 4, 61)
    values = read_values(TableFile(files[1]), schema_of(layout))
    assert layout.steps == (HISTOGRAMS, MOMENTS) and not counts_of(layout, MOMENTS, values, {0: Range(0.0, 100.0)}).any()


def test_a_single_extreme_value_does_not_show_in_the_range(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,label\n" + "\n".join(f"{value},{n % 2}" for n, value in enumerate([1.1] * 30 + [1e9])) + "\n")
    layout = layout_of(Schema((Feature("a", 0.0, 1.0),)), 8, 5)
    own = summed(layout, [path]).columns[0]
    assert layout.steps[0] == OUTLINE and (own.numbers.range.low, own.numbers.range.high) == (0.75, 2.0)
    assert own.numbers.hidden == 1 and own.moments.counted == 31, "it counts as the upper end"
    assert own.numbers.quantiles[99].high is None


def test_cells_that_cannot_be_read_are_counted_and_none_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    rows = ["1.5,2", "x,1", ",0", "1e999,1", *["2.5,1"] * 9]
    path.write_text("a,label\n" + "\n".join(rows) + "\n")
    own, label = summed(layout_of(Schema((Feature("a", 0.0, 1.0),)), 4, 1), [path]).columns
    assert (own.present, own.missing, own.unknown) == (10, 1, 2)
    assert (label.levels, label.unknown) == ({"0": 1, "1": 11}, 1)


def test_a_column_without_values_has_no_centre(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,label\n" + ",1\n" * 7 + ",0\n" * 7)
    own = summed(layout_of(Schema((Feature("a", 0.0, 1.0),))), [path]).columns[0]
    assert (own.present, own.missing, own.moments, own.numbers.quantiles) == (0, 14, None, {})


def test_rough_intervals():
    assert (np.diff(ROUGH_BORDERS) > 0).all() and len(ROUGH_BORDERS) == 258
    assert rough_cells(np.array([-1e300, -1.0, -0.0, 0.0, 1e-300, 1.0, 1.25, 1.5, 2.0, 1e300])).tolist() == [
        0, 65, 129, 129, 129, 194, 194, 195, 196, 258,
    ]  # fmt: skip
    for cell in range(259):
        counts = np.zeros(259, dtype=np.int64)
        counts[cell] = 1
        own = found_range(counts)
        inside = ROUGH_BORDERS[min(max(cell - 1, 0), 256)]
        assert own.low <= inside <= own.high and own.low < own.high
    assert found_range(np.zeros(259, dtype=np.int64)) is None


@given(
    st.lists(st.lists(st.floats(-40, 140), min_size=1, max_size=60), min_size=3, max_size=5),
    st.sampled_from([1, 2, 5, 9]), st.sampled_from([2, 8, 16]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_whatever_is_withheld_quantiles_lie_between_their_ends(hospitals, least, bins):
    layout = layout_of(Schema((Number(Feature("a", 0.0, 1.0), 0, 100),)), bins, least)
    sums = {}
    for counting, step in zip(layout.countings(), layout.steps, strict=True):
        values = [table_of(np.array(own)) for own in hospitals]
        told = [counting.told(counts_of(layout, step, own, {0: Range(0.0, 100.0)})) for own in values]
        sums[step] = np.sum(told, axis=0)
    own, plain = statistics_of(layout, sums).columns[0], np.concatenate(hospitals)
    for percent, quantile in own.numbers.quantiles.items():
        true = np.quantile(plain, percent / 100, method="inverted_cdf")
        assert quantile.low is None or quantile.low <= true
        assert quantile.high is None or true <= quantile.high
        assert own.numbers.range.low <= quantile.value <= own.numbers.range.high
        if least == 1 and quantile.low is not None and quantile.high is not None:
            assert quantile.high - quantile.low <= 100 / bins * 1.000001


def table_of(values: np.ndarray) -> TableValues:
    column = ColumnValues(values, 0, 0)
    return TableValues(len(values), (column, ColumnValues(np.zeros(len(values)), 0, 0)))


def test_the_outline_tells_quantiles_of_values_over_many_orders_of_magnitude(tmp_path):
    plain = np.random.default_rng(5).lognormal(0, 4, 400)
    path = tmp_path / "a.csv"
    path.write_text("a,label\n" + "".join(f"{value!r},1\n" for value in plain.tolist()))
    layout = layout_of(Schema((Feature("a", 0.0, 1.0),)), 4, 1)
    for percent, quantile in summed(layout, [path]).columns[0].numbers.quantiles.items():
        true = np.quantile(plain, percent / 100, method="inverted_cdf")
        assert quantile.low <= true <= quantile.high <= quantile.low * 1.5
        assert quantile.low <= quantile.value <= quantile.high
