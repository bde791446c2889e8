"""Objects of equal parts under a Merkle root: a part is checked with its path, without the others.

The tree is that of RFC 9162 (`ledger.merkle_log`) over the parts in their order. Whoever has the root, the
number of parts and a place from somewhere it trusts needs a part and at most 14 hashes of 12,000 parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from proofward.ledger.errors import MerkleProofInvalid
from proofward.ledger.merkle_log import (
    HASH_BYTES,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
    verify_inclusion,
)


@dataclass(frozen=True)
class Parted:
    """What an entry says of an object: `number` parts of `size` bytes each, and the root of their tree."""

    digest: bytes
    root: bytes
    number: int
    size: int

    def has(self, place: int, data: bytes, path: Sequence[bytes]) -> bool:
        """Whether these bytes are the part at a place."""
        if len(data) != self.size:
            return False
        try:
            verify_inclusion(leaf_hash(data), place, self.number, path, self.root)
        except MerkleProofInvalid:
            return False
        return True

    def split(self, data: bytes) -> list[bytes]:
        """The parts of the object's bytes."""
        return [data[first : first + self.size] for first in range(0, len(data), self.size)]


@dataclass(frozen=True)
class Part:
    """Bytes of a part, and its path: the hashes beside its way to the root, from the leaf upwards."""

    data: bytes
    path: tuple[bytes, ...]


@runtime_checkable
class PartSource(Protocol):
    """A source that gives single parts of objects."""

    def parts(self, wholes: Sequence[Parted], place: int) -> Sequence[Part | None]:
        """The part at a place of each object, None where there is none."""
        ...


class PartTree:
    """The Merkle tree of an object's parts; about 64 bytes for each."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self.number = len(parts)
        level = [leaf_hash(part) for part in parts]
        self._levels = [b"".join(level)]
        while len(level) > 1:
            level = [node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
            self._levels.append(b"".join(level))

    def node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree."""
        return self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES]

    @property
    def root(self) -> bytes:
        """Of all parts."""
        return tree_root(self.number, self.node)

    def path(self, place: int) -> tuple[bytes, ...]:
        """Of the part at a place; raises ValueError where there is none."""
        return tuple(inclusion_proof(place, self.number, self.node))
