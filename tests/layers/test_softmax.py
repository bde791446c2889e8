"""Softmax in integers: equal to its specification at every boundary, and a total function."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.layers.heads.softmax import division_bits, exponential_bits, exponential_table, softmax
from proofward.layers.networks.network import mlp
from proofward.layers.references.softmax import exponential, softmax_head
from proofward.layers.rules.model import FixedPoint

SCALES = FixedPoint()
WIDE = FixedPoint(14, 14, 30, 16, 15, 12, 16)
NARROW = FixedPoint(2, 3, 9, 3, 2, 2, 6)
TRIED = [SCALES, FixedPoint(4, 8, 20), FixedPoint(3, 5, 16, 11, 10, 12, 12), WIDE, NARROW]


def compare(logits: list[int], label: int, scales: FixedPoint) -> None:
    found, expected = softmax(np.array([logits]), scales), softmax_head(logits, label, scales)
    assert found.maximum.tolist() == [expected.maximum] and found.total.tolist() == [expected.total]
    assert found.distance.tolist() == [expected.distances]
    assert found.exponential.tolist() == [expected.exponentials]
    assert found.probability.tolist() == [expected.probabilities]
    assert found.remainder.tolist() == [expected.remainders]
    head = mlp((1, len(logits))).head
    sums = head.takes.pad(np.array([logits]))
    gradients = head.gradients(sums, np.array([label]), scales)
    assert head.takes.unpad(gradients).tolist() == [expected.errors]
    assert not gradients[:, len(logits) :].any()


@pytest.mark.slow
@settings(max_examples=150)
@given(
    logits=st.lists(st.integers(-(1 << 61), 1 << 61), min_size=3, max_size=64),
    scale=st.integers(0, 61),
    label=st.integers(0, 2),
    scales=st.sampled_from(TRIED),
)
def test_equals_plain_integers_for_any_logits(
    logits: list[int], scale: int, label: int, scales: FixedPoint
) -> None:
    compare([value >> scale for value in logits], label, scales)


@pytest.mark.parametrize("scales", TRIED)
def test_equals_plain_integers_around_every_boundary(scales: FixedPoint) -> None:
    end, unit = 1 << scales.logit_range_bits, 1 << scales.weight_bits
    for distance in (0, 1, 2, end - 1, end, end + 1, 2 * end - 1, 2 * end, 1 << 20):
        for rest in (-unit // 2, -1, 0, unit // 2 - 1):
            compare([0, -distance * unit + rest, 0], 1, scales)
            compare([distance * unit + rest, 0, -1], 0, scales)


@pytest.mark.parametrize("scales", TRIED)
def test_the_table_is_that_of_the_specification(scales: FixedPoint) -> None:
    table, end = exponential_table(scales), 1 << scales.logit_range_bits
    assert len(table) == 2 * end and not table[end:].any()
    assert table[0] == 1 << exponential_bits(scales)
    assert table[:end].tolist() == [exponential(index, scales) for index in range(end)]
    assert all(above >= below for above, below in pairwise(table.tolist()))


@pytest.mark.parametrize("classes", [3, 4, 5, 64])
def test_remainders_fit_their_bits(classes: int) -> None:
    for logits in (np.zeros(classes, np.int64), np.arange(classes) * -(1 << 55)):
        found = softmax(logits[None], WIDE)
        assert (found.remainder >= 0).all() and (found.remainder < 2 * found.total[:, None]).all()
        assert 2 * int(found.total[0]) <= 1 << division_bits(WIDE, classes)


def test_equal_logits_have_equal_probabilities() -> None:
    for classes in (3, 4, 64):
        found = softmax(np.full((1, classes), -5 << 24), SCALES).probability
        assert (found == (256 + classes // 2) // classes).all()


def test_labels_are_bits_of_one_class() -> None:
    head = mlp((1, 5)).head
    assert head.encode(np.array([0, 4, 2])).tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 1, 0, 0]]
    assert mlp((1, 2)).head.encode(np.array([0, 1])).tolist() == [[0], [1]]
