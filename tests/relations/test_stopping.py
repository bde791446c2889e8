"""The rule on stopping as a function of sums that are made up: figures, improvement, the end, the best round."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.scores.stopping import FIGURES, Course, Stopping
from proofward.report.histograms.evaluated import Evaluated

NONE = None
TWO, THREE = ScoreLayout(2, 4, 1), ScoreLayout(3, 4, 1)


def drawn(layout: ScoreLayout, seed: int) -> np.ndarray:
    """Counts that some records have."""
    rng = np.random.default_rng(seed)
    confusion = rng.integers(1, 30, (layout.classes, layout.classes))
    rows, parts = confusion.sum(axis=1), []
    for number in layout.scored:
        for count in (rows.sum() - rows[number], rows[number]):
            parts.append(rng.multinomial(count, np.full(layout.bins, 1 / layout.bins)))
    return np.concatenate([*parts, confusion.ravel()]).astype(np.int64)


@pytest.mark.parametrize("layout", [TWO, THREE])
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_report(layout, seed):
    counts = drawn(layout, seed)
    whole = Evaluated(layout, tuple("abc"[: layout.classes]), counts).whole
    reported = {"auc": whole.auc, "brier": whole.brier.value, "accuracy": whole.accuracy.value}
    for name in FIGURES:
        found = Stopping(name, 1).figure_of(layout, counts)
        assert isinstance(found, Fraction) and float(found) == pytest.approx(reported[name], abs=1e-12)


def test_figures_by_hand():
    counts = np.array([2, 1, 0, 0, 0, 1, 1, 0, 3, 0, 1, 1], dtype=np.int64)
    auc = Fraction(2 * 2 + 1 + 3 * 2, 2 * 3 * 2)
    brier = Fraction(2 * 1 + 9 + 25 + 9, 64 * 5)
    found = [Stopping(name, 1).figure_of(TWO, counts) for name in ("auc", "brier", "accuracy")]
    assert found == [Fraction(11, 12), brier, Fraction(4, 5)] and auc == Fraction(11, 12)


def test_without_records_or_with_impossible_counts_there_is_no_figure():
    nothing, only = np.zeros(TWO.length, np.int64), np.zeros(TWO.length, np.int64)
    only[[0, 8]] = 3
    wrong = nothing.copy()
    wrong[0] = 1
    for name in FIGURES:
        assert Stopping(name, 1).figure_of(TWO, nothing) is None
        assert Stopping(name, 1).figure_of(TWO, wrong) is None
    assert Stopping("auc", 1).figure_of(TWO, only) is None
    assert Stopping("accuracy", 1).figure_of(TWO, only) == 1


@pytest.mark.parametrize(
    ("rule", "percents", "best", "met"),
    [
        (("auc", 2), [], NONE, NONE),
        (("auc", 2), [NONE, NONE, NONE], NONE, NONE),
        (("auc", 1), [70], 0, NONE),
        (("auc", 1), [70, 70], 0, 1),
        (("auc", 2), [70, 80, 75, 79], 1, 3),
        (("auc", 2), [70, 80, 75, 81, 80], 3, NONE),
        (("auc", 2), [70, 80, NONE, 75, NONE, 80], 1, 5),
        (("auc", 2), [70, 60, 60, 90], 3, 2),
        (("auc", 0), [70, 60, 60, 50], 0, NONE),
        (("brier", 2), [30, 20, 25, 21], 1, 3),
        (("accuracy", 2, 50_000), [70, 74, 75, 76], 3, 2),
        (("accuracy", 2, 50_000), [70, 74, 76, 77, 78], 4, 4),
        (("accuracy", 1, 50_000), [70, 75], 1, 1),
    ],
)
def test_when_the_rule_is_met_and_which_is_best(rule, percents, best, met):
    figures = [NONE if value is NONE else Fraction(value, 100) for value in percents]
    assert Stopping(*rule).course(figures) == Course(best, met)
    for length in range(len(figures)):
        before = Stopping(*rule).course(figures[:length]).met
        assert before == (met if met is not NONE and met < length else NONE), "once met it stays met"


def test_the_plain_form_is_one_and_others_are_refused():
    rule = Stopping("brier", 3, 1000)
    plain = {"figure": "brier", "stop_after": 3, "least_gain": 1000}
    assert rule.to_item() == plain and Stopping.from_item(plain) == rule
    assert rule.words.endswith("the end after 3 in a row that do not improve it by more than 0.001")
    wrong = [("figure", "loss"), ("figure", None), ("stop_after", -1), ("stop_after", True), ("stop_after", 2.0),
             ("least_gain", -1), ("least_gain", 10**6 + 1), ("more", 1)]  # fmt: skip
    for name, value in wrong:
        with pytest.raises(ConfigurationError):
            Stopping.from_item({**plain, name: value})
    with pytest.raises(ConfigurationError):
        Stopping.from_item([])
