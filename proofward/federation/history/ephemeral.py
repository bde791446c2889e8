"""Sealed shares, and the keys they are sealed to, that nobody needs any more, where the rules let them go.

A sealed share is of use until its round is closed: holders open it, and verifiers if its holder complains.
The proof of its dealer binds its digest, which stays on the ledger; the audit needs the bytes only to judge a
complaint again. So the objects of a closed round's sealed shares, in all its attempts, may be deleted, but
for those that a complaint is about, and for objects that an entry names as something else. A dealer may name
one object for two holders, of whom one complains: the object stays, whoever else's share it is.

Keys that are objects (see `sealing_keys`) all go with their round: a complaint has the path of its pair's key
in its entry, and the key follows from the secret that it shows.
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
    found, disputed = set[bytes](), set[bytes]()
    current = () if history.current is None else (history.current,)
    for state in (*history.earlier, *history.closed, *current):
        disputed.update(_share(state, *pair) for pair in state.complaints)
        if state.number in closed:
            found.update(_shares(state))
            found.update(digest for said in state.holder_keys.values() for digest in said.objects())
    return found - disputed - history.lasting


def _shares(state: RoundState) -> Iterator[bytes]:
    """Of an attempt; places without a holder have none."""
    for said in state.uploads.values():
        yield from filter(None, said.record.sealed_shares)


def _share(state: RoundState, holder: str, dealer: str) -> bytes:
    return state.uploads[dealer].record.sealed_shares[state.committee.index(holder)]
