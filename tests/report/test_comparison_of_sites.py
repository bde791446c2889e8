"""Whose counts are unlike the others', and where a model got worse: exact tests with a stated level."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.histograms.comparison import LEVEL, compared
from proofward.report.histograms.comparison_words import MEANING, comparison_lines
from proofward.report.histograms.evaluated import Evaluated
from proofward.report.histograms.exact_tests import fallen, unlike
from proofward.report.histograms.of_run import Evaluation

LAYOUT = ScoreLayout(2, 16, 1)
NAMES = ("a", "b", "c", "d", "e")


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_two_groups_are_told_apart_as_by_all_ways_to_deal(hits, misses, other_hits, other_misses):
    of, others, having = hits + misses, other_hits + other_misses, hits + other_hits
    ways = {k: comb(having, k) * comb(of + others - having, of - k) for k in range(having + 1) if k <= of}
    total = comb(of + others, of)
    tails = sum(w for k, w in ways.items() if k <= hits), sum(w for k, w in ways.items() if k >= hits)
    assert unlike(hits, of, other_hits, others) == pytest.approx(float(min(1, 2 * Fraction(min(tails), total))))


@given(st.data(), st.integers(1, 14))
def test_no_number_of_differences_makes_a_fall_likelier(data, of):
    before, after = data.draw(st.integers(0, of)), data.draw(st.integers(0, of))
    if after >= before:
        assert fallen(before, after, of) == 1
        return
    chances = []
    for gained in range(min(of - before, after) + 1):
        lost = gained + before - after
        chances.append(Fraction(sum(comb(gained + lost, k) for k in range(lost, gained + lost + 1)), 2 ** (gained + lost)))
    assert fallen(before, after, of) == pytest.approx(float(max(chances)))


def test_numbers_beyond_their_group_are_refused():
    for call in (lambda: unlike(3, 2, 0, 1), lambda: unlike(0, 2, 2, 1), lambda: fallen(3, 1, 2), lambda: fallen(1, -1, 2)):
        with pytest.raises(ValueError, match="expected numbers of records"):
            call()


def counts(scores, labels):
    return counts_of_probabilities(LAYOUT, np.stack([1 - scores, scores], axis=1), labels)


def drawn(rng, rows=40):
    """Records that a good model scores."""
    labels = np.arange(rows) % 2
    return rng.beta(1 + 4 * labels, 5 - 4 * labels), labels


def evaluation(parts, published=NAMES, after=5, trained=NAMES):
    """Of the counts of NAMES, of whom some publish theirs."""
    own = dict(zip(NAMES, parts, strict=True))
    sites = {name: Evaluated(LAYOUT, ("no", "yes"), own[name]) for name in published}
    total = Evaluated(LAYOUT, ("no", "yes"), np.sum(parts, axis=0))
    return Evaluation(after + 1, after, bytes(32), NAMES, total, sites, trained=trained)


def turned(parts, rng):
    """The last hospital's labels are turned."""
    scores, labels = drawn(rng)
    return [*parts[:-1], counts(scores, 1 - labels)]


def test_turned_labels_are_named_whether_their_hospital_publishes_or_not():
    rng = np.random.default_rng(1)
    parts = turned([counts(*drawn(rng)) for _ in NAMES], rng)
    (found,) = compared([evaluation(parts)]).unlike
    assert found.names == ("e",) and found.published and found.own.accuracy.value < 0.3 < 0.7 < found.others.accuracy.value
    assert found.chance < 1e-6
    silent = compared([evaluation(parts, NAMES[:4])])
    (found,) = silent.unlike
    assert found.names == ("e",) and not found.published and not silent.contradictions
    said = list(comparison_lines(silent))
    assert "those that published none (e)" in said[0] and said[-1] == MEANING
    assert silent.to_plain()["unlike"][0]["hospitals"] == ["e"]


def test_who_is_like_the_others_is_not_named_beside_one_who_is_not():
    rng = np.random.default_rng(2)
    large = drawn(rng, 600)
    parts = [*(counts(*drawn(rng)) for _ in NAMES[:-1]), counts(large[0], 1 - large[1])]
    assert [own.names for own in compared([evaluation(parts)]).unlike] == [("e",)]


def test_nothing_is_compared_where_nobody_publishes_or_counts_have_noise():
    rng = np.random.default_rng(3)
    parts = turned([counts(*drawn(rng)) for _ in NAMES], rng)
    for own in (evaluation(parts, ()), replace(evaluation(parts), noise=9)):
        found = compared([own])
        assert (found.tests, found.unlike, list(comparison_lines(found))) == (0, (), [])


def test_counts_that_cannot_all_be_in_the_sum_are_told():
    rng = np.random.default_rng(4)
    parts = [counts(*drawn(rng)) for _ in NAMES]
    own = evaluation(parts)
    lied = {**own.sites, "b": Evaluated(LAYOUT, ("no", "yes"), counts(*drawn(rng)))}
    found = compared([replace(own, sites=lied)])
    assert found.contradictions == ((5, NAMES),) and "cannot all be in the sum" in next(comparison_lines(found))
    assert compared([own]).contradictions == ()


def test_a_fall_names_who_has_joined_between():
    rng = np.random.default_rng(5)
    good = [drawn(rng) for _ in NAMES]
    before = evaluation([counts(*own) for own in good], (), trained=NAMES[:4])
    worse = [counts(1 - scores if at % 2 else scores, labels) for at, (scores, labels) in enumerate(good)]
    after = evaluation(worse, (), 10)
    (fall,) = compared([before, after]).falls
    assert (fall.before, fall.after, fall.name, fall.joined) == (5, 10, "", ("e",))
    assert "in none before, was e" in next(comparison_lines(compared([before, after])))
    assert compared([after, before]).falls == (), "no rise is told"
    assert compared([before, replace(after, hospitals=NAMES[:4])]).tests == 0, "other records"
    sites = compared([evaluation([counts(*own) for own in good]), evaluation(worse, NAMES, 10)])
    assert {own.name for own in sites.falls} == {"", "b", "d"} and all(own.joined == () for own in sites.falls)


def test_several_classes_are_compared_class_by_class():
    layout, rng, names = ScoreLayout(3, 8, 1), np.random.default_rng(6), ("a", "b")

    def three(good):
        labels = np.arange(90) % 3
        scores = rng.dirichlet([1, 1, 1], 90) + 3 * np.eye(3)[labels if good else (labels + 1) % 3]
        return counts_of_probabilities(layout, scores / scores.sum(1, keepdims=True), labels)

    def told(parts):
        sites = {"a": Evaluated(layout, ("x", "y", "z"), parts[0])}
        total = Evaluated(layout, ("x", "y", "z"), parts[0] + parts[1])
        return compared([Evaluation(2, 1, bytes(32), names, total, sites)]).unlike

    assert told([three(True), three(True)]) == () and len(told([three(True), three(False)])) == 1


@pytest.mark.slow
def test_records_dealt_at_random_are_told_apart_no_more_often_than_the_level_says():
    rng, false, trials = np.random.default_rng(7), 0, 150
    for _ in range(trials):
        first = [drawn(rng, int(rows)) for rows in rng.integers(10, 80, len(NAMES))]
        moved = [(np.clip(scores + rng.normal(0, 0.1, len(scores)), 0, 1), labels) for scores, labels in first]
        both = [evaluation([counts(*own) for own in each], NAMES, 5 * at) for at, each in enumerate((first, moved))]
        found = compared(both)
        false += bool(found.unlike or found.falls)
    assert false <= trials * LEVEL + 1
