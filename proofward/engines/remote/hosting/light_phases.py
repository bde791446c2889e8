"""Of which phases a hospital that follows heads is shown the head, so that it takes no more than it can use.

Who holds no shares in a round owes nothing while proofs are judged and while the sum is opened and confirmed.
Heads of these phases would be almost half of all that it is sent. The one after the last round is shown: with
it the hospital learns of the end. What it is not shown costs it nothing: each head has everything.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import (
    ABANDON,
    BETWEEN,
    CONSENT,
    KEYS,
    LOCK,
    SHARES,
    UPLOAD,
)
from proofward.federation.messages.records.heads import Head

SHOWN = {KEYS: 1, UPLOAD: 2, SHARES: 1, CONSENT: 1, LOCK: 3, ABANDON: 1}
"""Phases with a head to show, and how many phases each time lasts until the next one."""


def is_shown(head: Head, rounds: int) -> bool:
    """Whether a hospital is sent this head, of a federation of so many rounds."""
    return head.phase in SHOWN or (head.phase == BETWEEN and head.closed == rounds)


def phases_until_next(phase: str) -> int:
    """How many deadlines may pass before a newer head is shown than that of this phase."""
    return SHOWN.get(phase, 1)
