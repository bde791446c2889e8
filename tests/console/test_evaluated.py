"""The page of evaluations and statistics: what it says, what it withholds, and how it looks in a browser."""

from __future__ import annotations

from contextlib import closing
from threading import Lock
from types import SimpleNamespace

import numpy as np
import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.console.counted import Counted, Opened
from proofward.console.views.evaluated import evaluated
from proofward.federation.history.history import History
from proofward.federation.messages.basics.refusal import Refusal
from proofward.relations.scores.score_counting import NOT_PROVED
from proofward.report.histograms.of_run import Evaluation
from proofward.report.histograms.ranking import roc_area
from proofward.report.statistics import ColumnStatistics, Moments, Numbers, Quantile, Range, Statistics
from proofward.report.statistics_source import Summed
from tests.cli.test_privacy_table import written
from tests.console.pages import entered, page, state_of
from tests.console.test_pages import words
from tests.report.test_card_figures import LAYOUT, MODEL_DIGEST, evaluation

PATH = "/evaluations"


def statistics() -> Summed:
    """Of a column of numbers and of a label."""
    quantiles = {percent: Quantile(50.0 + percent, None, None) for percent in (5, 50, 95)}
    age = ColumnStatistics("age", "number", "years", 900, 7, 0, 0, Numbers(Range(0, 100), 0, (1, 2), 0, 0, quantiles),
                           moments=Moments(900, 61.25, 12.5, 0.0))  # fmt: skip
    label = ColumnStatistics(
        "label", "label", "", 907, 0, 0, 0, levels={"no": 500, "<b>yes</b>": 400}, rare=7
    )
    found = Statistics(SimpleNamespace(least_count=5), None, (age, label))
    return Summed(found, b"", {"moments": ("a", "b", "c")})


def opened() -> Opened:
    """Two evaluations, of which the last has a hospital's own counts, and statistics."""
    last = evaluation(3, MODEL_DIGEST)
    shown = Evaluation(6, 3, MODEL_DIGEST, last.hospitals, last.evaluated, {"a": last.evaluated, "b": None})
    return Opened((evaluation(1), shown), statistics(), True, True)


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(Counted, "opened", lambda self, followed: opened())


def test_figures_by_round_and_of_the_round_that_is_asked_for(counted, run):
    text, found = words(page(run, PATH)), opened()
    area = roc_area(found.evaluations[1].evaluated.whole.classes[0].of).value
    for said in (
        NOT_PROVED, "Round 6: after round 3 of training", f"{area:.4f}", "ROC curve", "Calibration", "By subgroup", "sex: f",
        "Not shown, with fewer than 5 records of a class: sex: x", "no counts that records have", "taken for malignant",
        "907 rows of a, b, c", "61.25", "50 %: 100", "no 500, <b>yes</b> 400, withheld 7",
    ):  # fmt: skip
        assert said in text, said
    assert "<b>yes</b>" not in page(run, PATH)
    state = state_of(run)
    with closing(state):
        asked = entered(state)
        assert "Round 2: after round 1 of training" in words(asked.get(PATH, params={"round": "2"}).text)
        for other in ("99", "x", "-1"):
            assert "Round 6:" in words(asked.get(PATH, params={"round": other}).text)


def test_what_is_promised_and_spent_stands_above_the_figures(counted, run, tmp_path):
    assert "No differential privacy: sums are exact." in words(page(run, PATH))
    assert "No differential privacy: sums are exact." in words(page(run))
    history = History(read_project(written(tmp_path)).terms().check())
    history.releases["a"] = 2
    state = SimpleNamespace(followed=SimpleNamespace(lock=Lock(), history=history), counted=Counted(None))
    said = evaluated(state, 0)["privacy"]
    for part in ("Differential privacy of epsilon 3", "spent, by 2 of 20 releases", "not private."):
        assert part in said


def test_without_rounds_that_count(run, new_kit):
    assert "no rounds of evaluation" in words(page(run, PATH))
    assert "no rounds of evaluation" in words(page(new_kit, PATH))


def test_nothing_is_counted_yet_or_nothing_can_be_read(monkeypatch, run):
    nothing = evaluation(1, vector=np.zeros(LAYOUT.length, np.int64))
    monkeypatch.setattr(Counted, "opened", lambda self, followed: Opened((nothing,), None, True, True))
    text = words(page(run, PATH))
    assert "nothing counted" in text and "once all their rounds are closed" in text
    monkeypatch.undo()

    def missing(*_):
        raise Refusal("object-missing", "aggregator", "an object", "nothing")

    monkeypatch.setattr("proofward.console.counted.layout_in", lambda counting: LAYOUT)
    monkeypatch.setattr("proofward.console.counted.layout_of_rounds", lambda countings: None)
    monkeypatch.setattr("proofward.console.counted.evaluations", missing)
    rules = SimpleNamespace(counting=("one",), aggregator="aggregator")
    followed = SimpleNamespace(history=SimpleNamespace(rules=rules, closed=()), stored=None)
    assert "cannot be shown" in Counted(state_of(run).source).opened(followed).trouble


@pytest.mark.slow
def test_in_a_browser(counted, run):
    from tests.console.browser import Watched, chromium, served

    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="the extra [browser] is not installed"
    )
    with chromium() as browser, served(run) as console:
        for width in (320, 1280, 3840):
            watched = Watched(browser, console, width, color_scheme="dark" if width == 320 else "light")
            watched.open(PATH)
            across = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert watched.page.evaluate(across) <= 0, width
            if width < 3840:
                found = axe.Axe().run(watched.page).response["violations"]
                assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
            watched.page.get_by_role("link", name="Show round 2").click()
            watched.page.get_by_role("heading", name="Round 2: after round 1 of training").wait_for()
            watched.sound()
            watched.context.close()
