"""Key shares: complaints, the holders that are ready, and attempts that start again.

A complaint shows one share to everybody. If it was false, the one who made it is out of the round, and the
attempt starts again with fresh keys: what was shown is then worth nothing, and its dealer has lost nothing.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import BETWEEN, SHARES, HistoryState, Step
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    AttemptRestarted,
    ComplaintVerdict,
    PlacedComplaint,
    ShareComplaint,
    SharesChecked,
)


def _check_complaint(history: HistoryState, sender: str, record: ShareComplaint) -> None:
    state, kind = history.round, PlacedComplaint if history.rules.scaling.key_objects else ShareComplaint
    require(record.kind == kind.kind, "complaint", sender, kind.kind, record.kind)
    holders = history.holding(state.present)
    require(sender in holders, "participant", sender, holders, sender)
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
    state = history.round
    state.complaints[envelope.sender, record.dealer] = Recorded(envelope, record)
    place = state.committee.index(envelope.sender)
    history.disputed[state.uploads[record.dealer].record.sealed_shares[place]] = None


def _check_complaint_verdict(history: HistoryState, sender: str, record: ComplaintVerdict) -> None:
    said = history.round.complaints.get((record.holder, record.dealer))
    require(said is not None, "complaint", sender, "a recorded complaint", (record.holder, record.dealer))
    assert said is not None
    require(record.complaint == said.digest, "subject", sender, said.digest, record.complaint)


def _apply_complaint_verdict(history: HistoryState, envelope: Envelope, record: ComplaintVerdict) -> None:
    history.round.complaint_verdicts[envelope.sender, record.holder, record.dealer] = record


def _check_checked(history: HistoryState, sender: str, record: SharesChecked) -> None:
    state = history.round
    require(sender in state.present, "participant", sender, state.present, sender)
    accused = {dealer for _, dealer in state.complaints.by(sender)}
    holds = sender in history.committee
    expected = tuple(sorted(set(state.passed) - accused)) if holds else ()
    require(record.dealers == expected, "shares-checked", sender, expected, record.dealers)


def _apply_checked(history: HistoryState, envelope: Envelope, record: SharesChecked) -> None:
    history.round.checked[envelope.sender] = record


def _check_restarted(history: HistoryState, sender: str, record: AttemptRestarted) -> None:
    expected = history.round.false_complainers(history.rules.accepting_verdicts)
    proper = record.complainers == expected != ()
    require(
        proper,
        "complainers",
        sender,
        expected or "somebody whose complaint was dismissed",
        record.complainers,
    )


def _apply_restarted(history: HistoryState, envelope: Envelope, record: AttemptRestarted) -> None:
    history.left_out |= set(record.complainers)
    history.phase = BETWEEN


STEPS: dict[str, Step] = {
    ShareComplaint.kind: Step((HOSPITAL,), (SHARES,), _check_complaint, _apply_complaint),
    PlacedComplaint.kind: Step((HOSPITAL,), (SHARES,), _check_complaint, _apply_complaint),
    ComplaintVerdict.kind: Step((VERIFIER,), (SHARES,), _check_complaint_verdict, _apply_complaint_verdict),
    SharesChecked.kind: Step((HOSPITAL,), (SHARES,), _check_checked, _apply_checked),
    AttemptRestarted.kind: Step((AGGREGATOR,), (SHARES,), _check_restarted, _apply_restarted),
}
