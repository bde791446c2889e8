"""Counts of a table's entries against counting one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import histogram as module
from proofward.field import threads
from proofward.field.histogram import Signed, histogram

EXTREMES = [-(2**63), -(2**62), -1, 2**62, 2**63 - 1]


def plain(
    first: list[int], second: list[int] | None, table: list[int], paired: list[int] | None
) -> tuple[list[int], int]:
    counts = [0] * len(table)
    for i, value in enumerate(first):
        if value not in table:
            return counts, i
        where = table.index(value)
        if second is not None and paired is not None and paired[where] != second[i]:
            return counts, i
        counts[where] += 1
    return counts, -1


def positions(table: list[int]) -> Signed:
    low = min(table)
    where = [table.index(value) if value in table else -1 for value in range(low, max(table) + 1)]
    return np.array(where, dtype=np.int64)


@pytest.mark.slow
@given(
    table=st.lists(st.integers(-9, 9), min_size=1, max_size=8),
    picks=st.lists(st.integers(-10, 10) | st.sampled_from(EXTREMES), max_size=12),
    pairs=st.booleans(),
    slip=st.integers(0, 40),
)
@settings(max_examples=150)
def test_counts_one_by_one(table: list[int], picks: list[int], pairs: bool, slip: int) -> None:
    paired = [value * value for value in table] if pairs else None
    second = [value * value % 2**40 + (i == slip) for i, value in enumerate(picks)] if pairs else None
    expected, bad = plain(picks, second, table, paired)
    counts = np.zeros(len(table), dtype=np.int64)
    first, other, partner = (
        None if values is None else np.array(values, dtype=np.int64) for values in (picks, second, paired)
    )
    assert first is not None
    assert histogram((first, other), min(table), positions(table), partner, counts) == bad
    assert counts.tolist() == expected


@pytest.mark.parametrize("low", [0, -4, 2**62, -(2**62)])
def test_counts_of_consecutive_integers(low: int) -> None:
    counts = np.ones(8, dtype=np.int64)
    values = np.array([low, low + 7, low, low + 3], dtype=np.int64)
    values.setflags(write=False)
    assert histogram((values, None), low, None, None, counts) == -1
    assert counts.tolist() == [3, 1, 1, 2, 1, 1, 1, 2]
    for outside in (low - 1, low + 8, *EXTREMES):
        if not low <= outside < low + 8:
            bad = np.array([low, outside], dtype=np.int64)
            assert histogram((bad, None), low, None, None, counts) == 1


@pytest.mark.parametrize("bad", [[], [7], [30, 8], [39]])
@pytest.mark.parametrize("pairs", [False, True])
def test_cores_count_apart(bad: list[int], pairs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRAIN", 5)
    monkeypatch.setattr(module, "_LOOKUPS_PER_ENTRY", 1)
    monkeypatch.setattr(threads, "thread_count", lambda: 3)
    values, counts = np.arange(40, dtype=np.int64) % 4, np.ones(4, dtype=np.int64)
    second, paired = (values * 5, np.arange(4, dtype=np.int64) * 5) if pairs else (None, None)
    values = values.copy()
    values[bad] = 9
    assert histogram((values, second), 0, None, paired, counts) == min(bad, default=-1)
    assert bad or counts.tolist() == [11] * 4


def test_arrays_that_do_not_fit() -> None:
    values, counts = np.zeros(3, dtype=np.int64), np.zeros(4, dtype=np.int64)
    with pytest.raises(ValueError, match="positions"):
        histogram((values, None), 0, np.array([4], dtype=np.int64), None, counts)
    for second, paired in ((values[:2], counts), (values, values), (values, None)):
        with pytest.raises(ValueError, match="second values"):
            histogram((values, second), 0, None, paired, counts)
    with pytest.raises(ValueError, match="least entry"):
        histogram((values, None), 1 + 2**62, None, None, counts)
