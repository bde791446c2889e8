"""What an audit finds of the rule on stopping: whether votes by it were true, and which round is the best."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.progress.stopping import BY_RULE, stand_of
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import EndVote
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.storage.objects import Objects


def judged_vote(
    history: HistoryState, objects: Objects, envelope: Envelope, place: str
) -> Iterator[AuditVerdict]:
    """Of an entry just applied: where it is a vote that says that the rule is met, whether it was.

    It says so in other letters as well, or with more words: people read it.
    """
    record, subject = envelope.record, f"{place}: {envelope.topic} by {envelope.sender}"
    if not isinstance(record, EndVote) or BY_RULE not in " ".join(record.reason.lower().split()):
        return
    try:
        stand = stand_of(history, objects)
    except Refusal as refusal:
        yield AuditVerdict("stopping", subject, refusal)
        return
    words = "the rules have none" if stand is None else stand.words
    lie = Refusal("stopping", envelope.sender, "a rule on stopping that is met", words)
    yield AuditVerdict("stopping", subject, None if stand is not None and stand.met else lie, words)


def best_round(history: HistoryState, objects: Objects) -> Iterator[AuditVerdict]:
    """At the end: the best round, and whether the rule was met."""
    try:
        stand = stand_of(history, objects)
    except Refusal as refusal:
        yield AuditVerdict("stopping", "evaluations", refusal)
        return
    if stand is not None:
        yield AuditVerdict("stopping", "evaluations", detail=stand.words)
