"""What a federation promises of records and has spent of it so far, in sentences for its operator."""

from __future__ import annotations

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.consent import most_releases
from proofward.privacy.words import NO_PRIVACY, promise, spent


def privacy_so_far(history: HistoryState) -> list[str]:
    """The promise and what is spent, or that sums are exact; nothing where nobody trains."""
    rules = history.rules
    if rules.counts_only and rules.accountant is None:
        return []
    if rules.accountant is None:
        return [NO_PRIVACY]
    return [promise(rules.accountant), spent(rules.accountant, most_releases(history))]
