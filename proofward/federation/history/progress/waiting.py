"""For whom a federation waits: the members whose word would let the present phase end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proofward.federation.history.state.history_state import (
    ABANDON,
    BETWEEN,
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
    HistoryState,
)
from proofward.federation.history.state.judges import judges_of
from proofward.federation.history.steps.attestation import awaited_evidence, barred, hindrance, verdicts_on
from proofward.federation.history.steps.beacon import expected_dealers, vouched_for
from proofward.federation.history.steps.consent import confirmers, lockers, missing_consents, ready_holders
from proofward.federation.history.steps.fingerprints import late_fingerprints
from proofward.federation.history.steps.heads import unsigned_end

Names = set[str]
MOST_NAMES = 20
"""That are said of those who are waited for."""
EVIDENCE, FINGERPRINTS = "evidence of its machine", "its fingerprints of ciphertexts"


def waits_for(history: HistoryState) -> tuple[str, ...]:
    """Members, none of them revoked, whose word is missing in the present phase, ascending."""
    missing = _MISSING.get(history.phase)
    return history.active(missing(history)) if missing is not None else ()


def unusual(history: HistoryState) -> dict[str, str]:
    """Of those, what is awaited from a member where it is not the phase's usual word."""
    if history.phase == ENROLMENT:
        return dict.fromkeys((name for name in waits_for(history) if hindrance(history, name)), EVIDENCE)
    if history.phase == CONFIRM:
        return dict.fromkeys(late_fingerprints(history), FINGERPRINTS)
    return {}


def awaited(history: HistoryState) -> str:
    """Who is waited for, in words."""
    what = unusual(history)
    return listed([f"{name} ({what[name]})" if name in what else name for name in waits_for(history)])


def listed(names: Sequence[str]) -> str:
    """Names in words: of very many the first, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _enrolment(history: HistoryState) -> Names:
    verifiers, votes = history.rules.verifiers, history.enrolment_verdicts
    judges = {name for name in verifiers for about in history.enrolments if (name, about) not in votes}
    for said in history.attestations.values():
        judges |= set(verifiers) - set(verdicts_on(history, said))
    missing = set(history.rules.hospitals) - set(history.joined) - set(barred(history))
    return missing | judges | set(awaited_evidence(history))


def _deal(history: HistoryState) -> Names:
    return set(expected_dealers(history)) - set(history.sharing.deals)


def _vouch(history: HistoryState) -> Names:
    return set(history.sharing.holders) - set(history.sharing.vouches)


def _reveal(history: HistoryState) -> Names:
    state = history.sharing
    return {name for name in state.holders if vouched_for(history, name)} - set(state.shares)


def _between(history: HistoryState) -> Names:
    return set(unsigned_end(history))


def _keys(history: HistoryState) -> Names:
    state = history.round
    return (set(state.participants) & set(history.hospitals)) - set(state.holder_keys)


def _upload(history: HistoryState) -> Names:
    return set(history.round.present) - set(history.round.uploads)


def _verify(history: HistoryState) -> Names:
    return judging(history)


def judging(history: HistoryState) -> Names:
    """Verifiers whose verdict on a recorded upload is missing."""
    state = history.round
    late = (set(judges_of(history, name)) - state.verdicts.about(name).keys() for name in state.uploads)
    return set().union(*late)


def _shares(history: HistoryState) -> Names:
    state = history.round
    votes, pairs = state.complaint_verdicts, state.complaints
    judges = {name for name in history.rules.verifiers for pair in pairs if (name, *pair) not in votes}
    return (set(state.present) - set(state.checked)) | judges


def _consent(history: HistoryState) -> Names:
    return set(missing_consents(history.round))


def _lock(history: HistoryState) -> Names:
    return set(lockers(history)) - set(history.round.locks)


def _unmask(history: HistoryState) -> Names:
    return set(ready_holders(history.round)) - set(history.round.share_sums)


def _abandon(history: HistoryState) -> Names:
    state = history.round
    return set(state.present) - set(state.abandonments)


def _confirm(history: HistoryState) -> Names:
    missing = confirmers(history) - set(history.round.confirmations)
    return late_fingerprints(history) or missing  # without fingerprints nobody can confirm


_MISSING: dict[str, Callable[[HistoryState], Names]] = {
    ENROLMENT: _enrolment,
    DEAL: _deal,
    VOUCH: _vouch,
    REVEAL: _reveal,
    BETWEEN: _between,
    KEYS: _keys,
    UPLOAD: _upload,
    VERIFY: _verify,
    SHARES: _shares,
    CONSENT: _consent,
    LOCK: _lock,
    UNMASK: _unmask,
    ABANDON: _abandon,
    CONFIRM: _confirm,
}
