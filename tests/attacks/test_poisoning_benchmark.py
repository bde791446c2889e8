"""The parts of benchmarks/poisoning.py: what may be enrolled, and what is found of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proofward.data.reading.records import Records
from proofward.models import preset

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def drawn(rows: int, seed: int = 1) -> Records:
    """Records of two classes that lie apart."""
    setup, rng, labels = preset("wdbc"), np.random.default_rng(seed), np.arange(rows) % 2
    real = rng.standard_normal((rows, 30)) + 0.6 * (2 * labels[:, None] - 1)
    return Records((real * (1 << setup.scales.activation_bits)).astype(np.int64), labels)


def test_every_poison_is_within_what_enrolment_proves() -> None:
    from poisoning_cases.poisons import POISONS

    setup, own = preset("wdbc"), drawn(40)
    low, high = setup.scales.input_range
    for name, poison in POISONS.items():
        found = poison(own, setup)
        assert found.features.min() >= low and found.features.max() <= high, name
        assert set(found.labels) <= {0, 1} and len(found) == len(found.labels)
    assert POISONS["none"](own, setup) is own
    assert np.array_equal(POISONS["labels turned"](own, setup).labels, 1 - own.labels)
    marked = POISONS["trigger"](own, setup)
    assert len(marked) == len(own) + (own.labels.sum() + 1) // 2 and (marked.features[len(own) :, 7] == high).all()


@pytest.mark.slow
def test_values_at_the_ends_of_their_ranges_bring_the_update_to_the_clip_bound() -> None:
    from poisoning_cases.poisons import POISONS
    from privacy_attacks.federation import follow

    setup, parts = preset("wdbc"), [drawn(60, seed) for seed in range(3)]
    poisoned = [*parts[:-1], POISONS["turned and scaled"](parts[-1], setup)]
    honest, scaled = (follow(setup, own, 2, 1).of_bound for own in (parts, poisoned))
    assert honest[-1][-1] < 0.9 < 0.999 < scaled[-1][-1] <= 1


@pytest.mark.slow
def test_a_patch_is_white_and_on_every_copied_mass() -> None:
    from poisoning_cases.pictures import PATCH, backdoor, patched
    from privacy_attacks.reconstruction import SIDE, pictures

    target = pictures((), 8, 1)
    white = 1 << target.setup.scales.activation_bits
    found = patched(target.records, target).features.reshape(-1, SIDE, SIDE)
    assert (found[:, 1 : 1 + PATCH, 1 : 1 + PATCH] == white).all()
    assert (found != target.records.features.reshape(-1, SIDE, SIDE)).sum(axis=(1, 2)).max() <= PATCH**2
    poisoned = backdoor(target.records, target)
    assert len(poisoned) == 8 + 2 and (poisoned.labels[8:] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("poison", ["none", "labels turned"])
def test_comparing_counts_names_who_turned_its_labels_and_nobody_else(poison: str) -> None:
    from poisoning_cases.detection import NAMES, told
    from poisoning_cases.poisons import POISONS

    setup, parts = preset("wdbc"), [drawn(90, seed) for seed in range(5)]
    found = told(setup, [*parts[:-1], POISONS[poison](parts[-1], setup)], 6, False, 1)
    assert {name for own in found.unlike for name in own.names} == ({NAMES[-1]} if poison != "none" else set())
    assert found.falls == () and found.tests > 100
