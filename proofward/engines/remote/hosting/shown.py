"""What the host shows members of its ledger: extensions, and heads to hospitals that follow these alone.

Neither costs more than it weighs. An extension that was made is kept for the others who ask for the same;
views of a head and their tree are made once, when the head is, so an answer has some hashes for its paths.
"""

from __future__ import annotations

from threading import Lock

from proofward.engines.remote.hosting.light_phases import is_shown
from proofward.federation.messages.basics.refusal import TRANSPORT, require
from proofward.federation.messages.wire import Extension, sign_extension
from proofward.federation.parties.aggregator import Aggregator
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.merkle_log import consistency_proof, tree_root

MAX_SHOWN, MAX_SHOWN_BYTES = 1 << 15, 1 << 23


class Shown:
    """Of one aggregator; thread-safe."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._lock = Lock()
        self._made: dict[tuple[int, int], bytes] = {}
        self._lacking = (0, 0.0)

    def extension(self, since: int) -> bytes:
        """See `extension`."""
        with self._lock:  # one at a time in memory; nobody else waits for it
            asked = (since, self._aggregator.history.size)
            if asked not in self._made:
                self._made = {asked: extension(self._aggregator, since)}
            return self._made[asked]

    def require_heads(self, member: str) -> None:
        """Raises Refusal where there are none, or none for this member."""
        history = self._aggregator.history
        follow = history.rules.scaling.follow
        require(history.rules.scaling.heads, "follow", TRANSPORT, 'rules with follow = "heads"', follow)
        require(member in history.hospitals, "follow", TRANSPORT, "a hospital", member)

    @property
    def newest_head(self) -> int:
        """The size that the newest head with enough signatures names, if it is to be shown now; else 0."""
        history = self._aggregator.history
        said = history.heads.quorate(history.rules.head_quorum)
        return said.head.size if said is not None and is_shown(said.head, history.rules.rounds) else 0


    def unsigned(self, known: int, now: float, patience: float) -> int:
        """The size of the newest head if it is to be shown now, and is newer than `known` entries.

        And if it has lacked signatures for more than so many seconds since somebody first asked; else 0.
        """
        history = self._aggregator.history
        newest = history.heads.newest
        if newest is None or not is_shown(newest.head, history.rules.rounds):
            return 0
        size = newest.head.size
        if len(newest.signatures) >= history.rules.head_quorum or size <= known:
            return 0
        if self._lacking[0] != size:
            self._lacking = size, now
        return size if now - self._lacking[1] > patience else 0


def extension(aggregator: Aggregator, since: int, most: int = MAX_SHOWN_BYTES) -> bytes:
    """The extension of the ledger for a member that knows the first `since` entries.

    It holds all entries that follow, or as many as fit into one message, under a checkpoint of their own. It
    may be made while entries are added.
    """
    tree = aggregator.tree()
    size = tree.size
    first = min(since, size)
    entries: list[bytes] = []
    for entry in aggregator.shown(first)[: min(size - first, MAX_SHOWN)]:
        most -= len(entry)
        if entries and most < 0:
            break
        entries.append(entry)
    size = first + len(entries)
    checkpoint = sign_checkpoint(size, tree_root(size, tree.node), aggregator.signer)
    proof = consistency_proof(first, size, tree.node)
    shown = Extension(first, tuple(entries), checkpoint, tuple(proof))
    return sign_extension(shown, aggregator.key, aggregator.rules)
