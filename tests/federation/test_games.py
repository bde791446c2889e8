"""One sum from a model: random games of a dishonest aggregator with dishonest hospitals against the rest.

With fewer dishonest hospitals than `Rules.colluding_holders` no game ends with two opened sums, and every
opened sum has the consent of each honest hospital in it. With rules switched off, some game does.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.federation.history.history import STEPS
from proofward.federation.history.state.history_state import LOCK
from proofward.federation.history.steps import consent as consent_steps
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.consortium.usual import usual_updates
from tests.federation.committee_plans import committee_plan
from tests.federation.fakes import plan
from tests.federation.games import Adversary, World

pytestmark = pytest.mark.slow
SIZES = ((5, 2), (6, 2))
GAMES, MANY_GAMES = 6, 20


def game(directory, hospitals, threshold, dishonest, seed, agreed=None):
    """(what was opened, the honest hospitals) at the end of one game."""
    agreed = agreed or plan(hospitals=hospitals, verifiers=1, rounds=1, threshold=threshold)
    world = World(directory / f"{hospitals}-{dishonest}-{seed}", agreed, dishonest, seed)
    try:
        Adversary(world).play()
        return world.opened, set(world.honest)
    finally:
        world.close()


def violations(directory, hospitals, threshold, dishonest, games, agreed=None):
    """Games that opened two sums from one model, or one without an honest member's consent."""
    twice, unasked, once = 0, 0, 0
    for seed in range(games):
        opened, honest = game(directory, hospitals, threshold, dishonest, seed, agreed)
        once += len(opened) == 1
        models = [found.model for found in opened]
        twice += len(models) != len(set(models))
        unasked += any(not (set(found.hospitals) & honest) <= found.consents for found in opened)
    return twice, unasked, once


def number(hospitals, threshold):
    """`colluding_holders` of the usual rules."""
    return min(threshold + 1, 2 * usual_updates(hospitals, threshold) - hospitals)


@pytest.mark.parametrize(("hospitals", "threshold"), SIZES)
def test_fewer_than_the_number_open_one_sum_at_most(tmp_path, hospitals, threshold):
    dishonest = number(hospitals, threshold) - 1
    twice, unasked, once = violations(tmp_path, hospitals, threshold, dishonest, GAMES)
    assert (twice, unasked) == (0, 0)
    assert once > 0


def test_as_many_as_committees_reckon_with_open_one_sum_at_most(tmp_path):
    agreed = committee_plan(verifiers=1)
    dishonest = agreed.committees.corrupt_hospitals(6)
    assert (agreed.config.holders, agreed.config.threshold, dishonest) == (4, 1, 1)
    twice, unasked, once = violations(tmp_path, 6, 1, dishonest, GAMES, agreed)
    assert (twice, unasked) == (0, 0)
    assert once > 0


def switch_off(monkeypatch, rule):
    """Takes one rule away, and with it the locks, which make up for it."""
    monkeypatch.setattr(Rules, "locks", 1)
    if rule == "consent":
        apply = consent_steps.STEPS["accepted-set"].apply

        def unasked(history, envelope, record):
            apply(history, envelope, record)
            history.phase = LOCK

        step = replace(consent_steps.STEPS["accepted-set"], apply=unasked)
        monkeypatch.setitem(STEPS, "accepted-set", step)


@pytest.mark.parametrize("rule", ["consent"])
def test_without_a_rule_some_game_opens_what_it_must_not(tmp_path, monkeypatch, rule):
    switch_off(monkeypatch, rule)
    for seed in range(MANY_GAMES):
        opened, honest = game(tmp_path, 5, 2, number(5, 2) - 1, seed)
        models = [found.model for found in opened]
        unasked = any(not (set(found.hospitals) & honest) <= found.consents for found in opened)
        if unasked or len(models) != len(set(models)):
            return
    pytest.fail(f"{MANY_GAMES} games found nothing")
