"""Figures of a model: known values on tiny inputs, of two classes and of more; pictures and the page."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.data.reading.records import Records
from proofward.layers.local_training.training import logit_differences
from proofward.layers.local_training.training import scores as integer_scores
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint
from proofward.report.comparing.evaluation import auc, evaluate
from proofward.report.figures import scores as judged
from proofward.report.figures.confusion import accuracy, confusion, draw_confusion
from proofward.report.figures.curves import curves, draw_curves
from proofward.report.figures.roc import Roc, draw_roc, roc
from proofward.report.figures.rows import Rows, shared
from proofward.report.handover.models.description import Description, Feature
from proofward.report.run_page import NOT_ASKED, PAGE_NAME, write_page

PNG = b"\x89PNG\r\n"
SCALES = FixedPoint()
MODEL = mlp((3, 4, 2))
ROUNDS = [initial_weights(MODEL, SCALES, bytes([number])) for number in (4, 3, 8)]
OWN = Description.of([Feature(name, 0.0, 1.0) for name in "abc"], ("benign $x_1$", "malignant | very"))


def records(count: int, seed: int = 0) -> Records:
    rng = np.random.default_rng(seed)
    return Records(rng.integers(-200, 200, (count, 3)), np.arange(count, dtype=np.int64) % 2)


def test_roc_of_four_scores():
    found = roc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    assert found == Roc(false_positives=(0, 1, 1, 2), true_positives=(1, 1, 2, 2))
    assert found.area == 0.75
    false, true = found.rates
    assert false.tolist() == [0, 0, 0.5, 0.5, 1] and true.tolist() == [0, 0.5, 0.5, 1, 1]


def test_equal_scores_are_one_step_and_points_on_a_line_are_left_out():
    inside = np.array([True, False, True, False])
    assert roc(np.zeros(4), inside) == Roc((2,), (2,)) and roc(np.zeros(4), inside).area == 0.5
    assert roc(np.array([4, 3, 2, 1]), np.array([True, True, False, False])) == Roc((0, 2), (2, 2))
    assert roc(np.array([1, 2]), np.array([True, True])) is None
    assert roc(np.array([1, 2]), np.array([False, False])) is None


@settings(max_examples=50)
@given(pairs=st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=30))
def test_the_area_is_the_chance_to_score_above(pairs):
    scores, inside = np.array([score for score, _ in pairs]), np.array([one for _, one in pairs])
    found = roc(scores, inside)
    if inside.all() or not inside.any():
        assert found is None
        return
    wins = [Fraction(int(np.sign(a - b)) + 1, 2) for a in scores[inside] for b in scores[~inside]]
    assert found.area == pytest.approx(float(sum(wins) / len(wins)))
    assert found.area == auc(scores, inside.astype(np.int64))
    assert (found.false_positives[-1], found.true_positives[-1]) == (int((~inside).sum()), int(inside.sum()))


def test_confusion_of_three_classes():
    labels, taken = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 0, 2, 1])
    table = confusion(labels, taken, 3)
    assert table == ((1, 1, 0), (0, 2, 0), (1, 1, 1)) and accuracy(table) == 4 / 7


def test_two_classes_are_three_of_which_one_never_is():
    """A score of two classes stands for the same probabilities as two logits that differ by it."""
    scores, labels = np.array([-1.0, 0.0, 2.5, 900.0]), np.array([0, 1, 1, 0])
    logits = np.stack([np.zeros(4), scores], axis=1)
    assert np.allclose(judged.log_probabilities(scores), judged.log_probabilities(logits))
    assert judged.taken(scores).tolist() == judged.taken(logits).tolist() == [0, 0, 1, 1]
    assert judged.loss(scores, labels) == pytest.approx(judged.loss(logits, labels))
    assert judged.loss(np.array([0.0, 0.0]), np.array([0, 1])) == pytest.approx(np.log(2))
    assert set(judged.by_class(scores)) == {1} and set(judged.by_class(np.zeros((2, 3)))) == {0, 1, 2}


def test_real_scores_are_the_integers_of_the_federation_in_parts(monkeypatch):
    own = records(11)
    expected = logit_differences(MODEL, SCALES, ROUNDS[0], own.features) / 64
    monkeypatch.setattr(judged, "MOST_VALUES", 9)
    assert np.array_equal(judged.real_scores(MODEL, SCALES, ROUNDS[0], own), expected)


@pytest.mark.slow
def test_a_page_of_three_classes(tmp_path):
    model = mlp((3, 4, 3))
    rounds = [initial_weights(model, SCALES, bytes([number])) for number in range(2)]
    own = Records(records(30).features, np.arange(30, dtype=np.int64) % 3)
    names = ("glioma", "meningioma", "none")
    rows = Rows(own, Description.of([Feature(name, 0.0, 1.0) for name in "abc"], names))
    found, _ = write_page(model, SCALES, rounds, rows, title="T", folder=tmp_path, private=tmp_path)
    assert set(found.to_plain()["roc"]) == set(names) and [sum(row) for row in found.confusion] == [10, 10, 10]
    values = integer_scores(model, SCALES, rounds[1], own.features)
    assert np.array_equal(found.scores * 64, values)
    assert found.curves.auc[1] == pytest.approx(evaluate(found.scores, own.labels).auc)
    text = (tmp_path / PAGE_NAME).read_text()
    assert "takes a record for the class that is likeliest" in text and "| is | taken for glioma |" in text


def test_curves_by_hand():
    labels = np.array([0, 1, 1])
    found = curves([np.zeros(3), np.array([-1.0, 2.0, -3.0])], labels)
    assert found.accuracy == (1 / 3, 2 / 3) and found.auc == (0.5, 0.5)
    assert found.loss[0] == pytest.approx(np.log(2))
    assert found.loss[1] == pytest.approx(np.log1p(np.exp([-1.0, -2.0, 3.0])).mean())
    assert curves([np.zeros(3)], np.ones(3, dtype=np.int64)).auc is None
    three = curves([np.eye(3)], np.arange(3))
    assert three.auc == (1.0,) and three.accuracy == (1.0,)


@pytest.mark.slow
def test_pictures_of_two_classes_and_of_many():
    found = curves([np.zeros(4), np.array([-1.0, 2.0, 3.0, 0.5])], np.array([0, 1, 1, 0]))
    assert draw_curves(found, "4 held-out records").startswith(PNG)
    for count in (2, 20):
        table = confusion(np.arange(60) % count, np.arange(60) % (count - 1), count)
        names = [f"a class with quite a long name and a ${number}" for number in range(count)]
        assert draw_confusion(table, names, "60 records").startswith(PNG)
        drawn = {name: Roc((1, 4), (3, 5)) for name in names}
        assert draw_roc(drawn, "60 records") == draw_roc(drawn, "60 records")


@pytest.mark.slow
def test_a_page_with_numbers_and_pictures(tmp_path):
    own = Rows(records(20), OWN)
    found, missing = write_page(MODEL, SCALES, ROUNDS, own, title="A # title", folder=tmp_path, private=tmp_path / "p")
    assert missing == "" and not (tmp_path / "p").exists()
    assert {path.name for path in tmp_path.iterdir()} == {PAGE_NAME, "curves.png", "roc.png", "confusion.png"}
    text = (tmp_path / PAGE_NAME).read_text()
    assert "20 held-out records, which no hospital trained on." in text and r"# A \# title" in text
    assert "![ROC curve after the last round](roc.png)" in text and r"malignant \| very" in text
    plain = found.to_plain()
    labels = own.records.labels
    last = logit_differences(MODEL, SCALES, ROUNDS[2], own.records.features)
    above = last > 0
    assert plain["confusion"] == [
        [int((above[labels == label] == side).sum()) for side in (False, True)] for label in (0, 1)
    ]
    assert 0 < above.sum() < 20
    assert plain["by_round"]["auc"][2] == pytest.approx(auc(last, labels)) == pytest.approx(
        plain["roc"]["malignant | very"]["auc"]
    )
    assert len(plain["by_round"]["loss"]) == 3


def test_without_matplotlib_there_are_numbers_and_a_sentence(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    own = Rows(records(20), OWN)
    found, missing = write_page(MODEL, SCALES, ROUNDS, own, title="T", folder=tmp_path, private=tmp_path)
    assert missing == "pictures need matplotlib: pip install matplotlib"
    assert [path.name for path in tmp_path.iterdir()] == [PAGE_NAME]
    text = (tmp_path / PAGE_NAME).read_text()
    assert f"There are no pictures: {missing}." in text and ".png" not in text
    assert found.to_plain()["rows"] == 20


def test_no_pictures_where_none_are_asked_for(tmp_path):
    own = Rows(records(6), OWN)
    places = dict(title="T", folder=tmp_path, private=tmp_path)
    _, missing = write_page(MODEL, SCALES, ROUNDS, own, **places, draw=False, made="By FedAdam.")
    assert "\n\nBy FedAdam.\n\n" in (tmp_path / PAGE_NAME).read_text()
    assert missing == NOT_ASKED and [path.name for path in tmp_path.iterdir()] == [PAGE_NAME]


@pytest.mark.slow
def test_records_of_one_class_have_no_roc(tmp_path):
    own = records(6)
    alone = Rows(Records(own.features, np.ones(6, dtype=np.int64)), OWN)
    found, _ = write_page(MODEL, SCALES, ROUNDS, alone, title="T", folder=tmp_path, private=tmp_path)
    assert found.rocs == {} and found.curves.auc is None
    assert not (tmp_path / "roc.png").exists() and "AUC" not in (tmp_path / PAGE_NAME).read_text().split("!")[0]


def test_training_rows_and_shared_rows_are_said():
    own, more = records(5), records(7, seed=1)
    both = Records(np.concatenate([own.features, more.features[:2]]), np.concatenate([own.labels, more.labels[:2]]))
    assert shared(both, [records(3, seed=2), more]) == 2
    assert "but 2 of them are also records of a hospital" in Rows(both, OWN, shared=2).caution
    assert "5 records of the training itself, for want of others" in Rows(own, OWN, trained_on=True).caution
