"""The accepted set, the consents of all its hospitals, and its abandonment where one is missing.

Every hospital in the set consents, once for a model; a second time only when the earlier set is abandoned. A
holder answers a set with its share sum or with an abandonment, never both. `Rules.colluding_holders` says how
many dishonest hospitals it takes to have two sums opened from one model; `docs/rounds.md` has the argument.
"""

from __future__ import annotations

from proofward.federation.history.history_state import (
    ABANDON,
    BETWEEN,
    CONSENT,
    SHARES,
    UNMASK,
    HistoryState,
    Step,
)
from proofward.federation.history.round_state import Recorded, RoundState
from proofward.federation.messages.catalogue import Abandonment, AcceptedSet, Consent, SetWithdrawn
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.refusal import require
from proofward.federation.messages.rules import AGGREGATOR, HOSPITAL


def _check_accepted(history: HistoryState, sender: str, record: AcceptedSet) -> None:
    state, rules = history.round, history.rules
    false = state.false_complainers(rules.accepting_verdicts)
    require(false == (), "accepted-set", sender, "an attempt without a dismissed complaint", false)
    expected = state.acceptable(rules.accepting_verdicts)
    require(record.hospitals == expected, "accepted-set", sender, expected, record.hospitals)
    least = rules.minimum_updates
    require(len(expected) >= least, "accepted-set", sender, f"at least {least} hospitals", expected)
    holders, needed = history.active(state.ready_holders(expected)), rules.config.threshold + 1
    require(len(holders) >= needed, "holders", sender, f"at least {needed} holders with every share", holders)


def _apply_accepted(history: HistoryState, envelope: Envelope, record: AcceptedSet) -> None:
    history.round.accepted = Recorded(envelope, record)
    history.eligible = frozenset(history.enrolments)
    history.phase = CONSENT


def _check_consent(history: HistoryState, sender: str, record: Consent) -> None:
    state = history.round
    assert state.accepted is not None
    members, digest = state.accepted.record.hospitals, state.accepted.digest
    require(sender in members, "participant", sender, members, sender)
    require(record.accepted_set == digest, "subject", sender, digest, record.accepted_set)
    require(record.model == state.model, "model", sender, state.model, record.model)


def _apply_consent(history: HistoryState, envelope: Envelope, record: Consent) -> None:
    state = history.round
    state.consents[envelope.sender] = record
    if not missing_consents(state):
        history.phase = UNMASK


def missing_consents(state: RoundState) -> tuple[str, ...]:
    """Hospitals of the accepted set that have not consented."""
    assert state.accepted is not None
    return tuple(name for name in state.accepted.record.hospitals if name not in state.consents)


def missing_sums(state: RoundState) -> tuple[str, ...]:
    """Holders that could have given a share sum and have not."""
    assert state.accepted is not None
    ready = state.ready_holders(state.accepted.record.hospitals)
    return tuple(name for name in ready if name not in state.share_sums)


def _check_withdrawn(history: HistoryState, sender: str, record: SetWithdrawn) -> None:
    state, needed = history.round, history.rules.config.threshold + 1
    expected = missing_consents(state) or missing_sums(state)
    require(record.missing == expected != (), "missing", sender, expected or "somebody", record.missing)
    enough = len(state.share_sums) >= needed
    require(not enough, "missing", sender, f"fewer than {needed} share sums", sorted(state.share_sums))


def _apply_withdrawn(history: HistoryState, envelope: Envelope, record: SetWithdrawn) -> None:
    history.round.withdrawn = record.missing
    history.phase = ABANDON


def _check_abandonment(history: HistoryState, sender: str, record: Abandonment) -> None:
    state = history.round
    assert state.accepted is not None
    digest = state.accepted.digest
    require(record.accepted_set == digest, "subject", sender, digest, record.accepted_set)
    answered = sender in state.share_sums
    require(not answered, "abandonment", sender, "no share sum of the same set", "both")


def _apply_abandonment(history: HistoryState, envelope: Envelope, record: Abandonment) -> None:
    state = history.round
    state.abandonments[envelope.sender] = record
    if enough_abandoned(history):
        history.abandoned.add(record.accepted_set)
        history.left_out |= _gone(state)
        history.phase = BETWEEN


def enough_abandoned(history: HistoryState) -> bool:
    """Whether so many hospitals have abandoned the accepted set that another one may take its place."""
    return len(history.round.abandonments) >= history.rules.abandonments


def _gone(state: RoundState) -> set[str]:
    """Who takes no part in the next attempt: who did not consent; who gave neither share sum nor abandonment.

    A holder that was late with its share sum, and has abandoned the set, is there.
    """
    late = set() if missing_consents(state) else set(state.abandonments)
    return set(state.withdrawn) - late


STEPS: dict[str, Step] = {
    AcceptedSet.kind: Step((AGGREGATOR,), (SHARES,), _check_accepted, _apply_accepted),
    Consent.kind: Step((HOSPITAL,), (CONSENT,), _check_consent, _apply_consent),
    SetWithdrawn.kind: Step((AGGREGATOR,), (CONSENT, UNMASK), _check_withdrawn, _apply_withdrawn),
    Abandonment.kind: Step((HOSPITAL,), (ABANDON,), _check_abandonment, _apply_abandonment),
}
