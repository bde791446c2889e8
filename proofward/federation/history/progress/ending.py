"""An end before all rounds, by vote of as many verifiers as accept a proof, sealed like any other end.

A vote asks for it after the open round or at once. With enough votes the end is due when no round is open,
when the open one can never be closed, or when enough votes ask for it at once. Whether it is due is a
function of the ledger alone, and from then on the aggregator may announce nothing else: it can neither seal
without the votes nor go on in spite of them. Nothing is opened by an end; the model is that of the last
closed round. A revoked verifier's votes do not count.
"""

from __future__ import annotations

from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.state.history_state import ANY_PHASE, CLOSED, HistoryState, Step
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import AGGREGATOR, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import EndVote, FederationEnded, MessageRefused


def end_voters(history: HistoryState, at_once: bool = False) -> tuple[str, ...]:
    """Verifiers, none of them revoked, that have voted for an end; at_once: for one without delay."""
    return history.active({voter for voter, urgent in history.end_votes if urgent or not at_once})


def reasons_to_end(history: HistoryState) -> dict[str, str]:
    """By verifier whose vote counts, ascending: why it wants the end; what it said last."""
    votes = history.end_votes.items()
    return {name: [vote.reason for (by, _), vote in votes if by == name][-1] for name in end_voters(history)}


def end_is_voted(history: HistoryState) -> bool:
    """Whether enough verifiers have voted for an end, and it is not the last round's that comes."""
    over = history.current is None and len(history.closed) == history.rules.rounds
    return not over and len(end_voters(history)) >= history.rules.accepting_verdicts


def voted_end(history: HistoryState) -> FederationEnded | None:
    """The end that is due now, else None."""
    if history.phase not in ANY_PHASE or not end_is_voted(history):
        return None
    at_once = len(end_voters(history, at_once=True)) >= history.rules.accepting_verdicts
    if history.current is not None and not at_once and no_way_on(history) is None:
        return None
    model = history.model if history.closed else b""
    return FederationEnded(end_voters(history), len(history.closed), model)


def end_in_words(history: HistoryState) -> str:
    """Who has ended the federation, or asks for it, when and why; "" when nobody does."""
    said = reasons_to_end(history)
    if not said:
        return ""
    same = len(set(said.values())) == 1
    why = next(iter(said.values())) if same else "; ".join(f"{by}: {reason}" for by, reason in said.items())
    if history.ended is not None:
        rounds = history.ended.rounds
        after = f"after round {rounds}" if rounds else "before a round was closed"
        return f"ended by vote of {', '.join(said)} {after}: {why}"
    votes = f"{len(said)} of {history.rules.accepting_verdicts} votes"
    if end_is_voted(history):
        return f"to be ended after the open round by vote of {', '.join(said)}: {why}"
    return f"asked for by {', '.join(said)} ({votes}): {why}"


def require_no_end(history: HistoryState, envelope: Envelope) -> None:
    """Raises Refusal for an announcement other than the end that is due."""
    record = envelope.record
    if envelope.role == AGGREGATOR and not isinstance(record, FederationEnded | MessageRefused):
        due = voted_end(history)
        require(due is None, "voted-end", envelope.sender, "the end that was voted for", record.kind)


def _check_vote(history: HistoryState, sender: str, record: EndVote) -> None:
    """Any verifier may vote, for whatever reason."""


def _apply_vote(history: HistoryState, envelope: Envelope, record: EndVote) -> None:
    history.end_votes[envelope.sender, record.at_once] = record


def _check_ended(history: HistoryState, sender: str, record: FederationEnded) -> None:
    quorum, voters = history.rules.accepting_verdicts, end_voters(history)
    require(len(voters) >= quorum, "end-votes", sender, f"votes of at least {quorum} verifiers", voters)
    due = voted_end(history)
    expected = "all rounds, or an open round that is closed or can never be"
    require(due is not None, "voted-end", sender, expected, f"an end in phase {history.phase}")
    assert due is not None
    require(record.verifiers == due.verifiers, "end-votes", sender, due.verifiers, record.verifiers)
    require(record.rounds == due.rounds, "round", sender, f"{due.rounds} closed rounds", record.rounds)
    require(record.model == due.model, "model", sender, due.model or "no model", record.model)


def _apply_ended(history: HistoryState, envelope: Envelope, record: FederationEnded) -> None:
    history.ended = record
    history.phase = CLOSED


STEPS: dict[str, Step] = {
    EndVote.kind: Step((VERIFIER,), ANY_PHASE, _check_vote, _apply_vote),
    FederationEnded.kind: Step((AGGREGATOR,), ANY_PHASE, _check_ended, _apply_ended),
}
