"""Deterministic held-out split, and non-IID division of records among hospitals."""

from __future__ import annotations

import numpy as np

from proofward.data.reading.records import Records
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.schedule import permutation


def held_out_split(records: Records, seed: int, held_out_percent: int = 20) -> tuple[Records, Records]:
    """(training, held out): a random division that keeps the share of each label to within one record."""
    if not 0 < held_out_percent < 100:
        raise ConfigurationError("held_out_percent", "an integer in [1, 99]", held_out_percent)
    order = permutation(_seed(seed), "held-out", 0, len(records))
    kept, held = [], []
    for label in range(int(records.labels.max(initial=0)) + 1):
        rows = order[records.labels[order] == label]
        cut = (len(rows) * held_out_percent + 50) // 100
        held.append(rows[:cut])
        kept.append(rows[cut:])
    return records.select(np.sort(np.concatenate(kept))), records.select(np.sort(np.concatenate(held)))


def hospital_split(records: Records, hospitals: int, seed: int, skew_percent: int = 80) -> list[Records]:
    """Divides records among hospitals of equal size (to within one), skewed by the first feature.

    A share of the records, skew_percent, is dealt in the order of the first feature (for tumours, the mean
    radius, hence the label too): the first hospital gets the lowest values, the last the highest. The others
    are dealt at random.
    """
    count = len(records)
    if not 1 <= hospitals <= count:
        raise ConfigurationError("hospitals", f"an integer in [1, {count}]", hospitals)
    if not 0 <= skew_percent <= 100:
        raise ConfigurationError("skew_percent", "an integer in [0, 100]", skew_percent)
    order = permutation(_seed(seed), "hospitals", 0, count)
    cut = count * skew_percent // 100
    skewed = order[:cut][np.argsort(records.features[order[:cut], 0], kind="stable")]
    uniform = order[cut:]
    ends = [count * h // hospitals for h in range(hospitals + 1)]
    skewed_ends = [cut * h // hospitals for h in range(hospitals + 1)]
    parts: list[Records] = []
    taken = 0
    for h in range(hospitals):
        own = skewed[skewed_ends[h] : skewed_ends[h + 1]]
        more = ends[h + 1] - ends[h] - len(own)
        parts.append(records.select(np.sort(np.concatenate([own, uniform[taken : taken + more]]))))
        taken += more
    return parts


def label_counts(records: Records) -> tuple[int, int]:
    """Number of records of label 0 and of label 1."""
    positive = int(records.labels.sum())
    return len(records) - positive, positive


def _seed(seed: int) -> bytes:
    return b"proofward/split/v1" + seed.to_bytes(8, "little")
