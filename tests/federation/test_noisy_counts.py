"""Whole federations whose counts have noise: what is summed and spent, and hospitals that draw otherwise."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.engines.attacks.count_noise import DrawsCountNoiseAgain, SkipsCountNoise
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.operations.verification_worker import ACCEPTED, pack, verify
from proofward.federation.history.progress.stopping import stand_of
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.state.history_state import CONSENT, UPLOAD
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.records.catalogue import Consent, OwnCounts, Upload
from proofward.federation.parties.auditor import _in_words
from proofward.federation.parties.contributing.own_evaluation import owes_counts
from proofward.privacy.words import NOISY_COUNTS
from proofward.relations.rules.counting import Counting
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.scores.noisy_scores import nearest
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.scores.stopping import Stopping
from proofward.relations.uploads.count_noise import words_of
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.run_words import run_lines, run_sections
from tests.federation.counting import flaws
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped
from tests.federation.private_plans import made_private

LAYOUT = ScoreLayout(2, 4, 1)
LIARS = {"hospital-1": SkipsCountNoise, "hospital-3": DrawsCountNoiseAgain}
HONEST = ("hospital-0", "hospital-2", "hospital-4", "hospital-5")
OF_AGES = Counting("ages", "decades", 4, 10, (2,), (2, 2), noise=600, spends=3)


def noisy_plan(hospitals: int, *counting: Counting, share: int = 0, stopping: Stopping | None = None):
    """A round of training beside what is counted."""
    made = made_private(plan(hospitals=hospitals, verifiers=1, rounds=2, threshold=1))
    training = replace(made.config.training, batch=32, validation_share=share)
    config = replace(made.config, training=training, least_rows=0, most_rows=0)
    return replace(made, config=config, counting=counting, stopping=stopping)


def ages(task):
    return np.array([9, 1, 4, int(task.hospital[-1])], dtype=np.int64)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Six hospitals with real proofs, which evaluate the first model: one adds no noise, one draws it again."""
    folder = tmp_path_factory.mktemp("noisy") / "run"
    counting = replace(counting_of(LAYOUT, (1,), proved=True), noise=100, spends=1)
    made = noisy_plan(6, counting, share=300_000, stopping=Stopping("auc", 0))
    engine = InProcessFederation(folder, made, datasets(made, rows=20), seed=b"s", parties=Parties(hospitals=LIARS))
    history, kept, drawn = engine.aggregator.history, {}, {}
    honestly = NoiseLevels.drawn

    def noting(levels, words, public):
        drawn[public.tobytes()] = honestly(levels, words, public)
        return drawn[public.tobytes()]

    def remember():
        counts = history.phase == UPLOAD and history.round.number == 1
        if counts and "hospital-0" in history.round.uploads and not kept:
            kept["verified"] = verify(pack(round_job(history, engine.aggregator.objects, "hospital-0")))[0]
        if counts and "exact" not in kept and set(history.round.uploads) == set(made.hospitals):
            kept["exact"] = {
                name: engine.hospitals[name].state.secrets.get("counts/1") for name in made.hospitals
            }
            kept["seeds"] = [name for own in engine.hospitals.values() for name in own.state.secrets.names()]
        return len(history.closed) == 1

    with mock.patch.object(NoiseLevels, "drawn", noting):
        result = engine.run(remember)
    yield engine, result, kept, drawn
    engine.close()


@pytest.mark.slow
def test_who_adds_no_noise_or_draws_it_again_is_refused_and_named_and_nobody_else_is(attacked):
    engine, result, kept, _ = attacked
    found = {fault.culprit: fault.check for fault in result.faults}
    assert found == {"hospital-1": "column queries", "hospital-3": "tableau root"}
    assert kept["verified"] == ACCEPTED
    audit = RunAudit(engine.folder.ledger)
    summary = AuditSummary(list(audit.run()), audit.history)
    assert {(breach.member, breach.check) for breach in summary.breaches} == {(name, "counts-proof") for name in LIARS}
    assert "noise/1/0" not in kept["seeds"], "a seed is erased with the upload that it went into"


@pytest.mark.slow
def test_the_sum_is_that_of_exact_counts_and_proved_noise(attacked):
    engine, result, kept, drawn = attacked
    (own,) = result.sums
    assert own.hospitals == HONEST
    history, total = engine.aggregator.history, np.zeros(LAYOUT.length, dtype=np.int64)
    for name in HONEST:
        job = round_job(replace_round(history), engine.aggregator.objects, name)
        noise = drawn[words_of(job.statement).tobytes()][0:]
        total += np.frombuffer(kept["exact"][name], dtype="<i8") + noise
    assert own.counts.tolist() == total.tolist() and (own.counts < 0).any()


