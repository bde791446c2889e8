"""Second half of a round: key shares and complaints, the accepted set, its one unmasking, the next model."""

from __future__ import annotations

from proofward.federation.history.history_state import (
    BETWEEN,
    CLOSED,
    CONFIRM,
    ENDORSE,
    SHARES,
    UNMASK,
    HistoryState,
    Step,
)
from proofward.federation.history.round_state import Said
from proofward.federation.messages.catalogue import (
    AcceptedSet,
    Aggregate,
    ComplaintVerdict,
    Confirmation,
    FederationClosed,
    RoundClosed,
    SetEndorsement,
    ShareComplaint,
    SharesChecked,
    ShareSum,
)
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.refusal import require
from proofward.federation.messages.rules import AGGREGATOR, HOSPITAL, VERIFIER


def _check_complaint(history: HistoryState, sender: str, record: ShareComplaint) -> None:
    state = history.round
    require(sender in state.committed, "participant", sender, state.committed, sender)
    require(
        record.dealer in state.passed, "hospital", sender, f"one of {sorted(state.passed)}", record.dealer
    )
    require(record.dealer != sender, "hospital", sender, "another dealer", record.dealer)
    expected = state.uploads[record.dealer].digest
    require(record.upload == expected, "subject", sender, expected, record.upload)
    said = state.checked.get(sender)
    contradiction = said is not None and record.dealer in said.dealers
    require(not contradiction, "complaint", sender, "a share not yet called good", record.dealer)


def _apply_complaint(history: HistoryState, envelope: Envelope, record: ShareComplaint) -> None:
    history.round.complaints[envelope.sender, record.dealer] = Said(envelope, record)


def _check_complaint_verdict(history: HistoryState, sender: str, record: ComplaintVerdict) -> None:
    said = history.round.complaints.get((record.holder, record.dealer))
    require(said is not None, "complaint", sender, "a recorded complaint", (record.holder, record.dealer))
    assert said is not None
    require(record.complaint == said.digest, "subject", sender, said.digest, record.complaint)


def _apply_complaint_verdict(history: HistoryState, envelope: Envelope, record: ComplaintVerdict) -> None:
    history.round.complaint_verdicts[envelope.sender, record.holder, record.dealer] = record


def _check_checked(history: HistoryState, sender: str, record: SharesChecked) -> None:
    state = history.round
    require(sender in state.committed, "participant", sender, state.committed, sender)
    accused = {dealer for holder, dealer in state.complaints if holder == sender}
    expected = tuple(sorted(set(state.passed) - accused))
    require(record.dealers == expected, "shares-checked", sender, expected, record.dealers)


def _apply_checked(history: HistoryState, envelope: Envelope, record: SharesChecked) -> None:
    history.round.checked[envelope.sender] = record


def _check_accepted(history: HistoryState, sender: str, record: AcceptedSet) -> None:
    state, rules = history.round, history.rules
    expected = state.acceptable(rules.accepting_verdicts)
    require(record.hospitals == expected, "accepted-set", sender, expected, record.hospitals)
    least = rules.minimum_updates
    require(len(expected) >= least, "accepted-set", sender, f"at least {least} hospitals", expected)
    holders, needed = history.active(state.ready_holders(expected)), rules.config.threshold + 1
    require(len(holders) >= needed, "holders", sender, f"at least {needed} holders with every share", holders)


def _apply_accepted(history: HistoryState, envelope: Envelope, record: AcceptedSet) -> None:
    history.round.accepted = Said(envelope, record)
    history.phase = ENDORSE


def _check_endorsement(history: HistoryState, sender: str, record: SetEndorsement) -> None:
    accepted = history.round.accepted
    assert accepted is not None
    require(record.accepted_set == accepted.digest, "subject", sender, accepted.digest, record.accepted_set)


def _apply_endorsement(history: HistoryState, envelope: Envelope, record: SetEndorsement) -> None:
    history.round.endorsements[envelope.sender] = record
    if len(history.round.endorsements) >= history.rules.accepting_verdicts and history.phase == ENDORSE:
        history.phase = UNMASK


def _check_share_sum(history: HistoryState, sender: str, record: ShareSum) -> None:
    state = history.round
    assert state.accepted is not None
    require(
        record.accepted_set == state.accepted.digest,
        "subject",
        sender,
        state.accepted.digest,
        record.accepted_set,
    )
    ready = state.ready_holders(state.accepted.record.hospitals)
    require(sender in ready, "holders", sender, f"one of {ready}", sender)


