"""Chapters of a ledger: what its entries have added to the state between one closed round and the next.

Most of a state grows with every entry and never changes otherwise. So a state is written in chapters, one for
each closed round, and what is written once is never written again; see `snapshots`.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import RoundClosed


def lengths(history: HistoryState) -> dict[str, int]:
    """How long everything is now that only grows."""
    grown = {name: len(getattr(history, name)) for name in history.growing}
    return {"entries": history.size, "earlier": len(history.earlier), **grown}


def note_end(history: HistoryState, envelope: Envelope) -> None:
    """Ends a chapter with the entry, just applied, that closes a round."""
    if isinstance(envelope.record, RoundClosed):
        history.ends.append(lengths(history))
