"""The validation part: which rows a beacon draws, which of them count, and that no batch has any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Training
from proofward.layers.rules.schedule import permutation, schedule
from proofward.layers.rules.validation_part import LARGEST_SHARE, Arc, arc_of, arranged, validation_rows

TRAINING = Training(batch=4, epochs=3, validation_share=200_000)
PATIENTS = np.array([5, 3, 5, 9, 3, 3, 7, 5, 9, 1], dtype=np.int64)


def rng(seed: int):
    return np.random.default_rng(seed).bytes


@pytest.mark.parametrize(("rows", "share", "expected"), [
    (10, 0, 0), (10, 200_000, 2), (11, 200_000, 3), (1, 1, 1), (1_000_000, 1, 1), (7, LARGEST_SHARE, 4),
])  # fmt: skip
def test_counts_the_share_of_the_rows_rounded_up(rows, share, expected):
    assert validation_rows(rows, share) == expected


@pytest.mark.parametrize("start", range(7))
def test_parts_the_ring_of_rows(start):
    arc = Arc(7, start, 3)
    assert list(arc.held_out) == [(start + step) % 7 for step in range(3)]
    assert list(arc.trained) == [(start + step) % 7 for step in range(3, 7)]


def test_the_beacon_the_hospital_and_the_rows_draw_the_start():
    drawn = arc_of(b"beacon", "north", 1000, 200_000)
    assert (drawn.rows, drawn.length) == (1000, 200)
    assert drawn.start == 736  # a golden value: everybody computes the same
    others = [arc_of(b"other", "north", 1000, 200_000), arc_of(b"beacon", "south", 1000, 200_000)]
    assert drawn.start not in [other.start for other in others]
    assert arc_of(b"beacon", "north", 1001, 200_000).start != drawn.start
    with pytest.raises(ConfigurationError, match="validation beacon"):
        arc_of(b"", "north", 10, 1)


def test_starts_are_spread_over_the_ring():
    starts = [arc_of(bytes([seed]), "h", 10, 200_000).start for seed in range(200)]
    counts = np.bincount(starts, minlength=10)
    assert counts.min() > 5 and counts.max() < 40


def test_patients_on_both_sides_of_an_end_are_not_counted():
    groups = np.array([0, 0, 1, 1, 2, 3, 3, 3, 4, 0], dtype=np.int64)
    assert list(Arc(10, 3, 3).counted(groups)) == [4]  # 1 and 3 have rows outside
    assert list(Arc(10, 9, 3).counted(groups)) == [9, 0, 1]  # around the ring
    assert list(Arc(10, 6, 2).counted(groups)) == []
    with pytest.raises(ConfigurationError, match="groups"):
        Arc(10, 3, 3).counted(groups[1:])


def test_arranges_patients_at_random_and_keeps_their_rows_together():
    order = arranged(PATIENTS, rng(1))
    assert sorted(order) == list(range(10))
    found = PATIENTS[order]
    ends = np.flatnonzero(np.diff(found)) + 1
    assert len(ends) + 1 == len(np.unique(PATIENTS))
    for part in np.split(order, ends):
        assert list(part) == sorted(part)
    orders = {tuple(PATIENTS[arranged(PATIENTS, rng(seed))]) for seed in range(40)}
    assert len(orders) > 20


@pytest.mark.parametrize("training", [TRAINING, replace(TRAINING, epochs=0, steps=5)])
def test_no_batch_has_a_row_of_the_part_and_others_come_as_often_as_before(training):
    rows, arc = 13, arc_of(b"beacon", "north", 13, TRAINING.validation_share)
    batches = schedule(b"round", "north", rows, training, arc)
    assert set(batches.ravel()) == set(range(rows)) - set(arc.held_out)
    smaller = replace(training, validation_share=0)
    alone = schedule(b"round", "north", rows - arc.length, smaller)
    assert (batches == arc.trained[alone]).all()
    first = permutation(b"round", "north", 0, rows - arc.length)
    assert (batches.ravel()[: rows - arc.length] == arc.trained[first]).all()


def test_steps_are_those_of_the_rows_that_are_trained_on():
    assert TRAINING.trained_rows(21) == 16
    assert TRAINING.steps_for(21) == 3 * 16 // 4 == replace(TRAINING, validation_share=0).steps_for(16)
    fixed = Training(batch=4, steps=2, validation_share=200_000)
    assert fixed.steps_for(5) == 2
    with pytest.raises(ConfigurationError, match="beside the validation part, got 3"):
        fixed.steps_for(4)
    with pytest.raises(ConfigurationError, match="beside the validation part, got 1"):
        TRAINING.steps_for(2)


def test_a_share_is_named_only_where_there_is_one():
    assert "validation_share" not in Training(epochs=1).to_dict()
    assert Training.from_dict(TRAINING.to_dict()) == TRAINING
    for wrong in (-1, LARGEST_SHARE + 1, 0.2, True):
        with pytest.raises(ConfigurationError, match="validation_share"):
            replace(TRAINING, validation_share=wrong)
    with pytest.raises(ConfigurationError):
        Training.from_dict({**Training(epochs=1).to_dict(), "validation_share": 0})
