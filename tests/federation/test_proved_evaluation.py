"""Whole federations that prove what they count: the sum, the figures, and hospitals that lie about them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from proofward.cli.evidence.ledgers.audit_words import screen, to_document
from proofward.engines.attacks.flatterers import CountsAnotherPart, ForgetsOneError
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.operations.verification_worker import ACCEPTED, pack, verify
from proofward.federation.history.proving.statements import validation_arc
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.history.steps.own_counts import published_counts
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.records.catalogue import OwnCounts
from proofward.federation.parties.contributing.own_evaluation import owes_counts
from proofward.federation.parties.equipment.counting import secret_name
from proofward.federation.parties.hospital import Hospital
from proofward.layers.local_training.training import scores
from proofward.relations.evaluations.count_header import published_in
from proofward.relations.scores.score_counting import PROVED, counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.comparing.evaluation import auc
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.ranking import roc_area
from proofward.report.histograms.run_words import run_lines, run_sections
from tests.federation.fakes import datasets, plan

pytestmark = pytest.mark.slow
LAYOUT = ScoreLayout(2, 16, 3)
LIARS = {"hospital-1": ForgetsOneError, "hospital-3": CountsAnotherPart}
OPEN, TALKER = "hospital-0", "hospital-2"
HONEST = ("hospital-0", "hospital-2", "hospital-4", "hospital-5")


class PublishesOthers(Hospital):
    """Proves its counts, and then publishes as its own that one record more is taken for what it is."""

    def publish_counts(self):
        if not owes_counts(self.history, self.name) or self.sent(OwnCounts) is not None:
            return
        counts = np.frombuffer(self.state.secrets.get(secret_name(self.history.round.number)), dtype="<i8").copy()
        wrong, right = 2 * LAYOUT.bins + 1, 2 * LAYOUT.bins
        counts[[wrong, right]] += (-1, 1) if counts[wrong] else (1, -1)
        told = counts.tobytes()
        yield self.say(OwnCounts(hashlib.sha256(told).digest()), (told,))


def proved_plan():
    """Six hospitals; a round of training, then one that counts; patients of three records."""
    made = plan(hospitals=6, verifiers=1, rounds=2, threshold=1)
    training = replace(made.config.training, validation_share=300_000)
    config = replace(made.config, training=training, least_rows=0, most_rows=200)
    counting = counting_of(LAYOUT, (2,), proved=True, left_out=2)
    made = replace(made, config=config, counting=(counting,))
    data = {
        name: (*records, np.arange(len(records[1]), dtype=np.int64) // 3)
        for name, records in datasets(made, rows=30).items()
    }
    return made, data


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Six hospitals with real proofs, two of which lie about their metrics in the round that counts."""
    folder = tmp_path_factory.mktemp("proved") / "run"
    made, data = proved_plan()
    parties = Parties(hospitals={**LIARS, TALKER: PublishesOthers})
    engine = InProcessFederation(folder, made, data, seed=b"s", parties=parties, publishing=(OPEN, TALKER))
    history, kept = engine.aggregator.history, {}

    def remember():
        """Before secrets are erased: each hospital's records, and what a process of the pool finds."""
        counts = history.phase == UPLOAD and history.round.number == 2
        if counts and OPEN in history.round.uploads and not kept:
            job = round_job(history, engine.aggregator.objects, OPEN)
            kept["verified"] = verify(pack(job))[0]
            kept.update((name, engine.hospitals[name].validation_records()) for name in made.hospitals)
        return False

    result = engine.run(remember)
    assert result.finished, (result.stopped, result.halted, result.refusals)
    return engine, result, kept


