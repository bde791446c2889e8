"""The Merkle tree of a log in memory: appends entries, and gives the root of every number of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from proofward.encoding.remembered import Remembered
from proofward.ledger.merkle_log import completed_nodes, leaf_hash, tree_root

leaf_hashes = Remembered(leaf_hash, lambda entry, _: len(entry))
"""Hashes of entries as leaves: of one that comes in, a member needs it before and after it is judged."""


class LogTree:
    """Nodes of complete subtrees by (level, index); about 64 bytes an entry."""

    def __init__(self, under: LogTree | None = None) -> None:
        self.size: int = 0 if under is None else under.size
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
        self.add(leaf_hashes(entry))

    def add(self, leaf: bytes) -> None:
        """Adds the hash of a leaf."""
        for level, index, value in completed_nodes(self.size, leaf, self.node):
            self._nodes[level, index] = value
        self.size += 1

    def root(self) -> bytes:
        """Root of the entries so far (32 bytes)."""
        return tree_root(self.size, self.node)

    @classmethod
    def over(cls, tree: LogTree, entries: list[bytes]) -> LogTree:
        """That of `tree` with more entries; `tree` stays as it is.

        It keeps the new nodes alone and asks `tree` for all others, which never change.
        """
        longer = cls(tree)
        for entry in entries:
            longer.append(entry)
        return longer


class Roots(Sequence[bytes]):
    """Roots of the first n entries of a tree, for every n: worked out when asked for, and kept."""

    def __init__(self, tree: LogTree) -> None:
        self._tree = tree
        self._known: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._tree.size + 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[size] for size in range(*index.indices(len(self)))]
        size = range(len(self))[index]
        if size not in self._known:
            self._known[size] = tree_root(size, self._tree.node)
        return self._known[size]
