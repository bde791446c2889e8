"""A federation ended by vote before all rounds: when the end is due, what is refused, and who stays clean."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from proofward.engines.attacks.aggregators import Forger
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.history import History
from proofward.federation.history.progress.ending import end_voters, reasons_to_end, voted_end
from proofward.federation.history.state.history_state import (
    BETWEEN,
    CLOSED,
    CONFIRM,
    CONSENT,
    DEAL,
    ENROLMENT,
    KEYS,
    LOCK,
    REVEAL,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
    VOUCH,
)
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records import catalogue as m
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.verifier import Verifier
from proofward.ledger.database import Database
from proofward.report.audits.audit_summary import AuditSummary
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.test_membership import HOSPITAL, stop

pytestmark = pytest.mark.slow
VERIFIERS = ("verifier-0", "verifier-1", "verifier-2")
WHY = "the study has all that it needs"
ROUND = [KEYS, UPLOAD, VERIFY, SHARES, CONSENT, LOCK, UNMASK, CONFIRM]


def vote(reason=WHY, at_once=False):
    return m.EndVote(at_once, reason)


def take(stopped, *records):
    """Records messages as (sender, record)."""
    for sender, record in records:
        stopped.aggregator.record(stopped.spoken(sender, record))


def audited(directory):
    auditor = Auditor(directory / "ledger", FakeProofs())
    return AuditSummary(list(auditor.run()), auditor.history)


@pytest.fixture
def stopped(tmp_path):
    federation = stop(tmp_path, UPLOAD, 1, HOSPITAL, "upload")
    yield federation
    federation.engine.close()


def wish(stopped, *names, at_once=False):
    for name in names:
        stopped.engine.verifiers[name].request_end(f"{name}: {WHY}", at_once)


@pytest.mark.parametrize("phase", [KEYS, SHARES, UNMASK])
def test_the_open_round_is_closed_and_then_all_is_over(tmp_path, phase):
    stopped = stop(tmp_path, phase)
    wish(stopped, *VERIFIERS[:2])
    result = stopped.engine.run()
    assert result.finished and result.rounds == 1 and stopped.times == []
    assert (result.halted, result.faults, result.refusals) == ({}, [], [])
    history = stopped.history
    assert history.phase == CLOSED and history.ended == m.FederationEnded(VERIFIERS[:2], 1, history.model)
    assert history.model == history.closed[0].aggregate.record.model
    assert all(member.history.ended == history.ended for member in stopped.engine.members.values())
    summary = audited(tmp_path)
    assert summary.passed and summary.end() == (1, 2, True)
    last = summary.verdicts[-1]
    assert last.check == "complete" and "by vote of verifier-0, verifier-1 after round 1" in last.detail


@pytest.mark.parametrize("phase", ROUND)
def test_at_once_in_any_phase_of_a_round(tmp_path, phase):
    stopped = stop(tmp_path, phase)
    wish(stopped, *VERIFIERS[1:], at_once=True)
    result = stopped.engine.run()
    assert result.finished and stopped.times == [] and result.halted == {} and result.rounds == 0
    assert stopped.history.ended == m.FederationEnded(VERIFIERS[1:], 0, b"")
    assert audited(tmp_path).passed


def test_at_once_the_model_is_that_of_the_last_closed_round(tmp_path):
    stopped = stop(tmp_path, KEYS, 2)
    wish(stopped, *VERIFIERS[1:], at_once=True)
    first = stopped.history.closed[0].aggregate.record.model
    assert stopped.engine.run().finished
    assert stopped.history.ended == m.FederationEnded(VERIFIERS[1:], 1, first)
    assert audited(tmp_path).passed


@pytest.mark.parametrize("phase", [ENROLMENT, DEAL, VOUCH, REVEAL])
def test_before_the_first_round_there_is_no_model(tmp_path, phase):
    stopped = stop(tmp_path, phase)
    wish(stopped, *VERIFIERS[:2])
    result = stopped.engine.run()
    assert result.finished and result.rounds == 0
    assert stopped.history.ended == m.FederationEnded(VERIFIERS[:2], 0, b"")
    summary = audited(tmp_path)
    assert summary.passed and "no model" in summary.verdicts[-1].detail


def test_a_round_that_can_never_be_closed_is_ended_at_once(tmp_path):
    stopped = stop(tmp_path, KEYS, 2)
    hospitals = stopped.engine.hospitals
    for name in list(hospitals)[2:4]:
        hospitals[name].request_revocation(name, "it leaves")
    wish(stopped, "verifier-0", "verifier-2")
    result = stopped.engine.run()
    assert result.finished and stopped.times == [] and result.rounds == 1
    assert stopped.history.ended.rounds == 1 and stopped.history.round.number == 2
    assert audited(tmp_path).passed


def test_fewer_votes_than_accept_a_proof_end_nothing(tmp_path):
    stopped = stop(tmp_path, KEYS)
    wish(stopped, "verifier-1")
    wish(stopped, "verifier-1", at_once=True)
    result = stopped.engine.run()
    assert result.finished and result.rounds == 2 and stopped.history.ended is None
    assert end_voters(stopped.history) == ("verifier-1",) and result.faults == []
    assert reasons_to_end(stopped.history) == {"verifier-1": f"verifier-1: {WHY}"}
    assert audited(tmp_path).passed


def test_votes_in_the_last_round_change_nothing(tmp_path):
    stopped = stop(tmp_path, CONFIRM, 2)
    wish(stopped, *VERIFIERS)
    result = stopped.engine.run()
    assert result.finished and result.rounds == 2 and stopped.history.ended is None
    assert audited(tmp_path).passed


def test_votes_of_revoked_verifiers_do_not_count(stopped):
    take(stopped, ("verifier-0", vote()), ("verifier-0", m.RevocationVote("verifier-0", "leaving")))
    take(stopped, ("verifier-1", vote(at_once=True)))
    assert end_voters(stopped.history) == ("verifier-1",) and voted_end(stopped.history) is None
    take(stopped, ("verifier-2", vote()))
    assert end_voters(stopped.history) == ("verifier-1", "verifier-2")
    assert voted_end(stopped.history) is None, "the open round can be closed"
    take(stopped, ("verifier-2", vote("now", at_once=True)))
    assert voted_end(stopped.history) == m.FederationEnded(("verifier-1", "verifier-2"), 0, b"")


@pytest.mark.parametrize("sender", [HOSPITAL, "aggregator"])
def test_rejects_votes_of_others_than_verifiers(stopped, sender):
    assert stopped.check(stopped.spoken(sender, vote())) == ("role", sender)


def test_rejects_a_second_vote_of_one_kind(stopped):
    first = stopped.spoken("verifier-0", vote())
    stopped.aggregator.record(first)
    assert stopped.check(first) == ("replay", "verifier-0")
    assert stopped.check(stopped.spoken("verifier-0", vote("another"))) == ("equivocation", "verifier-0")
    assert stopped.check(stopped.spoken("verifier-0", vote("x"), round=0)) == ("equivocation", "verifier-0")
    assert stopped.history.judge(stopped.spoken("verifier-0", vote(at_once=True))).topic == "end-vote"


def test_rejects_an_end_without_the_votes(stopped):
    for number, voters in enumerate([(), ("verifier-0",)]):
        take(stopped, *((name, vote(at_once=True)) for name in voters))
        early = stopped.announced(m.FederationEnded(VERIFIERS, 0, b""))
        assert stopped.check(early) == ("end-votes", "aggregator"), number


def test_rejects_an_end_while_a_round_is_open_that_can_be_closed(stopped):
    take(stopped, *((name, vote()) for name in VERIFIERS))
    early = stopped.announced(m.FederationEnded(VERIFIERS, 0, b""))
    assert stopped.check(early) == ("voted-end", "aggregator")


@pytest.mark.parametrize(
    ("check", "field", "value"),
    [
        ("end-votes", "verifiers", ("verifier-0",)),
        ("end-votes", "verifiers", ("verifier-0", "verifier-1", "verifier-2")),
        ("round", "rounds", 2),
        ("round", "rounds", 0),
        ("model", "model", b""),
        ("model", "model", bytes(32)),
    ],
)
def test_rejects_an_end_that_says_something_else(tmp_path, check, field, value):
    stopped = stop(tmp_path, KEYS, 2)
    take(stopped, *((name, vote(at_once=True)) for name in VERIFIERS[:2]))
    due = voted_end(stopped.history)
    assert due is not None and stopped.history.judge(stopped.announced(due))
    other = stopped.announced(replace(due, **{field: value}))
    assert stopped.check(other) == (check, "aggregator")
    sent = stopped.spoken("verifier-0", due)
    assert stopped.check(sent) == ("role", "verifier-0")
    stopped.engine.close()


def test_rejects_everything_after_the_end(tmp_path):
    stopped = stop(tmp_path, CONFIRM)
    wish(stopped, *VERIFIERS)
    stopped.engine.run(lambda: stopped.history.phase == CLOSED)
    history = stopped.history
    for sender, record in (
        ("verifier-0", vote("again", at_once=True)),
        ("verifier-0", m.RevocationVote(HOSPITAL, "late")),
        ("aggregator", m.FederationClosed(history.model)),
    ):
        assert stopped.check(stopped.spoken(sender, record)) == ("phase", sender)
    again = stopped.spoken("aggregator", history.ended)
    assert stopped.check(again) == ("replay", "aggregator")


def test_rejects_a_further_round_and_every_other_announcement_when_an_end_is_due(tmp_path):
    stopped = stop(tmp_path, CONFIRM)
    history = stopped.history
    take(stopped, *((name, vote()) for name in VERIFIERS))
    stopped.engine.run(lambda: len(history.closed) == 1)
    with closing(Database(stopped.aggregator.ledger.directory, writable=False)) as database:
        entries = list(database.entries())
    before = History(history.rules)
    for entry in entries[:-1]:
        before.apply(entry)
    assert before.phase == BETWEEN and voted_end(before) == history.ended
    number, attempt, participants = before.opening()
    for record, place in (
        (m.RoundOpened(before.model, participants), (number, attempt)),
        (m.FederationClosed(before.model), before.position()),
    ):
        body = stopped.spoken("aggregator", record, round=place[0], attempt=place[1], seen_size=0,
                              seen_root=before.roots[0])  # fmt: skip
        with pytest.raises(Refusal) as caught:
            before.judge(body)
        assert (caught.value.check, caught.value.culprit) == ("voted-end", "aggregator")


def test_rejects_an_announcement_in_a_round_that_is_ended_at_once(tmp_path):
    stopped = stop(tmp_path, KEYS)
    history = stopped.history
    take(stopped, *((name, vote(at_once=True)) for name in VERIFIERS))
    closing = stopped.announced(m.KeysClosed(history.active(history.round.holder_keys)))
    assert stopped.check(closing) == ("voted-end", "aggregator")
    stopped.engine.close()


class Impatient(Verifier):
    """Asks for an end at once as soon as it may."""

    def duties(self):
        self.request_end("enough", at_once=True)
        self.request_end("enough")
        yield from super().duties()


class SealsOnOneVote(Forger):
    """Seals an end with the one vote that it has."""

    def due(self, expired):
        record = super().due(expired)
        voters = end_voters(self.history)
        early = isinstance(record, m.AcceptedSet) and voters
        return m.FederationEnded(voters, 0, b"") if early else record


def federation(directory, **parties):
    agreed = plan(rounds=1)
    return InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=Parties(**parties)
    )


def test_too_few_dishonest_verifiers_end_nothing_and_are_accused_of_nothing(tmp_path):
    result = federation(tmp_path, verifiers={"verifier-1": Impatient}).run()
    assert result.finished and result.rounds == 1 and result.halted == {}
    summary = audited(tmp_path)
    assert summary.passed and summary.breaches == ()
    assert summary.history.ended is None and end_voters(summary.history) == ("verifier-1",)


def test_an_aggregator_that_seals_with_too_few_votes_is_named_by_all_and_nobody_else_is(tmp_path):
    result = federation(tmp_path, verifiers={"verifier-1": Impatient}, aggregator=SealsOnOneVote).run()
    assert not result.finished
    found = {name: (refusal.check, refusal.culprit) for name, refusal in result.halted.items()}
    everybody = {*plan().hospitals, *plan().verifiers}
    assert found == dict.fromkeys(everybody, ("end-votes", "aggregator"))
    summary = audited(tmp_path)
    assert not summary.consistent and {breach.member for breach in summary.breaches} == {"aggregator"}
    assert "end-votes" in {breach.check for breach in summary.breaches}
