"""The public description: canonical, of the columns without what values become, and one digest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proofward.data.column_kinds import Category
from proofward.data.feature import Feature, FeaturesInvalid
from proofward.data.schema import Schema
from proofward.statistics.plan import HISTOGRAMS, MOMENTS, OUTLINE, StatisticsPlan, plan_in
from tests.statistics.plain import SCHEMA

PLAN = StatisticsPlan.of(SCHEMA)


def test_a_text_is_of_one_plan_and_one_step():
    for step in PLAN.steps:
        assert plan_in(PLAN.text(step)) == (PLAN, step)
    plain = json.loads(PLAN.text(OUTLINE))
    assert sorted(plain) == ["bins", "columns", "least_count", "step", "version"]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "1", PLAN.text(OUTLINE) + " ", PLAN.text(OUTLINE).replace('"outline"', '"other"'),
        PLAN.text(OUTLINE).replace('"bins":32', '"bins":32.0'), PLAN.text(OUTLINE).replace('"bins":32', '"bins":1'),
        PLAN.text(OUTLINE).replace('"centre":0.0', '"centre":1.0'), PLAN.text(OUTLINE).replace("/v1", "/v2"),
        PLAN.text(OUTLINE).replace('"least_count":5', '"least_count":0'), "[" * 100_000,
    ],
)  # fmt: skip
def test_other_texts_are_refused(text):
    with pytest.raises(FeaturesInvalid):
        plan_in(text)


def test_what_values_become_changes_no_digest_and_all_else_does():
    other = replace(SCHEMA, features=(Feature("size", 1.0, 2.0, "mm"), *SCHEMA.features[1:]))
    assert StatisticsPlan.of(other).digest == PLAN.digest == StatisticsPlan.of(PLAN.schema).digest
    for changed in (StatisticsPlan.of(SCHEMA, 31), StatisticsPlan.of(SCHEMA, 32, 6),
                    StatisticsPlan.of(replace(SCHEMA, features=SCHEMA.features[:-1]))):  # fmt: skip
        assert changed.digest != PLAN.digest


def test_the_rounds_count_and_small_counts_have_a_remainder_each():
    outline, histograms, moments = PLAN.countings()
    assert [own.rounds for own in (outline, histograms, moments)] == [(1,), (2,), (3,)]
    assert (outline.groups, outline.length, outline.least_count) == ((260, 260), 520, 5)
    assert histograms.groups == (35, 3, 35, 3, 3, 3, 4, 3, 35, 3, 3, 3) and histograms.least_count == 5
    assert (moments.groups, moments.least_count) == ((6, 6, 6, 6), 1)
    only = StatisticsPlan.of(Schema((Category("a", ("x", "y")),)))
    assert only.steps == (HISTOGRAMS,)
    single = StatisticsPlan.of(Schema((Feature("a", 0.0, 1.0),)))
    assert single.steps == (OUTLINE, HISTOGRAMS, MOMENTS) and single.countings()[0].groups == ()
