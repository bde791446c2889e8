"""The public description: canonical, of the columns without what values become, and one digest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proofward.data.columns.column_kinds import Category
from proofward.data.columns.feature import Feature, FeaturesInvalid
from proofward.data.columns.schema import Schema
from proofward.data.columns.statistics_layout import layout_of, schema_of
from proofward.layers.basics.errors import ConfigurationError
from proofward.statistics.layout import HISTOGRAMS, MOMENTS, OUTLINE, layout_in
from tests.statistics.plain import SCHEMA

LAYOUT = layout_of(SCHEMA)
NUMBER = (5, 7, 11, 19, 35, 3)


def test_a_text_is_of_one_layout_and_one_step():
    for step in LAYOUT.steps:
        assert layout_in(LAYOUT.text(step)) == (LAYOUT, step)
    plain = json.loads(LAYOUT.text(OUTLINE))
    assert sorted(plain) == ["bins", "columns", "dictionary", "least_count", "step", "version"]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "1", LAYOUT.text(OUTLINE) + " ", LAYOUT.text(OUTLINE).replace('"outline"', '"other"'),
        LAYOUT.text(OUTLINE).replace('"bins":32', '"bins":32.0'), LAYOUT.text(OUTLINE).replace('"bins":32', '"bins":1'), LAYOUT.text(OUTLINE).replace('"bins":32', '"bins":31'),
        LAYOUT.text(OUTLINE).replace('"centre":0.0', '"centre":1.0'), LAYOUT.text(OUTLINE).replace("/v1", "/v2"),
        LAYOUT.text(OUTLINE).replace('"least_count":5', '"least_count":0'), "[" * 100_000,
        LAYOUT.text(OUTLINE).replace('"levels":2', '"levels":3', 1), LAYOUT.text(OUTLINE).replace("[0.0,120.0]", "[120.0,0.0]"),
        LAYOUT.text(OUTLINE).replace("[0.0,120.0]", "[0.0,119.0]"), LAYOUT.text(OUTLINE).replace('"kind":"order"', '"kind":"number"'),
    ],
)  # fmt: skip
def test_other_texts_are_refused(text):
    assert text != LAYOUT.text(OUTLINE)
    with pytest.raises((ConfigurationError, FeaturesInvalid)):
        schema_of(layout_in(text)[0])


def test_what_values_become_changes_no_digest_and_all_else_does():
    other = replace(SCHEMA, features=(Feature("size", 1.0, 2.0, "mm"), *SCHEMA.features[1:]))
    assert layout_of(other).digest == LAYOUT.digest == layout_of(schema_of(LAYOUT)).digest
    for changed in (layout_of(SCHEMA, 16), layout_of(SCHEMA, 32, 6),
                    layout_of(replace(SCHEMA, features=SCHEMA.features[:-1]))):  # fmt: skip
        assert changed.digest != LAYOUT.digest


def test_the_rounds_count_and_small_counts_have_a_remainder_each():
    outline, histograms, moments = LAYOUT.countings()
    assert [own.rounds for own in (outline, histograms, moments)] == [(1,), (2,), (3,)]
    assert (outline.groups, outline.length, outline.least_count) == ((260, 260), 520, 5)
    assert histograms.groups == (*NUMBER, *NUMBER, 3, 3, 4, 3, *NUMBER, 3, 3) and histograms.least_count == 5
    assert (moments.groups, moments.least_count) == ((6, 6, 6, 6), 1)
    only = layout_of(Schema((Category("a", ("x", "y")),)))
    assert only.steps == (HISTOGRAMS,)
    single = layout_of(Schema((Feature("a", 0.0, 1.0),)))
    assert single.steps == (OUTLINE, HISTOGRAMS, MOMENTS) and single.countings()[0].groups == ()