def _apply_share_sum(history: HistoryState, envelope: Envelope, record: ShareSum) -> None:
    history.round.share_sums[envelope.sender] = record


def total_rows(history: HistoryState) -> int:
    """Number of records behind the accepted set."""
    accepted = history.round.accepted
    return sum(history.enrolled[name] for name in accepted.record.hospitals) if accepted else 0


def _check_aggregate(history: HistoryState, sender: str, record: Aggregate) -> None:
    state, needed = history.round, history.rules.config.threshold + 1
    expected = tuple(sorted(state.share_sums))
    require(record.holders == expected, "share-sums", sender, expected, record.holders)
    wrong = set(record.wrong_holders)
    proper = record.wrong_holders == tuple(sorted(wrong)) and wrong <= set(expected)
    require(proper, "wrong-holders", sender, f"some of {expected}", record.wrong_holders)
    require(len(expected) - len(wrong) >= needed, "share-sums", sender, f"at least {needed}", expected)
    require(
        record.total_rows == total_rows(history), "total-rows", sender, total_rows(history), record.total_rows
    )


def _apply_aggregate(history: HistoryState, envelope: Envelope, record: Aggregate) -> None:
    history.round.aggregate = Said(envelope, record)
    history.phase = CONFIRM


def _check_confirmation(history: HistoryState, sender: str, record: Confirmation) -> None:
    said = history.round.aggregate
    assert said is not None
    require(record.aggregate == said.digest, "subject", sender, said.digest, record.aggregate)
    require(record.model == said.record.model, "model", sender, said.record.model, record.model)


def _apply_confirmation(history: HistoryState, envelope: Envelope, record: Confirmation) -> None:
    history.round.confirmations[envelope.sender] = record


def _check_closed(history: HistoryState, sender: str, record: RoundClosed) -> None:
    state, needed = history.round, history.rules.accepting_verdicts
    assert state.aggregate is not None
    expected = state.aggregate.record.model
    require(record.model == expected, "model", sender, expected, record.model)
    confirmed = [name for name in state.confirmations if name in history.rules.verifiers]
    require(
        len(confirmed) >= needed,
        "confirmations",
        sender,
        f"of at least {needed} verifiers",
        sorted(confirmed),
    )


def _apply_closed(history: HistoryState, envelope: Envelope, record: RoundClosed) -> None:
    history.closed.append(history.round)
    history.current = None
    history.abandoned = ()
    history.model = record.model
    history.phase = BETWEEN


def _check_ended(history: HistoryState, sender: str, record: FederationClosed) -> None:
    rounds = history.rules.rounds
    over = history.current is None and len(history.closed) == rounds
    require(over, "round", sender, f"{rounds} closed rounds", len(history.closed))
    require(record.model == history.model, "model", sender, history.model, record.model)


def _apply_ended(history: HistoryState, envelope: Envelope, record: FederationClosed) -> None:
    history.phase = CLOSED


STEPS: dict[str, Step] = {
    ShareComplaint.kind: Step((HOSPITAL,), (SHARES,), _check_complaint, _apply_complaint),
    ComplaintVerdict.kind: Step((VERIFIER,), (SHARES,), _check_complaint_verdict, _apply_complaint_verdict),
    SharesChecked.kind: Step((HOSPITAL,), (SHARES,), _check_checked, _apply_checked),
    AcceptedSet.kind: Step((AGGREGATOR,), (SHARES,), _check_accepted, _apply_accepted),
    SetEndorsement.kind: Step((VERIFIER,), (ENDORSE, UNMASK), _check_endorsement, _apply_endorsement),
    ShareSum.kind: Step((HOSPITAL,), (UNMASK,), _check_share_sum, _apply_share_sum),
    Aggregate.kind: Step((AGGREGATOR,), (UNMASK,), _check_aggregate, _apply_aggregate),
    Confirmation.kind: Step((HOSPITAL, VERIFIER), (CONFIRM,), _check_confirmation, _apply_confirmation),
    RoundClosed.kind: Step((AGGREGATOR,), (CONFIRM,), _check_closed, _apply_closed),
    FederationClosed.kind: Step((AGGREGATOR,), (BETWEEN,), _check_ended, _apply_ended),
}
