"""Salted SHA-256 Merkle tree over the columns of a tableau, and openings of many leaves at once.

    leaf = SHA-256(0x00 || salt (32 bytes) || column bytes)
    node = SHA-256(0x01 || left || right)

The salt hides columns that are not opened. An opening lists the sibling hashes that cannot be computed from
the opened leaves, level by level, left to right: the only order there is.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.reference import mirrored
from proofward.proof.errors import ProofRejected
from proofward.proof.sha256 import Hashing, Words, sha256_lanes, to_bytes, to_words

Indices = npt.NDArray[np.int64]

HASH_BYTES = 32
SALT_BYTES = 32
# A copy of a hash object that was started once is twice as fast as a new one.
_LEAF, _NODE = hashlib.sha256(b"\x00"), hashlib.sha256(b"\x01")


def leaf_hash(salt: bytes, column: bytes | memoryview) -> bytes:
    """Hash of one salted column."""
    digest = _LEAF.copy()
    digest.update(salt)
    digest.update(column)
    return digest.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    digest = _NODE.copy()
    digest.update(left + right)
    return digest.digest()


def leaf_hashing(salts: bytes, rows: int) -> Hashing:
    """`leaf_hash` of all columns at once, for rows in pieces; the salts stand one after another."""
    return Hashing(0, to_words(salts), rows)


def _plain_nodes(left: list[list[int]], right: list[list[int]]) -> list[list[int]]:
    """`node_hash` of many pairs, for words as lists; what `_hash_nodes` is compared with."""
    pairs = zip(zip(*left, strict=True), zip(*right, strict=True), strict=True)
    nodes = [node_hash(struct.pack(">8I", *own), struct.pack(">8I", *other)) for own, other in pairs]
    return [list(words) for words in zip(*(struct.unpack(">8I", node) for node in nodes), strict=True)]


@mirrored(_plain_nodes)
def _hash_nodes(left: Words, right: Words) -> Words:
    """`node_hash` of many pairs, (8, N) each."""
    swapped = right.byteswap().astype(np.uint64)
    return sha256_lanes(1, left, swapped[0::2] | swapped[1::2] << np.uint64(32))


class MerkleTree:
    """All levels of a tree over 2^m leaf hashes, given as a list or as words."""

    def __init__(self, leaves: list[bytes] | Words) -> None:
        self._levels = [to_words(b"".join(leaves)) if isinstance(leaves, list) else leaves]
        while self._levels[-1].shape[1] > 1:
            below = self._levels[-1]
            self._levels.append(_hash_nodes(below[:, 0::2], below[:, 1::2]))

    @property
    def root(self) -> bytes:
        return self.node(len(self._levels) - 1, 0)

    def node(self, level: int, index: int) -> bytes:
        """One hash; the leaves are level 0."""
        return to_bytes(self._levels[level][:, index : index + 1])

    def open(self, indices: list[int]) -> bytes:
        """The sibling hashes for ascending distinct leaf indices."""
        siblings = []
        known = indices
        for level in self._levels[:-1]:
            present = set(known)
            missing = [index ^ 1 for index in known if index ^ 1 not in present]
            siblings.append(to_bytes(level[:, missing]))
            known = sorted({index >> 1 for index in known})
        return b"".join(siblings)


@dataclass(frozen=True, slots=True)
class _Step:
    """From the known nodes of a level to those above them, with the siblings that an opening has to hold.

    left, right: where the children of each node above are, among the known nodes followed by the siblings.
    """

    siblings: int
    left: Indices
    right: Indices


@lru_cache(maxsize=8)
def _steps(indices: tuple[int, ...], depth: int) -> tuple[_Step, ...]:
    """The way from these ascending leaves to the root; all tableaux of a proof have the same one."""
    steps, known = [], np.array(indices, dtype=np.int64)
    for _ in range(depth):
        lone = np.ones(known.size, dtype=bool)
        pairs = np.flatnonzero((known[1:] ^ 1) == known[:-1])
        lone[pairs], lone[pairs + 1] = False, False
        sibling = np.full(known.size, -1)
        sibling[lone] = known.size + np.arange(np.count_nonzero(lone))
        sibling[pairs] = pairs + 1
        first = np.ones(known.size, dtype=bool)
        first[pairs + 1] = False  # the second of a pair has the same node above it
        own, other = np.flatnonzero(first), sibling[first]
        odd = (known[first] & 1).astype(bool)
        steps.append(_Step(int(np.count_nonzero(lone)), np.where(odd, other, own), np.where(odd, own, other)))
        known = known[first] >> 1
    return tuple(steps)


def sibling_count(indices: list[int], depth: int) -> int:
    """How many hashes an opening of these ascending indices holds."""
    return sum(step.siblings for step in _steps(tuple(indices), depth))


def check_opening(root: bytes, depth: int, indices: list[int], leaves: list[bytes], siblings: bytes) -> None:
    """Raise ProofRejected unless the leaf hashes at the ascending indices are in the tree with this root."""
    expected = HASH_BYTES * sibling_count(indices, depth)
    if len(siblings) != expected:
        raise ProofRejected("tableau root", f"expected siblings of {expected} bytes, got {len(siblings)}")
    given, taken = to_words(siblings), 0
    level = to_words(b"".join(leaves))
    for step in _steps(tuple(indices), depth):
        nodes = np.concatenate([level, given[:, taken : taken + step.siblings]], axis=1)
        taken += step.siblings
        level = _hash_nodes(nodes[:, step.left], nodes[:, step.right])
    found = to_bytes(level)
    if found != root:
        raise ProofRejected(
            "tableau root",
            f"opened columns hash to {found.hex()[:16]}, committed root is {root.hex()[:16]}",
        )


def path(depth: int, indices: list[int], leaves: list[bytes], siblings: bytes, index: int) -> list[bytes]:
    """The sibling hashes of an opened leaf, from the leaf upwards, of an opening that was checked."""
    given = iter(siblings[i : i + HASH_BYTES] for i in range(0, len(siblings), HASH_BYTES))
    known, found = dict(zip(indices, leaves, strict=True)), []
    for _ in range(depth):
        missing = [at ^ 1 for at in known if at ^ 1 not in known]
        known |= dict(zip(missing, given, strict=False))
        found.append(known[index ^ 1])
        index >>= 1
        known = {at >> 1: node_hash(known[at], known[at ^ 1]) for at in sorted(known) if not at & 1}
    return found