def replace_round(history):
    """The history as it was in its first round."""
    past = mock.Mock(wraps=history)
    for name in ("rules", "enrolled", "noise_roots", "validation_beacons"):
        setattr(past, name, getattr(history, name))
    past.round, past.counting = history.closed[0], history.rules.counting[0]
    past.dataset_roots = {name: own.record.dataset_root for name, own in past.round.uploads.items()}
    return past


@pytest.mark.slow
def test_figures_and_the_rule_on_stopping_are_of_the_reading_and_say_so(attacked):
    engine, result, _, _ = attacked
    history, objects = engine.aggregator.history, engine.aggregator.objects
    (found,) = evaluations(history, objects, ("no", "yes"))
    (own,) = result.sums
    read = nearest(LAYOUT, own.counts)
    assert not found.impossible and not found.outside_budget and found.noise == 4 * 100
    assert np.array_equal(found.evaluated.counts, read)
    assert stand_of(history, objects).figures == (Stopping("auc", 0).figure_of(LAYOUT, read),)
    said = "\n".join([*run_lines([found]), *run_sections([found], [])])
    assert NOISY_COUNTS in said and "moves each count by about 20" in said and "not private" not in said
    assert found.to_plain()["noise_deviation"] == 20
    assert "not private" not in _in_words(engine.rules) and "noise is proved to be drawn" in _in_words(engine.rules)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A round of training, then one of ages with noise, whose sum spends three releases."""
    made = noisy_plan(4, OF_AGES)
    folder = tmp_path_factory.mktemp("ages")
    source = dict.fromkeys(made.hospitals, ages)
    engine = InProcessFederation(
        folder, made, datasets(made), seed=b"s", proofs=FakeProofs(), counts=source, publishing=tuple(made.hospitals)
    )
    spent = []

    def look():
        spent[:] = [own.spent for own in engine.hospitals.values()]
        return False

    return engine, engine.run(look), spent


def test_a_sum_of_counts_spends_as_many_releases_as_the_rules_say(counted):
    engine, result, spent = counted
    assert result.finished and dict(engine.aggregator.history.releases) == dict.fromkeys(engine.hospitals, 4)
    assert spent == [4] * 4
    (own,) = result.sums
    assert own.counts.tolist() != [36, 4, 16, 6] and np.abs(own.counts - [36, 4, 16, 6]).max() < 10 * 2 * 25
    assert set(engine.aggregator.history.noise_roots) == {(r, name) for r in (1, 2) for name in engine.hospitals}
    assert flaws(engine, FakeProofs()) == []


def test_own_counts_are_not_published_beside_noise(counted, tmp_path):
    engine, _, _ = counted
    assert not engine.aggregator.history.own_counts
    made = noisy_plan(4, OF_AGES)
    stopped = Stopped(tmp_path, UPLOAD, 2, "hospital-0", Upload.kind, made)
    assert not owes_counts(stopped.history, "hospital-1")
    said = stopped.spoken("hospital-1", OwnCounts(bytes(32)))
    assert stopped.check(said) == ("own-counts", "hospital-1")
    stopped.engine.close()


def test_no_consent_to_counts_spends_more_than_is_left(tmp_path):
    made = noisy_plan(4, OF_AGES)
    stopped = Stopped(tmp_path, CONSENT, 2, "hospital-0", Consent.kind, made)
    history, name = stopped.history, "hospital-0"
    consent = stopped.spoken(name, Consent(history.round.accepted.digest, history.round.model))
    history.releases[name] = 18
    assert stopped.check(consent) == ("privacy-budget", name)
    history.releases[name] = 17
    history.judge(consent)
    hospital = stopped.engine.hospitals["hospital-1"]
    with hospital.state.transaction():
        hospital.state.put("releases", b"18")
    assert hospital.has_spent_all and not hospital.may_release(bytes(32))
    stopped.engine.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"noise": 60, "spends": 1}, "a variance of at least"), ({"spends": 20}, "at least 21, one for each round")],
)
def test_rules_are_refused_whose_counts_cost_more_than_they_say(changes, words, counted):
    engine, _, _ = counted
    rules = engine.rules
    with pytest.raises(RulesError, match=words):
        replace(rules, counting=(replace(OF_AGES, **changes),))
    assert Rules.from_bytes(rules.data) == rules


def test_without_privacy_there_is_no_noise(counted):
    made = plan(hospitals=4, verifiers=1, rounds=2, threshold=1)
    with pytest.raises(RulesError, match="0 without differential privacy"):
        replace(counted[0].rules, config=made.config, counting=(OF_AGES,))
