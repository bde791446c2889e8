"""Statistics in Python: of frames and arrays, as the command counts them."""

from __future__ import annotations

import numpy as np
import pytest

import proofward as pw


def sites() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    return {name: (rng.normal(5, 2, (40, 2)), rng.integers(0, 2, 40)) for name in ("a", "b", "c")}


def test_statistics_of_arrays_are_what_features_takes():
    told, tables = pw.Federation(preset="tiny", progress=False), sites()
    found = told.statistics(tables, bins=8, least_count=1)
    values = np.concatenate([features for features, _ in tables.values()])
    assert found.rows == 120 and [own.name for own in found.columns] == ["feature-1", "feature-2", "label"]
    for at, own in enumerate(found.columns[:2]):
        assert abs(own.moments.centre - values[:, at].mean()) <= own.moments.precision * 1.000001
        assert abs(own.moments.spread - values[:, at].std()) <= own.moments.precision * 1.000001
        centre, spread = found.constants()[own.name]
        assert np.isclose([centre, spread], [values[:, at].mean(), values[:, at].std()], rtol=1e-3).all()
    pw.Federation(preset="tiny", features=found.constants())


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(pw.SettingsRefused, match="power of two"):
        pw.Federation(preset="tiny", progress=False).statistics(sites(), bins=5)
    with pytest.raises(pw.TablesRefused):
        pw.Federation(preset="tiny", progress=False).statistics({**sites(), "c": (np.zeros((3, 4)), [0, 1, 0])})
