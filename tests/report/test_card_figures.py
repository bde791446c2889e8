"""A model's card carries the figures of the evaluations on its ledger, marked as signed, in both forms."""

from __future__ import annotations

import re

import numpy as np
import pytest

from proofward.federation.messages.basics.refusal import Refusal
from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.scores.score_counting import NOT_PROVED
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.handover.handed_model import handed
from proofward.report.handover.models.model_source import Taken
from proofward.report.histograms import card_figures
from proofward.report.histograms.card_figures import figures_of, ledger_figures
from proofward.report.histograms.evaluated import Evaluated
from proofward.report.histograms.of_run import Evaluation
from proofward.report.histograms.ranking import area_interval, roc_area
from tests.report.test_exported_pictures import MODEL
from tests.report.test_model_card import history

CLASSES = ("benign", "malignant")
MODEL_DIGEST, EARLIER = b"m" * 32, b"e" * 32
LAYOUT = ScoreLayout(2, 16, 5, (Subgroup("sex", ("f", "m", "x"), 0),))


def counts(seed: int, rows: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    scores = np.clip(rng.normal(0.35 + 0.3 * labels, 0.2), 0.001, 0.999)
    levels = rng.integers(0, 2, rows)
    return counts_of_probabilities(LAYOUT, np.stack([1 - scores, scores], axis=1), labels, [levels])


def evaluation(after: int, model: bytes = EARLIER, vector: np.ndarray | None = None) -> Evaluation:
    vector = counts(after) if vector is None else vector
    return Evaluation(2 * after, after, model, ("a", "b", "c"), Evaluated(LAYOUT, CLASSES, vector))


def test_the_figures_are_those_of_the_sum_and_said_to_be_signed_not_proved():
    last = evaluation(3, MODEL_DIGEST)
    figures = figures_of([evaluation(1), last], MODEL_DIGEST)
    made = handed(Taken(MODEL, history()), "json", "m.json", figures=figures).card
    of = last.evaluated.whole.classes[0].of
    low, high = area_interval(of)
    confusion = last.evaluated.whole.block.confusion
    for said in (
        NOT_PROVED, f"This model on {last.words}", f"{roc_area(of).value:.4f} (of all scores",
        f"95 % interval {low:.4f} to {high:.4f}", "average precision (PR)", "Brier score",
        f"| benign | {confusion[0, 0]} | {confusion[0, 1]} |", "## Calibration", "sex: f", "sex | x",
        "| 1 | 300 |", "| 3 | 300 |",
    ):  # fmt: skip
        assert said in made.markdown, said
    pytest.importorskip("matplotlib", reason="the extra [demo] is not installed")
    images = re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,[A-Za-z0-9+/=]{1000,}">', made.html)
    assert [words.split(",")[0] for words in images] == [
        "ROC curve", "Precision and recall", "Reliability of the probabilities", "Net benefit by threshold",
        "Confusion table",
    ]  # fmt: skip
    assert "<img" not in made.markdown and "base64" not in made.markdown and "http" not in made.html.replace("proofward", "")


def test_figures_of_an_earlier_model_are_said_to_be_of_one():
    (found,) = figures_of([evaluation(1), evaluation(2)], MODEL_DIGEST)
    assert found.basis.startswith("An earlier model, after round 2 of training,")
    nothing = evaluation(3, MODEL_DIGEST, np.zeros(LAYOUT.length, np.int64))
    assert figures_of([nothing], MODEL_DIGEST) == []


def test_counts_that_are_not_here_are_said_not_to_be(monkeypatch):
    def missing(*_):
        raise Refusal("object-missing", "aggregator", "an object", "nothing")

    assert ledger_figures(Taken(MODEL, history())) == []
    monkeypatch.setattr(card_figures, "evaluations", missing)
    (found,) = ledger_figures(Taken(MODEL, history(), objects=object()))
    assert "not here" in found.basis and not found.rows
    text = handed(Taken(MODEL, history()), "json", "m.json", figures=[found]).card.markdown
    assert "not here" in text and "## Figures" not in text
