"""Federations that end by the rule on stopping, and that do not: votes, end, audit, who lied."""

from __future__ import annotations

import hashlib
from contextlib import closing
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner as Click

from proofward.cli.evidence.ledgers.audit_words import screen
from proofward.cli.evidence.models.model import model
from proofward.encoding import decode, encode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.remote.memory_sticks.awaited import needed_objects
from proofward.federation.history.history import History
from proofward.federation.history.progress.stopping import BY_RULE, results, stand_of
from proofward.federation.history.sums.counted import counted_objects
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records import catalogue as m
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.checking.stopping_audit import judged_vote
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier
from proofward.ledger.database import Database
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.scores.stopping import Stopping
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.handover.models.description import Column, Description, Feature
from proofward.report.handover.models.model_files import write_files
from proofward.report.handover.models.model_source import last_model
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.run_words import run_lines
from tests.federation.fakes import FakeProofs, datasets, plan

RIGHT = {2: 2, 4: 1}
"""Of two records of class 1 so many are recognised, by round."""


class Counts(Hospital):
    """Has made-up counts."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.counts = lambda task: self.told(RIGHT[task.round])

    @staticmethod
    def told(right):
        return np.array([2, 0, 2 - right, right, 2, 0, 2 - right, right], dtype=np.int64)


class Lies(Verifier):
    """Says that the rule is met as soon as it may."""

    def duties(self):
        self.request_end(BY_RULE, at_once=True)
        yield from super().duties()


def federation(folder, stop_after, rounds, counted, **verifiers):
    made = plan(hospitals=3, verifiers=3, rounds=rounds, threshold=1)
    training = replace(made.config.training, validation_share=250_000)
    agreed = replace(
        made,
        config=replace(made.config, training=training, least_rows=0, most_rows=0),
        counting=(counting_of(ScoreLayout(2, 2, 1), counted),),
        stopping=Stopping("auc", stop_after),
    )
    hospitals = dict.fromkeys(agreed.hospitals, Counts)
    named = {name.replace("_", "-"): kind for name, kind in verifiers.items()}
    parties = Parties(hospitals=hospitals, verifiers=named)
    return InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties
    )


def audited(folder):
    auditor = Auditor(folder / "ledger", FakeProofs())
    return AuditSummary(list(auditor.run()), auditor.history)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    engine = federation(folder, 1, 6, (2, 4, 6))
    return folder, engine, engine.run()


@pytest.fixture(scope="module")
def lied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lied")
    engine = federation(folder, 2, 2, (2,), verifier_1=Lies)
    return folder, engine, engine.run()


def test_it_ends_when_the_rule_is_met_and_nobody_asked(stopped):
    folder, engine, result = stopped
    assert result.finished and result.rounds == 4
    assert (result.halted, result.faults, result.refusals) == ({}, [], [])
    history = engine.aggregator.history
    assert history.ended is not None and history.ended.rounds == 4
    assert {vote.reason for vote in history.end_votes.values()} == {BY_RULE}
    stand = stand_of(history, engine.aggregator.objects)
    assert stand.met and stand.best == 2 and stand.after == (1, 2)
    assert stand.words.endswith("after round 1 of training; the rule on stopping was met after round 2")
    summary = audited(folder)
    assert summary.passed and summary.end() == (4, 6, True)
    said = [verdict for verdict in summary.verdicts if verdict.check == "stopping"]
    assert len(said) == len(history.end_votes) + 1 and said[-1].detail == stand.words


def test_the_best_model_is_exported_by_name_and_the_last_one_without(stopped):
    folder, engine, _ = stopped
    history = engine.aggregator.history
    columns = tuple(Column(Feature(f"f{number}", 0.0, 1.0)) for number in range(4))
    described = Description(columns, ("no", "yes"))
    write_files(folder, described.files())
    last, best = last_model(folder), last_model(folder, best=True)
    models = [state.aggregate.record.model for state in history.closed]
    assert (last.origin.round, best.origin.round) == (4, 2) and models[1] != models[3]
    for own, digest in ((last, models[3]), (best, models[1])):
        assert hashlib.sha256(integers_to_bytes(own.weights)).digest() == digest
    objects = engine.aggregator.objects
    assert results(history, objects) == {models[1], models[3], *counted_objects(history)}
    words = stand_of(history, objects).words
    found = evaluations(history, objects, described.classes)
    assert list(run_lines(found))[-2] == words and "not met" in found[0].to_plain()["stopping"]
    assert f"best        {words}" in screen(audited(folder), None)
    path = folder / "best.json"
    assert (
        not Click()
        .invoke(model, ["export", str(folder), "--to", "json", "--round", "best", "--out", str(path)])
        .exception
    )
    assert path.read_bytes() == best.to_json() != last.to_json()


def test_it_goes_on_where_the_rule_is_not_met_and_the_audit_names_who_said_it_was(lied):
    folder, engine, result = lied
    assert result.finished and result.rounds == 2 and engine.aggregator.history.ended is None
    summary = audited(folder)
    assert summary.consistent and summary.rules_kept is False
    assert [(breach.member, breach.check) for breach in summary.breaches] == [("verifier-1", "stopping")]
    last = [verdict for verdict in summary.verdicts if verdict.check == "stopping"][-1]
    assert last.passed and last.detail.endswith("the rule on stopping is not met")


@pytest.mark.parametrize("reason", [BY_RULE.upper() + ".", f"I say:  {BY_RULE}", BY_RULE.replace(" ", "  ")])
def test_a_false_vote_by_the_rule_in_other_words_is_named_also_where_there_is_no_rule(lied, reason):
    engine = lied[1]
    history, objects = engine.aggregator.history, engine.aggregator.objects
    with closing(Database(engine.aggregator.ledger.directory, writable=False)) as database:
        entries = [decode(entry, Envelope) for entry in database.entries()]
    vote = next(entry for entry in entries if isinstance(entry.record, m.EndVote))

    def found(reason, rule):
        state = copy(history)
        state.rules = replace(history.rules, stopping=rule)
        said = replace(vote, body=encode(m.EndVote(True, reason)))
        return [own.refusal and own.refusal.culprit for own in judged_vote(state, objects, said, "entry")]

    for rule in (history.rules.stopping, None):
        assert found(reason, rule) == ["verifier-1"]
        assert found("the data are spoilt", rule) == []


def test_rejects_an_end_without_the_votes_and_anything_else_after_them(stopped):
    _, engine, _ = stopped
    aggregator = engine.aggregator
    with closing(Database(aggregator.ledger.directory, writable=False)) as database:
        entries = list(database.entries())

    def judged(history, record):
        seen = (0, history.roots[0], history.latest)
        said = Envelope(
            history.rules.digest,
            aggregator.name,
            "aggregator",
            *history.position(),
            *seen,
            encode(record),
            b"",
        )
        with pytest.raises(Refusal) as caught:
            history.judge(seal_envelope(said, aggregator.key).data)
        return caught.value.check, caught.value.culprit

    before = History(aggregator.rules)
    for entry in entries[:-1]:
        if not before.end_votes and before.phase == "keys" and before.round.number == 5:
            end = m.FederationEnded(aggregator.rules.verifiers[:2], 4, before.model)
            assert judged(before, end) == ("end-votes", "aggregator")
        before.apply(entry)
    closed = m.KeysClosed(before.active(before.round.holder_keys))
    assert judged(before, closed) == ("voted-end", "aggregator")


def test_a_verifier_that_cannot_ask_is_carried_the_sums(stopped):
    _, engine, _ = stopped
    history = engine.aggregator.history
    assert counted_objects(history) <= needed_objects(history, "verifier-0")


def test_rules_have_it_where_it_is_used_and_are_what_they_were_else(stopped):
    _, engine, _ = stopped
    rules = engine.rules
    again = Rules.from_bytes(rules.data)
    assert again == rules and again.stopping == Stopping("auc", 1)
    assert b"stopping" not in replace(rules, stopping=None).data
    with pytest.raises(RulesError, match="evaluate the federation's own model"):
        replace(rules, counting=())
    with pytest.raises(RulesError):
        Rules.from_bytes(rules.data.replace(b"\x63auc", b"\x63auk"))
