"""The data makers give the documented shapes and ranges, the same records every time, and a fair division."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest

from proofward.data.reading.records import Records, to_fixed_point
from proofward.data.splits import held_out_split, hospital_split, label_counts
from proofward.data.synthetic import make_synthetic
from proofward.data.wdbc import NORMALISATION, DataUnavailable, load_wdbc
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import FixedPoint

SCALES = FixedPoint()


def test_fixed_point_rounds_and_clips() -> None:
    values = np.array([[0.0, 1.0, -1.0, 1 / 128 + 1e-9, 99.0, -99.0]])
    assert to_fixed_point(values, SCALES).tolist() == [[0, 64, -64, 1, 2047, -2048]]


def test_wdbc_records() -> None:
    pytest.importorskip("sklearn")
    records = load_wdbc(SCALES)
    assert records.features.shape == (569, 30) and records.features.dtype == records.labels.dtype == np.int64
    assert label_counts(records) == (357, 212)
    means = records.features.mean(axis=0) / 64
    assert np.abs(means).max() < 0.05 and np.abs(records.features.std(axis=0) / 64 - 1).max() < 0.05
    low, high = SCALES.input_range
    assert records.features.min() >= low and records.features.max() <= high and len(NORMALISATION) == 30
    digest = hashlib.sha256(records.features.astype("<i8").tobytes() + records.labels.astype("<i8").tobytes())
    assert digest.hexdigest() == "53cf33320b59f0c845c00ee52e99f86c633488cfb4fc99e060ef35560077625a"


def test_wdbc_without_its_dependency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataUnavailable, match=r"pip install .*demo"):
        load_wdbc(SCALES)


def numbered(count: int) -> Records:
    rng = np.random.default_rng(4)
    features = np.stack([rng.integers(-1000, 1000, count), np.arange(count)], axis=1)
    return Records(features, (features[:, 0] > 300).astype(np.int64))


def test_held_out_split_is_a_stratified_division() -> None:
    records = numbered(569)
    kept, held = held_out_split(records, 7)
    assert sorted([*kept.features[:, 1], *held.features[:, 1]]) == list(range(569))
    for label, count in enumerate(label_counts(records)):
        assert abs(label_counts(held)[label] - count / 5) <= 0.5
    assert np.array_equal(held.features, held_out_split(records, 7)[1].features)
    assert not np.array_equal(held.features, held_out_split(records, 8)[1].features)


@pytest.mark.parametrize("hospitals", [1, 3, 5])
@pytest.mark.parametrize("skew", [0, 50, 80, 100])
def test_hospital_split_divides_evenly(hospitals: int, skew: int) -> None:
    records = numbered(457)
    parts = hospital_split(records, hospitals, 1, skew)
    assert sorted(int(v) for part in parts for v in part.features[:, 1]) == list(range(457))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for part in parts:
        assert np.array_equal(part.labels, (part.features[:, 0] > 300).astype(np.int64))
    again = hospital_split(records, hospitals, 1, skew)
    assert all(np.array_equal(a.features, b.features) for a, b in zip(parts, again, strict=True))


def test_hospital_split_is_skewed() -> None:
    records = numbered(457)
    share = [label_counts(part)[1] / len(part) for part in hospital_split(records, 5, 1, 80)]
    assert max(share[:2]) < 0.2 and min(share[3:]) > 0.4 and share[-1] > 0.7
    even = [label_counts(part)[1] / len(part) for part in hospital_split(records, 5, 1, 0)]
    assert max(even) - min(even) < 0.3


def test_inadmissible_splits() -> None:
    records = numbered(10)
    for hospitals, skew in ((0, 50), (11, 50), (2, 101)):
        with pytest.raises(ConfigurationError):
            hospital_split(records, hospitals, 1, skew)
    with pytest.raises(ConfigurationError):
        held_out_split(records, 1, 100)


def test_synthetic_records() -> None:
    records = make_synthetic(400, 12, 3, SCALES)
    assert records.features.shape == (400, 12) and records.features.dtype == np.int64
    assert 140 < label_counts(records)[1] < 260 and 0.9 < records.features.std() / 64 < 1.15
    assert np.array_equal(records.features, make_synthetic(400, 12, 3, SCALES).features)
    assert not np.array_equal(records.features, make_synthetic(400, 12, 4, SCALES).features)
    gap = records.features[records.labels == 1].mean(axis=0) - records.features[records.labels == 0].mean(
        axis=0
    )
    assert np.abs(gap).min() > 10  # 2 * signal * 64 = 32 on average
    with pytest.raises(ConfigurationError):
        make_synthetic(0, 3, 1, SCALES)
