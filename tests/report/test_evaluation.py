"""Confusion, accuracy and AUC: by hand, and as scikit-learn has them."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.layers.heads.softmax import real_softmax
from proofward.report.comparing.evaluation import Evaluation, auc, evaluate


def test_two_classes_by_hand():
    labels = np.array([1, 0, 1, 0, 0])
    found = evaluate(np.array([2.0, -1.0, 0.0, 1.0, -3.0]), labels)
    assert found == Evaluation(((2, 1), (1, 1)), (5 / 6,))
    assert found.accuracy == 3 / 5 and found.auc == 5 / 6 == auc(np.array([2.0, -1.0, 0.0, 1.0, -3.0]), labels)


def test_three_classes_by_hand():
    logits = np.log([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7], [0.4, 0.5, 0.1]])
    found = evaluate(logits, np.array([0, 1, 2, 0]))
    assert found.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 1)) and found.accuracy == 3 / 4
    assert found.by_class == (1.0, 1.0, 1.0)
    found = evaluate(logits, np.array([1, 1, 2, 0]))
    assert found.by_class == (2 / 3, 3 / 4, 1.0) and found.auc == pytest.approx((2 / 3 + 3 / 4 + 1) / 3)


def test_of_equal_logits_the_first_is_taken():
    assert evaluate(np.zeros((2, 3)), np.array([0, 2])).confusion == ((1, 0, 0), (0, 0, 0), (1, 0, 0))


def test_a_class_without_records_is_left_out_of_the_mean():
    found = evaluate(np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([0, 1]))
    assert found.by_class == (1.0, 1.0, None) and found.auc == 1.0 and found.confusion[2] == (0, 0, 0)
    with pytest.raises(ValueError, match="two classes"):
        _ = evaluate(np.zeros((2, 3)), np.array([1, 1])).auc
    with pytest.raises(ValueError, match="both labels"):
        auc(np.zeros(2), np.array([1, 1]))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_as_scikit_learn_has_them(classes):
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(classes)
    logits, labels = random.normal(0, 1, (200, classes)), random.integers(0, classes, 200)
    logits[np.arange(200), labels] += 0.7
    chances = real_softmax(logits)
    assert np.allclose(chances.sum(axis=1), 1)
    if classes == 2:
        found = evaluate(logits[:, 1] - logits[:, 0], labels)
        assert found.auc == pytest.approx(metrics.roc_auc_score(labels, chances[:, 1]))
    else:
        found = evaluate(logits, labels)
        assert found.auc == pytest.approx(metrics.roc_auc_score(labels, chances, multi_class="ovr"))
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(labels, logits.argmax(axis=1)).tolist()))
    assert found.accuracy == pytest.approx((logits.argmax(axis=1) == labels).mean())
