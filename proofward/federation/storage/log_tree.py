"""The Merkle tree of a log in memory: appends entries and gives the root after each."""

from __future__ import annotations

from proofward.ledger.merkle_log import completed_nodes, leaf_hash, tree_root


class LogTree:
    """Nodes of complete subtrees by (level, index); about 64 bytes an entry."""

    def __init__(self, under: LogTree | None = None) -> None:
        self.size = 0 if under is None else under.size
        self._under = under
        self._nodes: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree."""
        found = self._nodes.get((level, index))
        if found is not None:
            return found
        if self._under is None:
            raise KeyError((level, index))
        return self._under.node(level, index)

    def append(self, entry: bytes) -> None:
        """Adds an entry."""
        for level, index, value in completed_nodes(self.size, leaf_hash(entry), self.node):
            self._nodes[level, index] = value
        self.size += 1

    def root(self) -> bytes:
        """Root of the entries so far (32 bytes)."""
        return tree_root(self.size, self.node)

    @classmethod
    def over(cls, tree: LogTree, entries: list[bytes]) -> LogTree:
        """That of `tree` with more entries, as long as nothing is added to `tree`, which stays as it is.

        It keeps its own nodes alone and asks `tree` for all others.
        """
        longer = cls(tree)
        for entry in entries:
            longer.append(entry)
        return longer
