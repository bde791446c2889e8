"""Sealed shares that nobody needs any more, where the rules let them go.

A sealed share is of use until its round is closed: holders open it, and verifiers if its holder complains.
The proof of its dealer binds its digest, which stays on the ledger; the audit needs the bytes only to judge a
complaint again. So the objects of a closed round's sealed shares, in all its attempts, may be deleted, but
for those that a complaint is about, and for objects that an entry names as something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.history_state import HistoryState
from proofward.federation.history.round_state import RoundState


def disposable(history: HistoryState, number: int | None = None) -> set[bytes]:
    """Digests of the objects that need not be there any more: of one closed round, or of all of them."""
    if not history.rules.scaling.ephemeral:
        return set()
    closed = {state.number for state in history.closed if number in (None, state.number)}
    found = set[bytes]()
    for state in (*history.earlier, *history.closed):
        if state.number in closed:
            found.update(_shares(state))
    return found - history.lasting


def _shares(state: RoundState) -> Iterator[bytes]:
    """Of an attempt, without those that a complaint is about; places without a holder have none."""
    for dealer, said in state.uploads.items():
        for holder, digest in zip(state.committee, said.record.sealed_shares, strict=False):
            if digest and (holder, dealer) not in state.complaints:
                yield digest
