"""Whether the round under way can still have the fewest hospitals that a sum must have.

A revocation is final, and who is revoked says nothing more: its missing key, upload or `shares-checked` never
comes. When the others are too few, the federation has ended. This is a function of the ledger alone, so every
member finds it by itself, and nobody has to be accused of it.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.history.history_state import KEYS, SHARES, UPLOAD, HistoryState
from proofward.federation.messages.refusal import Refusal


def end_by_revocation(history: HistoryState) -> Refusal | None:
    """Why the round can never be finished, since members were revoked; None while it can."""
    found = _ABLE.get(history.phase)
    if found is None or not history.revoked:
        return None
    check, able = found
    names, least = history.rules.holders_among(able(history)), history.rules.minimum_updates
    if len(names) >= least:
        return None
    last = max(history.revoked, key=lambda name: history.revoked[name])
    revoked, left = ", ".join(sorted(history.revoked)), ", ".join(sorted(names)) or "none"
    return Refusal(check, last, f"at least {least} hospitals", f"{left}, since these are revoked: {revoked}")


def require_reachable(history: HistoryState) -> None:
    """Raises Refusal when revocations leave too few hospitals for the round under way."""
    if (end := end_by_revocation(history)) is not None:
        raise end


def _with_keys(history: HistoryState) -> set[str]:
    return set(history.active(history.round.participants))


def _with_uploads(history: HistoryState) -> set[str]:
    return {*history.round.uploads, *history.active(history.round.present)}


def _with_shares(history: HistoryState) -> set[str]:
    state = history.round
    return set(state.passed) & {*state.checked, *history.active(state.present)}


_ABLE: dict[str, tuple[str, Callable[[HistoryState], set[str]]]] = {
    KEYS: ("participants", _with_keys),
    UPLOAD: ("uploaded-set", _with_uploads),
    SHARES: ("accepted-set", _with_shares),
}
