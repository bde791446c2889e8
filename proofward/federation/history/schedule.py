"""What the aggregator has to announce next: a pure function of the ledger, and of whether the phase's time is
up.

A phase ends by itself when everything expected is recorded; when time is up, with what is there. Nothing is
expected of a revoked member. The announcement's content follows from the ledger alone, so there is nothing to
choose.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.history.history_state import (
    BEFORE,
    BETWEEN,
    COMMIT,
    CONFIRM,
    ENDORSE,
    ENROLMENT,
    REVEAL,
    SHARES,
    UPLOAD,
    VERIFY,
    HistoryState,
)
from proofward.federation.history.round_steps import missing_nonces
from proofward.federation.messages.beacon import derive_beacon
from proofward.federation.messages.catalogue import (
    AcceptedSet,
    AttemptAbandoned,
    BeaconFixed,
    CommitmentsClosed,
    EnrolmentClosed,
    FederationClosed,
    FederationOpened,
    Message,
    RoundClosed,
    RoundOpened,
    UploadsClosed,
    VerdictsClosed,
)
from proofward.federation.messages.refusal import require


def next_record(history: HistoryState, expired: bool) -> Message | None:
    """The next announcement, None while something is awaited. Not for the unmasking, which needs objects."""
    plan = _PLANS.get(history.phase)
    return plan(history, expired) if plan else None


def _opened(history: HistoryState, expired: bool) -> Message:
    return FederationOpened(history.rules.data)


def _enrolment(history: HistoryState, expired: bool) -> Message | None:
    hospitals, verifiers = history.active(history.rules.hospitals), history.active(history.rules.verifiers)
    votes = {(verifier, hospital) for hospital in hospitals for verifier in verifiers}
    if votes <= set(history.enrolment_verdicts) or expired:
        return EnrolmentClosed(tuple(history.acceptable_enrolments()))
    return None


def _between(history: HistoryState, expired: bool) -> Message:
    if history.current is None and len(history.closed) == history.rules.rounds:
        return FederationClosed(history.model)
    return RoundOpened(history.model, history.opening()[2])


def _commit(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    if set(history.active(state.participants)) <= set(state.commitments) or expired:
        return CommitmentsClosed(history.active(state.commitments))
    return None


def _reveal(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    missing = missing_nonces(state)
    if not missing:
        return BeaconFixed(derive_beacon(history.rules.digest, state.number, state.attempt, state.nonces))
    hopeless = not history.active(missing)
    return AttemptAbandoned(missing) if hopeless or expired else None


def _upload(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    expected = {name for name in history.active(state.committed) if name in history.rules.hospitals}
    if expected <= set(state.uploads) or expired:
        return UploadsClosed(tuple(sorted(state.uploads)))
    return None


def _verify(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    verifiers = history.active(history.rules.verifiers)
    votes = {(verifier, hospital) for hospital in state.uploads for verifier in verifiers}
    if votes <= set(state.verdicts) or expired:
        return VerdictsClosed(tuple(state.passing(history.rules.accepting_verdicts)))
    return None


def _shares(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    holders = {name for name in history.active(state.committed) if name in history.rules.hospitals}
    verifiers = history.active(history.rules.verifiers)
    votes = {(verifier, *pair) for pair in state.complaints for verifier in verifiers}
    if (holders <= set(state.checked) and votes <= set(state.complaint_verdicts)) or expired:
        return AcceptedSet(state.acceptable(history.rules.accepting_verdicts))
    return None


def _endorse(history: HistoryState, expired: bool) -> None:
    quorum, found = history.rules.accepting_verdicts, sorted(history.round.endorsements)
    culprit, able = history.rules.aggregator, {*found, *history.active(history.rules.verifiers)}
    hopeful = not expired and len(able) >= quorum
    require(hopeful, "endorsements", culprit, f"of at least {quorum} verifiers", found)


def _confirm(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    assert state.aggregate is not None
    if set(history.active(state.committed)) <= set(state.confirmations) or expired:
        return RoundClosed(state.aggregate.record.model)
    return None


_PLANS: dict[str, Callable[[HistoryState, bool], Message | None]] = {
    BEFORE: _opened,
    ENROLMENT: _enrolment,
    BETWEEN: _between,
    COMMIT: _commit,
    REVEAL: _reveal,
    UPLOAD: _upload,
    VERIFY: _verify,
    SHARES: _shares,
    ENDORSE: _endorse,
    CONFIRM: _confirm,
}
