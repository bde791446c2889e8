"""A whole federation that proves its counts of three classes and by level, with two hospitals that lie.

One lies about the third class, one about the level of a record.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.attacks.flatterers import ForgetsOneError, MovesToAnotherLevel
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.parties.auditor import Auditor
from proofward.layers.local_training.training import scores
from proofward.layers.networks.network import mlp
from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.scores.score_counting import PROVED, counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.comparing.evaluation import auc
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.ranking import roc_area
from tests.federation.fakes import datasets, plan

pytestmark = pytest.mark.slow
LAYOUT = ScoreLayout(3, 16, 2, (Subgroup("sex", ("f", "m"), 1),))
LIAR, MOVER = "hospital-1", "hospital-4"
HONEST = ("hospital-0", "hospital-2", "hospital-3", "hospital-5")
NAMES = ("benign", "doubtful", "malignant")


class LiesAboutTheThird(ForgetsOneError):
    """Counts a record of the third class as one of the class that the model takes it for."""

    @staticmethod
    def _flattering(statement, known):
        labels, chosen = known.labels.copy(), statement.selection
        row = chosen[labels[chosen] == 2][0]
        labels[row] = 0
        return labels


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Six hospitals with real proofs; a round that counts the scores of the first model, then one of training."""
    folder = tmp_path_factory.mktemp("classes") / "run"
    made = plan(hospitals=6, verifiers=1, rounds=2, threshold=1)
    training = replace(made.config.training, validation_share=400_000)
    config = replace(made.config, model=mlp((4, 4, 3)), training=training, least_rows=0, most_rows=64)
    made = replace(made, config=config, counting=(counting_of(LAYOUT, (1,), proved=True),))
    data = {
        name: (np.where(features == 0, 1, features), np.arange(len(features), dtype=np.int64) % 3)
        for name, (features, _) in datasets(made, rows=30).items()
    }
    parties = Parties(hospitals={LIAR: LiesAboutTheThird, MOVER: MovesToAnotherLevel})
    engine = InProcessFederation(folder, made, data, seed=b"s", parties=parties)
    history, kept = engine.aggregator.history, {}

    def remember():
        if history.phase == UPLOAD and history.round.number == 1 and not kept:
            kept.update((name, engine.hospitals[name].validation_records()) for name in made.hospitals)
        return False

    result = engine.run(remember)
    assert result.finished, (result.stopped, result.halted, result.refusals)
    return engine, result, kept


def test_who_lies_about_the_third_class_or_about_a_level_is_refused_and_nobody_else(attacked):
    engine, result, _ = attacked
    found = {(fault.round, fault.culprit, fault.check) for fault in result.faults}
    assert found == {(1, LIAR, "column queries"), (1, MOVER, "column queries")}
    assert [own.hospitals for own in result.sums] == [HONEST]
    flaws = [own for own in Auditor(engine.folder.ledger, RelationProofs()).run() if not own.passed]
    assert flaws == []


def test_the_figures_of_every_class_are_those_of_all_validation_rows(attacked):
    engine, _, kept = attacked
    history, objects = engine.aggregator.history, engine.aggregator.objects
    weights, config = model_weights(history, objects, history.closed[0].model), engine.rules.config
    (found,) = evaluations(history, objects, NAMES)
    assert found.of_model == "of the first model, before training" and history.model != history.closed[0].model
    features = np.concatenate([kept[name].features for name in HONEST])
    labels = np.concatenate([kept[name].labels for name in HONEST])
    logits = scores(config.model, config.scales, weights, features)
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / (1 << config.scales.activation_bits))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    for number, own in enumerate(found.evaluated.whole.classes):
        area = roc_area(own.of)
        plain = auc(probabilities[:, number], (labels == number).astype(np.int64))
        assert area.low - 0.01 <= plain <= area.high + 0.01, number
    table = np.zeros((3, 3), dtype=np.int64)
    np.add.at(table, (labels, logits.argmax(axis=1)), 1)
    assert np.array_equal(found.evaluated.whole.block.confusion, table)
    assert found.to_plain()["counts"] == PROVED
    levels = {own.block.level: own.block.rows for own in found.evaluated.subgroups}
    of = LAYOUT.subgroups[0].of(features)
    assert set(levels) == {"f", "m"} and levels["m"] <= (of == 1).sum() and levels["f"] <= (of == 0).sum()
