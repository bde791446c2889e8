"""Sketches of records: sets that share some are seen to, whatever their sizes; others are not."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.engines.remote.agreement.record_sketch import KEPT, is_sketch, share_records, sketch_of


def records(count, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(-1000, 1000, (count, 6)), rng.integers(0, 2, count)


def joined(*parts):
    return tuple(np.concatenate(own) for own in zip(*parts, strict=True))


@pytest.mark.parametrize("sizes", [(60, 0, 0), (60, 5, 9), (1, 0, 3), (3000, 2000, 0), (2000, 3000, 3000)])
def test_sets_that_share_records_are_seen_to(sizes):
    shared, left, right = (records(count, seed) for seed, count in enumerate(sizes))
    one, other = sketch_of(*joined(shared, left)), sketch_of(*joined(right, shared))
    assert is_sketch(one) and is_sketch(other) and len(one) <= 16 * KEPT
    assert share_records(one, other) and share_records(other, one)


@pytest.mark.parametrize("sizes", [(60, 70), (60, 5000), (3000, 5000)])
def test_others_are_not(sizes):
    one, other = (sketch_of(*records(count, seed)) for seed, count in enumerate(sizes))
    assert not share_records(one, other)
    few = joined(records(sizes[0], 0), records(1, 7))  # one equal record in more than ten is chance
    assert not share_records(sketch_of(*few), sketch_of(*joined(records(sizes[1], 1), records(1, 7))))


def test_order_and_repetition_change_nothing_and_the_label_counts():
    features, labels = records(50, 1)
    assert sketch_of(features, labels) == sketch_of(*joined((features[::-1], labels[::-1]), (features, labels)))
    assert not share_records(sketch_of(features, labels), sketch_of(features, 1 - labels))
    assert sketch_of(features[:0], labels[:0]) == "" and not share_records("", "")


@pytest.mark.parametrize("text", ["0" * 15, "g" * 16, "1" * 32, "f" * 16 + "0" * 16])
def test_what_is_none_is_refused(text):
    assert is_sketch("") and not is_sketch(text)
