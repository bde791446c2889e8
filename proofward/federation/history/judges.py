"""Which verifiers judge a hospital's proof."""

from __future__ import annotations

from proofward.federation.history.history_state import HistoryState


def judges_of(history: HistoryState, hospital: str) -> tuple[str, ...]:
    """Those whose verdict on a hospital's upload in the round under way is awaited, ascending."""
    return history.active(history.rules.verifiers)
