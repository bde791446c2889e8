"""Openings of every set of leaves of a small tree, and refusal of every change."""

from __future__ import annotations

import hashlib
from itertools import combinations

import pytest

from proofward.proof.commitment.ligero.merkle import (
    HASH_BYTES,
    MerkleTree,
    check_opening,
    leaf_hash,
    node_hash,
    path,
    sibling_count,
)
from proofward.proof.errors import ProofRejected

DEPTH = 3
LEAVES = [leaf_hash(bytes([i]) * 32, bytes([i, 7])) for i in range(1 << DEPTH)]
TREE = MerkleTree(LEAVES)
SETS = [list(chosen) for size in range(1, 9) for chosen in combinations(range(1 << DEPTH), size)]


def test_hashes_are_separated() -> None:
    assert leaf_hash(b"s" * 32, b"column") == hashlib.sha256(b"\x00" + b"s" * 32 + b"column").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


def test_root_is_the_hash_of_all_leaves() -> None:
    level = LEAVES
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    assert TREE.root == level[0]


def test_every_set_of_leaves_opens() -> None:
    assert len(SETS) == 255
    for indices in SETS:
        siblings = TREE.open(indices)
        assert len(siblings) == HASH_BYTES * sibling_count(indices, DEPTH)
        check_opening(TREE.root, DEPTH, indices, [LEAVES[i] for i in indices], siblings)


def test_every_opened_leaf_has_its_own_path() -> None:
    for indices in SETS:
        leaves, siblings = [LEAVES[i] for i in indices], TREE.open(indices)
        for index in indices:
            found = path(DEPTH, indices, leaves, siblings, index)
            assert found == [TREE.node(level, index >> level ^ 1) for level in range(DEPTH)]


def test_openings_hold_no_hash_that_can_be_computed() -> None:
    assert TREE.open(list(range(8))) == b""
    assert TREE.open([0, 1, 2, 3]) == TREE.node(2, 1)
    assert TREE.open([2]) == TREE.node(0, 3) + TREE.node(1, 0) + TREE.node(2, 1)


def test_rejects_every_changed_leaf_and_sibling() -> None:
    for indices in SETS:
        leaves, siblings = [LEAVES[i] for i in indices], TREE.open(indices)
        for changed in range(len(indices)):
            other = list(leaves)
            other[changed] = hashlib.sha256(other[changed]).digest()
            with pytest.raises(ProofRejected, match="tableau root"):
                check_opening(TREE.root, DEPTH, indices, other, siblings)
        for position in range(0, len(siblings), HASH_BYTES):
            spoiled = bytearray(siblings)
            spoiled[position] ^= 1
            with pytest.raises(ProofRejected, match="tableau root"):
                check_opening(TREE.root, DEPTH, indices, leaves, bytes(spoiled))


def test_rejects_leaves_at_other_places() -> None:
    for indices in SETS:
        siblings = TREE.open(indices)
        for shift in range(1, 8):
            moved = sorted((i + shift) % 8 for i in indices)
            if sibling_count(moved, DEPTH) == sibling_count(indices, DEPTH) and moved != indices:
                with pytest.raises(ProofRejected):
                    check_opening(TREE.root, DEPTH, moved, [LEAVES[i] for i in indices], siblings)


def test_rejects_another_root_and_missing_siblings() -> None:
    with pytest.raises(ProofRejected):
        check_opening(bytes(32), DEPTH, [1], [LEAVES[1]], TREE.open([1]))
    with pytest.raises(ProofRejected):
        check_opening(TREE.root, DEPTH, [1], [LEAVES[1]], TREE.open([1])[:-HASH_BYTES])


def test_a_node_is_no_leaf() -> None:
    with pytest.raises(ProofRejected):
        check_opening(TREE.root, DEPTH - 1, [0], [TREE.node(0, 0)], TREE.open([0])[HASH_BYTES:])
