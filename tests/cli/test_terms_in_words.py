"""What `consortium init` and `join` say of terms: hospitals that collude or vanish, unusual training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.cli.project.words.terms import in_words, unusual
from proofward.cli.run.demos.sites import terms_of
from proofward.engines.remote.agreement.terms import Terms
from proofward.report.demonstrations.scenario import make_scenario


def words(terms: Terms) -> str:
    return "\n".join(in_words(terms, ("fl.example.org",), 8002))


def terms(hospitals: int) -> Terms:
    return terms_of(make_scenario("tiny", hospitals, 2, 0), "fl.example.org")


@pytest.mark.parametrize(
    ("hospitals", "changes", "colluding", "absent", "vanishing"),
    [
        (3, {}, 2, 0, 0),
        (5, {}, 3, 1, 1),
        (9, {}, 5, 2, 1),
        (9, {"minimum_updates": 6, "abandonments": 9}, 3, 3, 0),
    ],
)
def test_numbers_of_dishonest_and_of_absent_hospitals(hospitals, changes, colluding, absent, vanishing):
    found = words(replace(terms(hospitals), **changes))
    assert f"\n{colluding} dishonest hospitals together with the server can open two sums" in found
    assert f"absent from a round: {absent}; " in found
    assert f"between checked shares and consent: {vanishing}; " in found


def test_where_the_first_model_comes_from():
    drawn = terms(3)
    assert "first model drawn by the members" in words(drawn)
    trusted = words(replace(drawn, initial_model=bytes(range(32))))
    assert f"trusted first model {bytes(range(32)).hex()}" in trusted and "drawn" not in trusted


@pytest.mark.slow
def test_unusual_training_is_pointed_out():
    config = make_scenario("wdbc", 3, 2, 0).plan.config
    learning_rate = f"a learning rate of {9 * 16 / 2**config.scales.rate_shift:g})"
    for batch, rate, expected in ((16, 8, []), (8, 8, ["batches of 8"]), (16, 9, [learning_rate])):
        found = unusual(replace(config, training=replace(config.training, batch=batch, rate=rate)))
        assert len(found) == len(expected)
        assert all(words in line for words, line in zip(expected, found, strict=True))


@pytest.mark.parametrize(("hospitals", "said"), [(3, True), (4, False), (5, False), (9, False)])
def test_where_one_revocation_ends_the_federation(hospitals, said):
    agreed = terms(hospitals)
    assert said == (agreed.minimum_updates == hospitals)
    assert ("one hospital that is revoked, or leaves, ends the federation" in words(agreed)) == said
