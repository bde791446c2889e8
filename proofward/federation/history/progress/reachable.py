"""Whether the round under way can still have the fewest hospitals that a sum must have.

A revocation is final, and who is revoked says nothing more: its missing key, upload or `shares-checked` never
comes. When the others are too few, no round can be finished. This is a function of the ledger alone, so every
member finds it by itself; `standstill` says for whose absence.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.history.state.history_state import KEYS, SHARES, UPLOAD, HistoryState
from proofward.federation.messages.basics.refusal import Refusal


def require_reachable(history: HistoryState) -> None:
    """Raises Refusal when too few hospitals are left for the round under way."""
    found = _ABLE.get(history.phase)
    if found is None:
        return
    check, able = found
    names, least = history.rules.holders_among(able(history)), history.rules.minimum_updates
    if len(names) < least:
        left = ", ".join(sorted(names)) or "none"
        raise Refusal(check, history.rules.aggregator, f"at least {least} hospitals", left)
    holders, needed = history.holding(left_to_hold(history)), history.rules.config.threshold + 1
    if history.rules.draws_holders and len(holders) < needed:
        expected, left = f"at least {needed} of the round's holders", ", ".join(holders) or "none"
        raise Refusal("holders", history.rules.aggregator, expected, left)


def left_to_hold(history: HistoryState) -> set[str]:
    """Members that can still say that they have good shares, or have said so."""
    state = history.round
    asked = state.participants if history.phase == KEYS else state.present
    return {*state.checked, *history.active(asked)}


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
