"""Salted SHA-256 Merkle tree over the columns of a tableau, and openings of many leaves at once.

    leaf = SHA-256(0x00 || salt (32 bytes) || column bytes)
    node = SHA-256(0x01 || left || right)

The salt hides columns that are not opened. An opening lists the sibling hashes that cannot be computed from
the opened leaves, level by level, left to right: the only order there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from proofward.proof.errors import ProofRejected
from proofward.proof.sha256 import Hashing, Words, sha256_lanes, to_bytes, to_words

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


def _hash_nodes(left: Words, right: Words) -> Words:
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


def sibling_count(indices: list[int], depth: int) -> int:
    """How many hashes an opening of these ascending indices holds."""
    count = 0
    known = indices
    for _ in range(depth):
        present = set(known)
        count += sum(index ^ 1 not in present for index in known)
        known = sorted({index >> 1 for index in known})
    return count


def check_opening(root: bytes, depth: int, indices: list[int], leaves: list[bytes], siblings: bytes) -> None:
    """Raise ProofRejected unless the leaf hashes at the ascending indices are in the tree with this root."""
    stream: Iterator[bytes] = iter(siblings[i : i + HASH_BYTES] for i in range(0, len(siblings), HASH_BYTES))
    level = dict(zip(indices, leaves, strict=True))
    for _ in range(depth):
        above: dict[int, bytes] = {}
        for index, digest in level.items():
            if index >> 1 in above:
                continue
            sibling = level.get(index ^ 1)
            if sibling is None:
                sibling = next(stream, b"")
            pair = (digest, sibling) if index & 1 == 0 else (sibling, digest)
            above[index >> 1] = node_hash(*pair)
        level = above
    if level[0] != root:
        raise ProofRejected(
            "tableau root",
            f"opened columns hash to {level[0].hex()[:16]}, committed root is {root.hex()[:16]}",
        )
