"""The accepted set, the consents of all its hospitals, and its abandonment where one is missing.

Every hospital in the set consents, once for a model; a second time only when the earlier set is abandoned.
When all have consented, a holder locks the set. It locks or abandons it, never both, and share sums are given
when t + 1 + x have locked it. The next attempt has those that have abandoned the set, but for those whose
consent was missing. `Rules.colluding_holders` says how many dishonest hospitals it takes to have two sums
opened from one model; `docs/rounds.md` has the argument.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import (
    ABANDON,
    CONSENT,
    LOCK,
    SHARES,
    UNMASK,
    HistoryState,
    Step,
)
from proofward.federation.history.state.round_state import Recorded, RoundState
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    Abandonment,
    AcceptedSet,
    Consent,
    Lock,
    SetWithdrawn,
)


def _check_accepted(history: HistoryState, sender: str, record: AcceptedSet) -> None:
    state, rules = history.round, history.rules
    false = state.false_complainers(rules.accepting_verdicts)
    require(false == (), "accepted-set", sender, "an attempt without a dismissed complaint", false)
    expected = state.acceptable(rules.accepting_verdicts)
    require(record.hospitals == expected, "accepted-set", sender, expected, record.hospitals)
    least, named = rules.minimum_updates, rules.holders_among(expected)
    require(len(named) >= least, "accepted-set", sender, f"at least {least} hospitals", named)
    holders, needed = history.active(state.ready_holders(expected)), rules.config.threshold + 1
    require(len(holders) >= needed, "holders", sender, f"at least {needed} holders with every share", holders)


def _apply_accepted(history: HistoryState, envelope: Envelope, record: AcceptedSet) -> None:
    history.round.accepted = Recorded(envelope, record)
    history.eligible = frozenset(history.joined)
    history.fix_draws()
    history.phase = CONSENT


def _check_consent(history: HistoryState, sender: str, record: Consent) -> None:
    state = history.round
    assert state.accepted is not None
    members, digest = state.accepted.record.hospitals, state.accepted.digest
    require(sender in members, "participant", sender, members, sender)
    require(record.accepted_set == digest, "subject", sender, digest, record.accepted_set)
    require(record.model == state.model, "model", sender, state.model, record.model)
    left, cost = releases_left(history, sender), spent_now(history)
    expected = f"{cost} of the releases not spent yet"
    require(left is None or left >= cost, "privacy-budget", sender, expected, left)


def _apply_consent(history: HistoryState, envelope: Envelope, record: Consent) -> None:
    state = history.round
    state.consents[envelope.sender] = record
    if cost := spent_now(history):
        history.releases[envelope.sender] = history.releases.get(envelope.sender, 0) + cost
    if not missing_consents(state):
        history.phase = LOCK


def spent_now(history: HistoryState) -> int:
    """How many releases a consent in the round under way spends; 0 where its sum is exact."""
    return history.rules.spends_in(history.round.number)


def releases_left(history: HistoryState, hospital: str) -> int | None:
    """How many releases a hospital may still spend, by the ledger; None where the round's sum is exact."""
    privacy = history.rules.config.privacy
    if privacy is None or not spent_now(history):
        return None
    return privacy.releases - history.releases.get(hospital, 0)


def most_releases(history: HistoryState) -> int:
    """How many releases the hospital that has spent most has spent, by the ledger."""
    return max(history.releases.values(), default=0)


def missing_consents(state: RoundState) -> tuple[str, ...]:
    """Hospitals of the accepted set that have not consented."""
    assert state.accepted is not None
    return tuple(name for name in state.accepted.record.hospitals if name not in state.consents)


def confirmers(history: HistoryState) -> set[str]:
    """Who confirms an aggregate: with heads only the hospitals that hold shares, beside the verifiers.

    The others need not read what they would confirm; who does checks it, and says nothing.
    """
    heads, present = history.rules.scaling.heads, history.round.present
    return {*(history.holding(present) if heads else present), *history.rules.verifiers}


def ready_holders(state: RoundState) -> tuple[str, ...]:
    """The holders that have a good share of every hospital in the accepted set."""
    assert state.accepted is not None
    return state.ready_holders(state.accepted.record.hospitals)


def lockers(history: HistoryState) -> tuple[str, ...]:
    """Who may lock the accepted set: its ready holders, and with a committee all that are ready.

    So many hospitals may collude that locks of a committee alone would prove nothing, see `Rules.locks`.
    """
    state = history.round
    return history.rules.holders_among(state.checked) if history.rules.draws_holders else ready_holders(state)


def _check_lock(history: HistoryState, sender: str, record: Lock) -> None:
    state = history.round
    assert state.accepted is not None
    drawn = history.rules.draws_holders and history.rules.find(sender) is not None
    if sender not in (state.checked if drawn else ready_holders(state)):
        raise Refusal("holders", sender, describe(f"one of {lockers(history)}"), describe(sender))
    digest = state.accepted.digest
    require(record.accepted_set == digest, "subject", sender, digest, record.accepted_set)


def _apply_lock(history: HistoryState, envelope: Envelope, record: Lock) -> None:
    history.round.locks[envelope.sender] = record
    if history.phase == LOCK and len(history.round.locks) >= history.rules.locks:
        history.phase = UNMASK


def _check_withdrawn(history: HistoryState, sender: str, record: SetWithdrawn) -> None:
    expected = missing_consents(history.round)
    require(record.missing == expected != (), "missing", sender, expected or "somebody", record.missing)


def _apply_withdrawn(history: HistoryState, envelope: Envelope, record: SetWithdrawn) -> None:
    history.round.withdrawn = record.missing
    history.phase = ABANDON


def needed_abandonments(history: HistoryState) -> int:
    """Of all holders that took part in the attempt but x, whether or not they are still there."""
    return len(history.rules.holders_among(history.round.present)) - history.rules.absences


def enough_abandoned(history: HistoryState) -> bool:
    """Whether so many holders have abandoned the accepted set that another one may take its place."""
    given = history.rules.holders_among(history.round.abandonments)
    return len(given) >= needed_abandonments(history)


def _check_abandonment(history: HistoryState, sender: str, record: Abandonment) -> None:
    state = history.round
    assert state.accepted is not None
    digest = state.accepted.digest
    require(sender in state.present, "participant", sender, state.present, sender)
    require(record.accepted_set == digest, "subject", sender, digest, record.accepted_set)


def _apply_abandonment(history: HistoryState, envelope: Envelope, record: Abandonment) -> None:
    state = history.round
    state.abandonments[envelope.sender] = record
    if enough_abandoned(history):
        history.abandoned.add(record.accepted_set)


STEPS: dict[str, Step] = {
    AcceptedSet.kind: Step((AGGREGATOR,), (SHARES,), _check_accepted, _apply_accepted),
    Consent.kind: Step((HOSPITAL,), (CONSENT,), _check_consent, _apply_consent),
    Lock.kind: Step((HOSPITAL,), (LOCK, UNMASK), _check_lock, _apply_lock),
    SetWithdrawn.kind: Step((AGGREGATOR,), (CONSENT,), _check_withdrawn, _apply_withdrawn),
    Abandonment.kind: Step((HOSPITAL,), (ABANDON,), _check_abandonment, _apply_abandonment),
}
