"""What the aggregator has to announce next.

This is a pure function of the ledger, and of whether the phase's time is up. A phase ends by itself when
everything expected is recorded; when time is up, it ends with what is there. Nothing is expected of a revoked
member. The announcement's content follows from the ledger alone, so there is nothing to choose.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.history.progress.reachable import require_reachable
from proofward.federation.history.state.history_state import (
    ABANDON,
    BEFORE,
    BETWEEN,
    CONFIRM,
    CONSENT,
    DEAL,
    ENROLMENT,
    KEYS,
    LOCK,
    REVEAL,
    SHARES,
    UPLOAD,
    VERIFY,
    VOUCH,
    HistoryState,
)
from proofward.federation.history.state.judges import judges_of, passing, unjudged
from proofward.federation.history.steps.attestation import awaited_evidence, barred, require_hope
from proofward.federation.history.steps.beacon import beacon_that_follows, expected_dealers, required_dealers
from proofward.federation.history.steps.consent import (
    confirmers,
    enough_abandoned,
    lockers,
    missing_consents,
    needed_abandonments,
)
from proofward.federation.history.steps.fingerprints import late_fingerprints
from proofward.federation.history.steps.heads import unsigned_end
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.beacon import first_model_digest
from proofward.federation.messages.records.catalogue import (
    AcceptedSet,
    AttemptRestarted,
    BeaconFixed,
    DealsClosed,
    EnrolmentClosed,
    FederationClosed,
    FederationOpened,
    KeysClosed,
    Message,
    RoundClosed,
    RoundOpened,
    SetWithdrawn,
    UploadsClosed,
    VerdictsClosed,
    VerdictsWidened,
    VouchesClosed,
)


def next_record(history: HistoryState, expired: bool) -> Message | None:
    """The next announcement, None while something is awaited. Not for the unmasking, which needs objects.

    Raises Refusal when the rules leave no way on.
    """
    require_reachable(history)
    plan = _PLANS.get(history.phase)
    return plan(history, expired) if plan else None


def _opened(history: HistoryState, expired: bool) -> Message:
    return FederationOpened(history.rules.data)


def _enrolment(history: HistoryState, expired: bool) -> Message | None:
    require_hope(history)
    hospitals, verifiers = history.active(history.rules.hospitals), history.active(history.rules.verifiers)
    out = barred(history)
    hospitals = tuple(name for name in hospitals if name not in out)
    votes = ((verifier, hospital) for hospital in hospitals for verifier in verifiers)
    attend = all(name in history.attendances for name in hospitals)
    judged = attend or all(vote in history.enrolment_verdicts for vote in votes)
    if (judged or expired) and not awaited_evidence(history):
        return EnrolmentClosed(tuple(history.acceptable_enrolments()))
    return None


def _between(history: HistoryState, expired: bool) -> Message | None:
    if history.current is None and len(history.closed) == history.rules.rounds:
        return None if unsigned_end(history) and not expired else FederationClosed(history.model)
    return RoundOpened(history.model, history.opening()[2])


def _deal(history: HistoryState, expired: bool) -> Message | None:
    state = history.sharing
    able, least, words = required_dealers(history, sorted({*state.deals, *expected_dealers(history)}))
    require(len(able) >= least, "dealers", history.rules.aggregator, words, able)
    if set(expected_dealers(history)) <= set(state.deals):
        return DealsClosed(tuple(sorted(state.deals)))
    dealt = required_dealers(history, state.deals)[0]
    return DealsClosed(tuple(sorted(state.deals))) if expired and len(dealt) >= least else None


def _vouch(history: HistoryState, expired: bool) -> Message | None:
    state, threshold = history.sharing, history.rules.collusion
    least, able = state.needed(threshold), sorted({*state.vouches, *history.active(state.holders)})
    require(len(able) >= least, "vouches", history.rules.aggregator, f"of {least} hospitals", able)
    counted = state.countable(threshold)
    dealt, enough, _ = required_dealers(history, counted)
    ended = expired or set(history.active(state.holders)) <= set(state.vouches)
    return VouchesClosed(counted) if ended and len(dealt) >= enough else None


def _reveal(history: HistoryState, expired: bool) -> Message | None:
    state, least = history.sharing, history.rules.collusion + 1
    able = sorted({*state.shares, *(name for name in history.active(state.holders) if name in state.vouches)})
    require(len(able) >= least, "beacon-shares", history.rules.aggregator, f"of {least} hospitals", able)
    if not (expired or set(able) <= set(state.shares)):
        return None
    beacon = beacon_that_follows(history)
    if beacon is None:
        return None
    return BeaconFixed(beacon, first_model_digest(history.rules, beacon))


def _keys(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    hospitals = [name for name in history.active(state.participants) if name in history.hospitals]
    if set(hospitals) <= set(state.holder_keys) or expired:
        return KeysClosed(history.active(state.holder_keys))
    return None


def _upload(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    expected = set(history.active(state.present))
    if expected <= set(state.uploads) or expired:
        return UploadsClosed(tuple(sorted(state.uploads)))
    return None


def _verify(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    judged = state.verdicts.about
    if expired or all(judged(name).keys() >= set(judges_of(history, name)) for name in state.uploads):
        silent = unjudged(history)
        return VerdictsWidened(silent) if silent else VerdictsClosed(tuple(passing(history)))
    return None


def _shares(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    holders = set(history.active(state.present))
    verifiers = history.active(history.rules.verifiers)
    votes = {(verifier, *pair) for pair in state.complaints for verifier in verifiers}
    if (holders <= set(state.checked) and votes <= set(state.complaint_verdicts)) or expired:
        quorum = history.rules.accepting_verdicts
        false = state.false_complainers(quorum)
        return AttemptRestarted(false) if false else AcceptedSet(state.acceptable(quorum))
    return None


def _consent(history: HistoryState, expired: bool) -> Message | None:
    missing = missing_consents(history.round)
    hopeless = set(history.active(missing)) != set(missing)
    return SetWithdrawn(missing) if hopeless or expired else None


def _lock(history: HistoryState, expired: bool) -> None:
    state, needed = history.round, history.rules.locks
    able = sorted({*state.locks, *history.active(lockers(history))})
    require(len(able) >= needed, "locks", history.rules.aggregator, f"of {needed} holders", able)


def _abandon(history: HistoryState, expired: bool) -> Message | None:
    state, needed = history.round, needed_abandonments(history)
    able = sorted({*state.abandonments, *history.active(state.present)})
    holders = history.rules.holders_among(able)
    require(
        len(holders) >= needed, "abandonments", history.rules.aggregator, f"of {needed} hospitals", holders
    )
    ended = expired or set(able) <= set(state.abandonments)
    return RoundOpened(history.model, history.opening()[2]) if ended and enough_abandoned(history) else None


def _confirm(history: HistoryState, expired: bool) -> Message | None:
    state = history.round
    assert state.aggregate is not None
    if late_fingerprints(history):
        return None
    if set(history.active(confirmers(history))) <= set(state.confirmations) or expired:
        return RoundClosed(state.aggregate.record.model)
    return None


_PLANS: dict[str, Callable[[HistoryState, bool], Message | None]] = {
    BEFORE: _opened,
    ENROLMENT: _enrolment,
    BETWEEN: _between,
    DEAL: _deal,
    VOUCH: _vouch,
    REVEAL: _reveal,
    KEYS: _keys,
    UPLOAD: _upload,
    VERIFY: _verify,
    SHARES: _shares,
    CONSENT: _consent,
    LOCK: _lock,
    ABANDON: _abandon,
    CONFIRM: _confirm,
}
