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

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState


def disposable(history: HistoryState, number: int | None = None) -> set[bytes]:
    """Digests of the objects that need not be there any more: of one closed round, or of all of them."""
    if not history.rules.scaling.ephemeral:
        return set()
    found = set[bytes]()
    over = range(1, len(history.closed) + 1)
    for state in (state for own in over if number in (None, own) for state in history.attempts(own)):
        found.update(_shares(state))
        found.update(digest for said in state.holder_keys.values() for digest in said.objects())
    return found - history.disputed.keys() - history.lasting.keys()


def _shares(state: RoundState) -> Iterator[bytes]:
    """Of an attempt; places without a holder have none."""
    for said in state.uploads.values():
        yield from filter(None, said.record.sealed_shares)
