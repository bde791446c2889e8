"""What a federation promises of records and has spent of it so far, in sentences for its operator."""

from __future__ import annotations

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.consent import most_releases
from proofward.privacy.words import NO_PRIVACY, large_delta, promise, spent


def privacy_so_far(history: HistoryState) -> list[str]:
    """The promise and what is spent, or that sums are exact; nothing where nobody trains."""
    rules = history.rules
    if rules.counts_only and rules.accountant is None:
        return []
    if rules.accountant is None:
        return [NO_PRIVACY]
    own = rules.accountant
    return [promise(own), spent(own, most_releases(history)), *large_delta(own, history.all_rows)]


def how_made(history: HistoryState) -> str:
    """How a run's models were made, and what is promised of the records that they were made of."""
    told = (f"{line[0].upper()}{line[1:]}." for line in privacy_so_far(history))
    return " ".join([history.rules.config.training_words, *told])
