"""Figures of histograms against the plain ones of all records, within bounds that the histograms give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout, sum_of
from proofward.report.comparing.evaluation import auc
from proofward.report.histograms.calibration import brier, reliability
from proofward.report.histograms.evaluated import Evaluated
from proofward.report.histograms.histogram import Histogram
from proofward.report.histograms.ranking import (
    area_interval,
    average_precision,
    precision_points,
    roc_area,
    roc_points,
)
from proofward.report.histograms.shares import Share
from proofward.report.histograms.thresholds import at_thresholds, nearest

metrics = pytest.importorskip("sklearn.metrics")
CLOSE = 1e-9


def histogram(scores, labels, bins):
    """As it is counted of real probabilities."""
    layout = ScoreLayout(2, bins, 1)
    both = np.stack([1 - scores, scores], axis=1)
    return Histogram(*layout.blocks(counts_of_probabilities(layout, both, labels))[0].histograms[0])


@st.composite
def scored(draw):
    """Scores, also those on borders and many equal ones, with labels of both classes."""
    rows = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = rng.integers(0, 2, rows)
    labels[:2] = 0, 1
    scores = rng.beta(*draw(st.sampled_from([(1, 1), (0.2, 0.3), (5, 2)])), rows)
    grid = draw(st.sampled_from([0, 4, 10, 32]))
    return (np.round(scores * grid) / grid if grid else scores), labels, draw(st.sampled_from([2, 5, 10, 32, 200]))


@settings(max_examples=60, deadline=None)
@given(scored())
def test_the_figures_of_all_scores_are_within_the_bounds(case):
    scores, labels, bins = case
    of = histogram(scores, labels, bins)
    plain = {
        "roc": (roc_area(of), metrics.roc_auc_score(labels, scores)),
        "precision": (average_precision(of), metrics.average_precision_score(labels, scores)),
        "brier": (brier(of), metrics.brier_score_loss(labels, scores)),
    }
    for name, (found, value) in plain.items():
        assert found.low - CLOSE <= value <= found.high + CLOSE, name
        assert found.low - CLOSE <= found.value <= found.high + CLOSE, name
    assert plain["roc"][1] == pytest.approx(auc(scores, labels), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(scored())
def test_scores_that_are_bins_have_the_figures_of_scikit_learn(case):
    scores, labels, bins = case
    of = histogram(scores, labels, bins)
    middles = of.middles[np.clip(np.ceil(scores * bins) - 1, 0, bins - 1).astype(int)]
    assert roc_area(of).value == pytest.approx(metrics.roc_auc_score(labels, middles), abs=CLOSE)
    assert average_precision(of).value == pytest.approx(metrics.average_precision_score(labels, middles), abs=CLOSE)
    assert brier(of).value == pytest.approx(metrics.brier_score_loss(labels, middles), abs=CLOSE)
    false, true = roc_points(of)
    assert np.trapezoid(true, false) == pytest.approx(roc_area(of).value, abs=CLOSE)
    own = {(round(a, 9), round(b, 9)) for a, b in zip(false, true, strict=True)}
    plain = metrics.roc_curve(labels, middles, drop_intermediate=False)
    assert {(round(a, 9), round(b, 9)) for a, b in zip(*plain[:2], strict=True)} == own
    recall, precision = precision_points(of)
    steps = np.diff(recall, prepend=0)
    assert float((steps * precision).sum()) == pytest.approx(average_precision(of).value, abs=CLOSE)


@pytest.mark.parametrize("order", ["ahead", "behind"])
def test_the_bound_of_the_area_is_met(order):
    """All in one bin: the area of all scores is anything from 0 to 1."""
    labels = np.array([0] * 5 + [1] * 3)
    shift = 0.001 if order == "ahead" else -0.001
    of = histogram(0.55 + shift * labels, labels, 10)
    found = roc_area(of)
    assert (found.low, found.value, found.high) == (0, 0.5, 1)
    assert auc(0.55 + shift * labels, labels) == (1 if order == "ahead" else 0)
    precision = average_precision(of)
    scores = 0.55 + shift * labels + 0.0001 * np.arange(8) * (order == "behind")
    end = precision.high if order == "ahead" else precision.low
    assert metrics.average_precision_score(labels, scores) == pytest.approx(end)


@settings(max_examples=25, deadline=None)
@given(scored(), st.floats(0.02, 0.98))
def test_confusion_and_net_benefit_at_thresholds(case, wanted):
    scores, labels, bins = case
    of = histogram(scores, labels, bins)
    entry = nearest(at_thresholds(of), wanted)
    assert abs(entry.threshold - wanted) <= 1 / bins
    taken = scores > entry.threshold if entry.threshold else np.ones(len(scores), dtype=bool)
    plain = metrics.confusion_matrix(labels, taken, labels=[0, 1]).tolist()
    assert plain == [
        [entry.true_negatives, entry.false_positives], [entry.false_negatives, entry.true_positives]
    ]  # fmt: skip
    odds, rows = entry.threshold / (1 - entry.threshold), len(scores)
    assert entry.net_benefit == pytest.approx((plain[1][1] - odds * plain[0][1]) / rows)
    assert entry.net_benefit_of_all == pytest.approx(labels.mean() - odds * (1 - labels.mean()))
    recall = metrics.recall_score(labels, taken)
    assert entry.sensitivity.value == pytest.approx(recall)
    assert (entry.sensitivity.total, entry.specificity.total) == (labels.sum(), rows - labels.sum())
    assert entry.positive_value.total + entry.negative_value.total == rows


def test_wilsons_interval_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for count, total in [(0, 10), (1, 10), (7, 9), (10, 10), (250, 1000)]:
        found = stats.binomtest(count, total).proportion_ci(0.95, "wilson")
        assert Share(count, total).interval == pytest.approx((found.low, found.high), abs=1e-9)
    assert Share(0, 0).interval is None and Share(0, 0).value is None and Share(0, 0).words == "-"


def test_the_interval_of_the_area_holds_it():
    of = Histogram(np.array([30, 20, 5, 1]), np.array([2, 5, 20, 13]))
    low, high = area_interval(of)
    assert low < roc_area(of).value < high


def test_reliability_puts_bins_of_few_records_together():
    of = Histogram(np.array([9, 0, 4, 0, 1, 2]), np.array([1, 0, 4, 1, 1, 1]))
    found = reliability(of, 5)
    assert [(entry.found.count, entry.found.total) for entry in found] == [(1, 10), (4, 8), (3, 6)]
    assert found[0].low == 0 and found[-1].high == 1
    assert sum(entry.found.total for entry in reliability(of)) == of.rows == 24
    assert [(entry.low, entry.high, entry.found.total) for entry in reliability(of, 1000)] == [(0, 1, 24)]


@pytest.mark.parametrize("classes", [3, 5])
def test_several_classes_are_each_against_the_rest(classes):
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 400)
    logits = rng.normal(0, 1, (400, classes))
    logits[np.arange(400), labels] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    layout = ScoreLayout(classes, 64, 1)
    found = Evaluated(layout, tuple("abcdef"[:classes]), counts_of_probabilities(layout, probabilities, labels))
    for number, own in enumerate(found.whole.classes):
        area = roc_area(own.of)
        plain = metrics.roc_auc_score(labels == number, probabilities[:, number])
        assert area.low <= plain <= area.high
    assert found.whole.auc == pytest.approx(
        np.mean([roc_area(own.of).value for own in found.whole.classes])
    )
    expected = metrics.confusion_matrix(labels, probabilities.argmax(axis=1)).tolist()
    assert found.whole.block.confusion.tolist() == expected
    assert found.whole.accuracy.count == np.trace(np.array(expected))
    whole = metrics.brier_score_loss(labels, probabilities, scale_by_half=False)
    assert found.whole.brier.low <= whole <= found.whole.brier.high


def parts_of(rng, layout, rows):
    probability, labels = rng.random(rows), rng.integers(0, 2, rows)
    levels = np.where(rng.random(rows) < 0.2, -1, rng.choice(3, rows, p=[0.5, 0.47, 0.03]))
    both = np.stack([1 - probability, probability], axis=1)
    return counts_of_probabilities(layout, both, labels, [levels]), probability, labels, levels


def test_sums_over_sites_are_those_of_all_records_and_small_subgroups_are_not_shown():
    rng = np.random.default_rng(5)
    layout = ScoreLayout(2, 32, 20, (Subgroup("sex", ("f", "m", "x"), 0),))
    sites = [parts_of(rng, layout, rows) for rows in (200, 300, 150)]
    found = Evaluated(layout, ("no", "yes"), sum_of([site[0] for site in sites]))
    probability, labels, levels = (np.concatenate([site[at] for site in sites]) for at in (1, 2, 3))
    assert found.whole.block.rows == 650
    area = roc_area(found.whole.classes[0].of)
    assert area.low <= metrics.roc_auc_score(labels, probability) <= area.high
    assert [own.title for own in found.subgroups] == ["sex: f", "sex: m"]
    for number, own in enumerate(found.subgroups):
        there = levels == number
        area = roc_area(own.classes[0].of)
        assert area.low <= metrics.roc_auc_score(labels[there], probability[there]) <= area.high
        assert own.block.rows == there.sum()
    assert [block.rows for block in found.withheld] == [0], "no site has enough of them"
    assert found.to_plain()["not_shown"] == [["sex", "x"]]


def whole(layout, counts):
    return Evaluated(layout, ("no", "yes"), counts).whole


def test_counts_that_no_records_have_are_refused():
    layout = ScoreLayout(2, 4, 1)
    good = np.array([1, 0, 2, 0, 0, 1, 0, 3, 2, 1, 1, 3])
    assert Evaluated(layout, ("no", "yes"), good).whole.block.rows == 7
    for at, value in [(0, 2), (5, 0), (8, 3), (11, 2), (3, -1)]:
        wrong = good.copy()
        wrong[at] = value
        with pytest.raises(ConfigurationError, match="counts"):
            whole(layout, wrong)
    for wrong in (good[:-1], good.astype(np.int32)):
        with pytest.raises(ConfigurationError, match="counts"):
            whole(layout, wrong)
    with pytest.raises(ConfigurationError, match="records that were counted"):
        whole(layout, np.zeros_like(good))
    with pytest.raises(ConfigurationError, match="names of classes"):
        Evaluated(layout, ("no",), good)


def test_records_of_one_class_have_no_curve():
    layout = ScoreLayout(2, 4, 1)
    counts = np.array([1, 0, 2, 0, 0, 0, 0, 0, 2, 1, 0, 0])
    found = Evaluated(layout, ("no", "yes"), counts)
    assert found.whole.auc is None and not found.whole.classes[0].of.tells
    plain = found.to_plain()["whole"]["classes"][0]
    assert plain["auc"] is None and plain["thresholds"][0]["sensitivity"]["share"] is None
