"""The vector of an evaluation: its record is canonical, its borders are exact, its counts are the model's."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.heads.softmax import exponential_table
from proofward.layers.local_training.training import scores
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint
from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.scores.score_counts import (
    bins_of_differences,
    bins_of_logits,
    bins_of_probabilities,
    borders,
    counted,
    score_counts,
    told_levels,
)
from proofward.relations.scores.score_layout import ScoreLayout, is_layout

SCALES = FixedPoint()
SEX, SITE = Subgroup("sex", ("f", "m"), 1), Subgroup("where", ("a", "b", "c"), 3)
LAYOUT = ScoreLayout(2, 8, 3, (SEX, SITE), "ab" * 32)


def test_the_record_has_one_text_and_a_digest():
    text = LAYOUT.to_text()
    assert ScoreLayout.from_text(text) == LAYOUT and is_layout(text) and not is_layout("counts of rows")
    assert LAYOUT.digest == hashlib.sha256(text.encode()).digest()
    others = [ScoreLayout(2, 8, 3), ScoreLayout(3, 8, 3), ScoreLayout(2, 9, 3), ScoreLayout(2, 8, 4)]
    assert len({own.digest for own in [LAYOUT, *others]}) == 5
    assert ScoreLayout(2, 8, 3).length == 2 * 8 + 4 and ScoreLayout(5, 8, 3).groups == (16,) * 5 + (25,)
    assert LAYOUT.groups == (16, 4) * 6 and LAYOUT.length == 120
    assert list(LAYOUT.of_blocks)[:3] == [("", ""), ("sex", "f"), ("sex", "m")]


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "other"), ("classes", 1), ("classes", 65), ("classes", "2"), ("bins", 1), ("bins", 1025),
     ("least_count", 0), ("subgroups", {}), ("subgroups", [SEX.to_dict()] * 2), ("outside", "AB" * 32),
     ("outside", "ab"), ("outside", None), ("more", 1)],
)  # fmt: skip
def test_another_record_is_refused(name, value):
    plain = {**json.loads(LAYOUT.to_text()), name: value}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    with pytest.raises(ConfigurationError):
        ScoreLayout.from_text(text)


@pytest.mark.parametrize("text", ["", "[1]", "{}", " " + LAYOUT.to_text(), LAYOUT.to_text().replace(":8", ": 8")])
def test_another_text_of_a_record_is_refused(text):
    with pytest.raises(ConfigurationError):
        ScoreLayout.from_text(text)


@pytest.mark.parametrize(
    "changed",
    [{"name": ""}, {"name": "a\n"}, {"name": 3}, {"levels": []}, {"levels": ["a", "a"]}, {"levels": "ab"},
     {"levels": ["a"] * 65}, {"position": -1}, {"position": True}, {"more": 1}],
)  # fmt: skip
def test_another_subgroup_is_refused(changed):
    with pytest.raises(ConfigurationError):
        Subgroup.from_dict({**SEX.to_dict(), **changed})


def test_a_subgroup_finds_its_levels():
    features = np.array([[9, 64, 0, 0], [9, 0, 64, 0], [9, 0, 0, 64], [9, 0, -1, 0]])
    assert SEX.of(features).tolist() == [0, 1, -1, -1]
    with pytest.raises(ConfigurationError, match="sex"):
        SEX.of(features[:, :2])


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 64), st.integers(4, 14), st.integers(-(1 << 16), 1 << 16))
def test_the_border_is_where_the_probability_crosses(bins, bits, score):
    scales = FixedPoint(activation_bits=6)
    found = borders(bins, bits)
    assert (np.diff(found) >= 0).all() and len(found) == bins - 1
    place = int(np.searchsorted(found, score))
    probability = 1 / (1 + np.exp(np.longdouble(-score) / (1 << bits)))
    slack = 1e-12
    assert place / bins - slack <= probability <= (place + 1) / bins + slack
    if bins % 2 == 0:
        assert (place >= bins // 2) == (score > 0), "above one half is what the model takes for class 1"
        own = bins_of_differences(bins, scales, np.array([-1, 0, 1]))
        assert (own >= bins // 2).tolist() == [False, False, True]


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 64), st.lists(st.integers(-3000, 3000), min_size=3, max_size=6))
def test_bins_of_several_classes_are_those_of_exact_fractions(bins, logits):
    row = np.array([logits], dtype=np.int64)
    table = exponential_table(SCALES)
    powers = [int(table[min(max(logits) - own, len(table) - 1)]) for own in logits]
    for own, power in zip(bins_of_logits(bins, SCALES, row)[0].tolist(), powers, strict=True):
        share = Fraction(power, sum(powers))
        assert share <= Fraction(own + 1, bins) and (share > Fraction(own, bins) or own == 0)


def test_bins_of_real_probabilities_have_their_upper_end():
    found = bins_of_probabilities(4, np.array([0, 0.01, 0.25, 0.2500001, 0.5, 0.75, 1.0]))
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 3]


@pytest.mark.parametrize("classes", [2, 4])
def test_counts_are_those_of_the_models_own_scores(classes):
    rng = np.random.default_rng(classes)
    model = mlp((6, 4, classes))
    weights = initial_weights(model, SCALES, seed=b"1")
    unit = 1 << SCALES.activation_bits
    features = rng.integers(-2 * unit, 2 * unit, (50, 6))
    features[:, 1:3] = 0
    features[np.arange(50), 1 + (rng.random(50) < 0.5)] = unit
    labels = rng.integers(0, classes, 50)
    layout = ScoreLayout(classes, 16, 3, (SEX,))
    whole, *levels = layout.blocks(score_counts(layout, model, SCALES, weights, features, labels))
    own = scores(model, SCALES, weights, features)
    taken = model.head.chosen(own)
    for block, there in [(whole, np.full(50, True)), *zip(levels, (features[:, 1:3] == unit).T, strict=True)]:
        assert block.rows == there.sum() >= 3
        for row in range(classes):
            for column in range(classes):
                assert block.confusion[row, column] == ((labels == row) & (taken == column) & there).sum()
    if classes == 2:
        half = whole.histograms[0, :, 8:].sum(axis=1)
        assert half.tolist() == whole.confusion[:, 1].tolist()


def test_a_level_of_few_records_is_not_counted_nor_what_would_tell_of_them():
    layout = ScoreLayout(2, 4, 3, (SITE,))
    labels, binned = np.tile([0, 1], 5), np.arange(10)[:, None] % 4
    counts = counted(layout, binned, np.zeros(10, dtype=np.int64), labels, [np.repeat([0, 1, 2, -1], [4, 3, 2, 1])])
    assert [block.rows for block in layout.blocks(counts)] == [10, 4, 3, 0], "three are in no level that is told"
    counts = counted(layout, binned, np.zeros(10, dtype=np.int64), labels, [np.repeat([0, 1, 2], [5, 4, 1])])
    assert [block.rows for block in layout.blocks(counts)] == [10, 5, 0, 0], "the one is hidden among the four"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1, 3), max_size=40), st.integers(1, 9))
def test_no_level_and_no_rest_of_levels_is_of_few_records(levels, least):
    own = np.array(levels, dtype=np.int64)
    told = told_levels(own, 4, least)
    sizes = [int((own == level).sum()) for level in told]
    rest = len(own) - sum(sizes)
    assert all(size >= least for size in sizes) and (not told or rest == 0 or rest >= least)
    assert least > 1 or told == set(levels) - {-1}


def test_subgroups_have_features_of_their_own():
    ScoreLayout(2, 4, 3, (SEX, SITE))
    for position in (0, 2):
        with pytest.raises(ConfigurationError, match="features of their own"):
            ScoreLayout(2, 4, 3, (SEX, Subgroup("other", ("a", "b"), position)))


def test_a_model_of_other_classes_is_refused():
    model = mlp((6, 4, 3))
    with pytest.raises(ConfigurationError, match="classes of the model"):
        score_counts(
            ScoreLayout(2, 4, 1), model, SCALES, initial_weights(model, SCALES, seed=b"1"),
            np.zeros((2, 6), dtype=np.int64), np.zeros(2, dtype=np.int64),
        )  # fmt: skip
