"""How sums of an evaluation are read that have noise."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.scores.noisy_scores import deviation_of_area, nearest
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.scores.stopping import Stopping

TWO = ScoreLayout(2, 16, 1, (Subgroup("sex", ("f", "m"), 0),))
FOUR = ScoreLayout(4, 5, 1)


def counts(layout: ScoreLayout, records: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, layout.classes, records)
    logits = rng.normal(size=(records, layout.classes)) + 1.2 * np.eye(layout.classes)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    levels = [rng.integers(-1, len(own.levels), records) for own in layout.subgroups]
    return counts_of_probabilities(layout, scores, labels, levels)


@pytest.mark.parametrize("layout", [TWO, FOUR])
def test_a_reading_is_of_counts_that_records_can_have(layout: ScoreLayout) -> None:
    rng = np.random.default_rng(2)
    for deviation in (1, 30, 3000):
        noisy = counts(layout, 300) + rng.normal(0, deviation, layout.length).astype(np.int64)
        read = nearest(layout, noisy)
        assert layout.fits(read) and read.dtype == np.int64
        assert np.array_equal(nearest(layout, read), read), "a reading reads as itself"
    nothing = nearest(layout, np.full(layout.length, -5, dtype=np.int64))
    assert layout.fits(nothing) and not nothing.any()


@pytest.mark.parametrize("layout", [TWO, FOUR])
def test_exact_counts_are_read_as_they_are(layout: ScoreLayout) -> None:
    assert np.array_equal(nearest(layout, counts(layout, 500)), counts(layout, 500))


def cumulated_by_least_squares(histogram: np.ndarray, total: int) -> list[Fraction]:
    """The best rising sequence near the cumulated counts, by the min-max formula of isotonic regression."""
    sums, bins = np.cumsum(histogram).tolist(), len(histogram)
    excess = [Fraction(at * (sums[-1] - total), bins) + Fraction(1, 2) for at in range(1, bins)]
    values = [min(max(own - floor(off), 0), total) for own, off in zip(sums, excess, strict=False)]
    count = range(len(values))
    return [
        max(
            min(Fraction(sum(values[low : high + 1]), high - low + 1) for high in count if high >= at)
            for low in count
            if low <= at
        )
        for at in count
    ]


def test_histograms_are_the_nearest_whose_cumulated_counts_rise() -> None:
    layout, rng = ScoreLayout(2, 8, 1), np.random.default_rng(3)
    for _ in range(20):
        noisy = counts(layout, 60) + rng.normal(0, 9, layout.length).astype(np.int64)
        read = nearest(layout, noisy)
        confusion = noisy[16:].reshape(2, 2).clip(min=0)
        assert np.array_equal(read[16:], confusion.reshape(-1))
        for number, (own, made) in enumerate(zip(noisy[:16].reshape(2, 8), read[:16].reshape(2, 8), strict=True)):
            expected = cumulated_by_least_squares(own, int(confusion[number].sum()))
            assert [int(part) for part in np.cumsum(made)[:-1]] == [
                (2 * part.numerator + part.denominator) // (2 * part.denominator) for part in expected
            ]


def test_the_figure_of_a_reading_is_near_that_of_exact_counts_and_no_worse_than_said() -> None:
    """Cells cut at 0 would draw every AUC to 1/2."""
    layout, rng, rule = ScoreLayout(2, 32, 1), np.random.default_rng(4), Stopping("auc", 0)
    exact = counts(layout, 2000)
    true = float(rule.figure_of(layout, exact))  # type: ignore[arg-type]
    said = deviation_of_area(layout.blocks(exact)[0], 400)
    assert said is not None
    off, cut = [], []
    for _ in range(60):
        noisy = exact + rng.normal(0, 20, layout.length).round().astype(np.int64)
        off.append(float(rule.figure_of(layout, nearest(layout, noisy))) - true)  # type: ignore[arg-type]
        others, inside = noisy[:64].clip(min=0).reshape(2, 32).astype(float)
        cut.append(float(inside @ (np.cumsum(others) - others / 2)) / (inside.sum() * others.sum()) - true)
    assert float(np.std(off)) < 1.5 * said and abs(float(np.mean(off))) < said
    assert abs(float(np.mean(cut))) > 2 * abs(float(np.mean(off)))
    assert deviation_of_area(layout.blocks(np.zeros(layout.length, dtype=np.int64))[0], 400) is None
