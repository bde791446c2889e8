"""Merkle log: the RFC's recursive definition, its published test vectors, and no other proof accepted."""

from __future__ import annotations

import hashlib

import pytest

from proofward.ledger.errors import MerkleProofInvalid
from proofward.ledger.merkle_log import (
    EMPTY_ROOT,
    Nodes,
    completed_nodes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# Inputs and roots of the reference test vectors for RFC 6962 trees (same tree hash as RFC 9162).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
ENTRIES = [bytes.fromhex(text) for text in INPUTS]


def specification_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, literally."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    middle = 1
    while middle * 2 < len(entries):
        middle *= 2
    left, right = specification_root(entries[:middle]), specification_root(entries[middle:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes_of(entries: list[bytes]) -> Nodes:
    table: dict[tuple[int, int], bytes] = {}

    def lookup(level: int, index: int) -> bytes:
        return table[level, index]

    for size, entry in enumerate(entries):
        for level, index, value in completed_nodes(size, leaf_hash(entry), lookup):
            table[level, index] = value
    return lookup


def test_published_roots() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    nodes = nodes_of(ENTRIES)
    assert [tree_root(size, nodes).hex() for size in range(1, 9)] == ROOTS


def test_published_paths() -> None:
    """The paths of the reference vectors for 8 and 5 leaves."""
    nodes = nodes_of(ENTRIES)
    assert [h.hex() for h in inclusion_proof(0, 8, nodes)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in inclusion_proof(1, 5, nodes)] == [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@pytest.mark.parametrize("size", range(1, 35))
def test_every_proof_of_every_size(size: int) -> None:
    entries = [bytes([index]) * (index % 5) for index in range(size)]
    nodes = nodes_of(entries)
    root = tree_root(size, nodes)
    assert root == specification_root(entries)
    for index in range(size):
        verify_inclusion(leaf_hash(entries[index]), index, size, inclusion_proof(index, size, nodes), root)
    for first in range(size + 1):
        proof = consistency_proof(first, size, nodes)
        verify_consistency(first, size, specification_root(entries[:first]), root, proof)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_no_other_inclusion_proof(size: int) -> None:
    entries = [bytes([index]) for index in range(size)]
    nodes = nodes_of(entries)
    root = tree_root(size, nodes)
    for index in range(size):
        leaf, proof = leaf_hash(entries[index]), inclusion_proof(index, size, nodes)
        wrong = [
            (leaf_hash(b"other"), index, size, proof, root),
            (leaf, index, size, [*proof, EMPTY_ROOT], root),
            (leaf, index, size, proof, EMPTY_ROOT),
            (leaf, size, size, proof, root),
            (leaf, -1, size, proof, root),
            (leaf, index, size, [*proof, b"short"], root),
        ]
        if proof:
            wrong.append((leaf, index, size, proof[:-1], root))
            wrong += [
                (leaf, index, size, [*proof[:at], leaf_hash(b"x"), *proof[at + 1 :]], root)
                for at in range(len(proof))
            ]
        wrong += [(leaf, other, size, proof, root) for other in range(size) if other != index]
        for arguments in wrong:
            with pytest.raises(MerkleProofInvalid):
                verify_inclusion(*arguments)


@pytest.mark.parametrize("second", [2, 3, 7, 8, 13])
def test_no_other_consistency_proof(second: int) -> None:
    entries = [bytes([index]) for index in range(second)]
    nodes = nodes_of(entries)
    root = tree_root(second, nodes)
    for first in range(1, second + 1):
        first_root, proof = tree_root(first, nodes), consistency_proof(first, second, nodes)
        forked = specification_root([*entries[: first - 1], b"forked"])
        wrong = [
            (first, second, forked, root, proof),
            (first, second, first_root, forked, proof),
            (first, second, first_root, root, [*proof, EMPTY_ROOT]),
            (second + 1, second, first_root, root, proof),
            (0, second, first_root, root, []),
        ]
        if proof:
            wrong.append((first, second, first_root, root, proof[:-1]))
            wrong += [
                (first, second, first_root, root, [*proof[:at], leaf_hash(b"x"), *proof[at + 1 :]])
                for at in range(len(proof))
            ]
        for arguments in wrong:
            with pytest.raises(MerkleProofInvalid):
                verify_consistency(*arguments)


def test_impossible_requests() -> None:
    nodes = nodes_of(ENTRIES)
    with pytest.raises(ValueError, match="entry 8 of a log of 8"):
        inclusion_proof(8, 8, nodes)
    with pytest.raises(ValueError, match="log of 5 entries within a log of 4"):
        consistency_proof(5, 4, nodes)
    assert consistency_proof(0, 4, nodes) == consistency_proof(4, 4, nodes) == []


def test_leaf_and_node_are_apart() -> None:
    assert leaf_hash(b"a" * 32 + b"b" * 32) != node_hash(b"a" * 32, b"b" * 32)
