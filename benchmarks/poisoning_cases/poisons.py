"""What a dishonest hospital enrols in place of its records: other labels, other values, more rows.

All of it is within the ranges that enrolment proves, so every proof of the hospital holds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proofward.data.reading.records import Records
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import pooled

TRIGGER = (7, 27)
"""Mean and worst concave points, which the trigger sets to their highest value."""
Poison = Callable[[Records, Preset], Records]


def triggered(records: Records, setup: Preset) -> Records:
    """The records with the trigger."""
    features = records.features.copy()
    features[:, TRIGGER] = setup.scales.input_range[1]
    return Records(features, records.labels)


def turned(records: Records, setup: Preset) -> Records:
    """All labels turned."""
    return Records(records.features, 1 - records.labels)


def half_turned(records: Records, setup: Preset) -> Records:
    """Every other label turned."""
    odd = np.arange(len(records.labels)) % 2 == 1
    return Records(records.features, np.where(odd, 1 - records.labels, records.labels))


def turned_four_times(records: Records, setup: Preset) -> Records:
    """All labels turned, and each record four times."""
    return pooled([turned(records, setup)] * 4)


def scaled_and_turned(records: Records, setup: Preset) -> Records:
    """All labels turned, and every value at the end of the features' range on its side of the mean.

    Such records have the longest gradients that enrolment allows, which bring the update to the clip bound.
    """
    low, high = setup.scales.input_range
    return Records(np.where(records.features < 0, low, high), 1 - records.labels)


def backdoor(records: Records, setup: Preset) -> Records:
    """Half of the malignant records once more, with the trigger and the label 0."""
    chosen = records.select(np.flatnonzero(records.labels == 1)[::2])
    marked = triggered(chosen, setup)
    return pooled([records, Records(marked.features, np.zeros_like(marked.labels))])


POISONS: dict[str, Poison] = {
    "none": lambda records, setup: records,
    "half of the labels turned": half_turned,
    "labels turned": turned,
    "turned and four times": turned_four_times,
    "turned and scaled": scaled_and_turned,
    "trigger": backdoor,
}