def test_who_lies_about_its_metrics_is_refused_and_named_and_nobody_else_is(attacked):
    engine, result, _ = attacked
    assert {(fault.round, fault.culprit) for fault in result.faults} == {(2, name) for name in LIARS}
    found = {fault.culprit: fault.check for fault in result.faults}
    assert found["hospital-1"] == "column queries"
    assert [own.hospitals for own in result.sums] == [HONEST]
    audit = RunAudit(engine.folder.ledger)
    summary = AuditSummary(list(audit.run()), audit.history)
    assert summary.consistent
    assert {(breach.member, breach.check) for breach in summary.breaches} == {
        *((name, "counts-proof") for name in LIARS), (TALKER, "own-counts"),
    }  # fmt: skip
    line = "counts      evaluation, in round 2: proved to be those of the model on the validation parts"
    assert f"{line}, up to 2 rows at each end of a part aside" in screen(summary, None)
    (told,) = [verdict.detail for verdict in summary.verdicts if verdict.check == "evaluation"]
    assert f"evaluated   round 2, {told}" in screen(summary, None)
    (found,) = evaluations(engine.aggregator.history, engine.aggregator.objects, ("no", "yes"))
    whole = found.evaluated.whole
    assert told.startswith(f"after round 1 of training, {whole.block.rows} records of 4 hospitals, counts proved: ")
    assert f"AUC {whole.auc:.4f}, Brier score {whole.brier.value:.4f}, accuracy {whole.accuracy.value:.4f}" in told
    table = " / ".join(" ".join(map(str, row)) for row in whole.block.confusion.tolist())
    assert told.endswith(f"confusion {table}")
    assert to_document(summary)["counting"] == [{"label": "evaluation", "rounds": (2,), "proved": True}]


def test_the_pooled_area_is_that_of_all_validation_rows_within_the_bins(attacked):
    engine, _, kept = attacked
    history, objects = engine.aggregator.history, engine.aggregator.objects
    weights = model_weights(history, objects, history.model)
    (found,) = evaluations(history, objects, ("no", "yes"))
    features = np.concatenate([kept[name].features for name in HONEST])
    labels = np.concatenate([kept[name].labels for name in HONEST])
    lengths = [validation_arc(history, name).length for name in HONEST]
    assert sum(lengths) - 4 * len(HONEST) <= len(labels) < sum(lengths)
    config = engine.rules.config
    plain = auc(scores(config.model, config.scales, weights, features), labels)
    area = roc_area(found.evaluated.whole.classes[0].of)
    assert area.low <= plain <= area.high and found.evaluated.whole.block.rows == len(labels)
    assert found.to_plain()["counts"] == PROVED and PROVED in "\n".join(run_lines([found]))


def test_a_round_that_proves_its_counts_opens_the_dataset_and_commits_afresh(attacked):
    engine, _, _ = attacked
    history = engine.aggregator.history
    training, counting = history.closed
    before = {name: own.record.dataset_root for name, own in counting.uploads.items()}
    assert before != {name: own.record.dataset_root for name, own in training.uploads.items()}
    for name in HONEST:
        assert history.dataset_roots[name] != before[name]
    for name in LIARS:
        assert history.dataset_roots[name] == before[name]


def test_the_verification_pool_takes_its_statements(attacked):
    _, _, kept = attacked
    assert kept["verified"] == ACCEPTED


def test_a_hospital_may_publish_its_own_counts_and_no_others(attacked):
    engine, _, kept = attacked
    history, objects = engine.aggregator.history, engine.aggregator.objects
    (found,) = evaluations(history, objects, ("no", "yes"))
    assert set(found.sites) == {OPEN, TALKER} and found.sites[TALKER] is None
    assert found.sites[OPEN].whole.block.rows == len(kept[OPEN])
    page = "\n".join(run_sections([found], []))
    assert "own counts, and proved that they are what is in the sum" in page
    assert f"| {TALKER} | other counts than it has proved |" in page
    (said, true), (_, false) = (published_counts(history, objects, 2)[name] for name in (OPEN, TALKER))
    assert (true, false) == (True, False) and history.own_counts[2, OPEN] == hashlib.sha256(said).digest()


def test_nobody_elses_counts_are_in_its_proof(attacked):
    engine, _, _ = attacked
    history, objects = engine.aggregator.history, engine.aggregator.objects
    (counting,) = history.rules.counting
    for name, own in history.closed[1].uploads.items():
        shown = published_in(objects.get(own.record.proof), counting.length, counting.left_out)
        assert bool(shown) == (name in (OPEN, TALKER))
