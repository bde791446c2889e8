"""Consistency and inclusion on chain agree with `ledger/merkle_log.py`, for true proofs and for altered ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.typed_data import Checkpoint
from proofward.ledger.errors import MerkleProofInvalid
from proofward.ledger.merkle_log import leaf_hash, verify_consistency, verify_inclusion
from tests.chain.contract.anchored import Anchored, Reverted

SIZES = 64
SAMPLE = ((1, 2), (3, 7), (4, 8), (8, 9), (31, 33), (33, 33))


def altered(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Every proof that differs in one hash, lacks one, has one more, or has two that changed places."""
    for i, node in enumerate(proof):
        changed = bytes([node[0] ^ 1]) + node[1:]
        yield [*proof[:i], changed, *proof[i + 1 :]]
        yield [*proof[:i], *proof[i + 1 :]]
        yield [*proof[:i], node, *proof[i:]]
    yield [*proof, bytes(32)]
    if len(proof) > 1:
        yield [proof[1], proof[0], *proof[2:]]


def stands(anchored: Anchored, size: int) -> None:
    """As if a checkpoint of the log were anchored."""
    slots = anchor_artifact()
    anchored.chain.put(anchored.address, slots.slot("size"), size)
    anchored.chain.put(anchored.address, slots.slot("root"), int.from_bytes(anchored.log.root(size), "big"))


def seals(anchored: Anchored, size: int, root: bytes) -> list[tuple[int, ...]]:
    """The quorum's, remembered."""
    known = anchored.__dict__.setdefault("remembered", {})
    if (size, root) not in known:
        known[size, root] = anchored.seals(Checkpoint(size, root))
    return known[size, root]


def takes(anchored: Anchored, size: int, root: bytes, proof: list[bytes]) -> bool:
    """Whether the contract takes in a checkpoint."""
    try:
        anchored.get("anchor", size, root, proof, seals(anchored, size, root))
    except Reverted as refusal:
        assert str(refusal) == "consistency"
        return False
    return True


def is_consistent(first: int, size: int, old: bytes, root: bytes, proof: list[bytes]) -> bool:
    """What the ledger says."""
    try:
        verify_consistency(first, size, old, root, proof)
    except MerkleProofInvalid:
        return False
    return True


def compare(anchored: Anchored, first: int, size: int) -> None:
    log = anchored.log
    stands(anchored, first)
    old, root, proof = log.root(first), log.root(size), log.consistency(first, size)
    assert takes(anchored, size, root, proof)
    assert not takes(anchored, size, log.root(size + 1), proof)
    for other in {size + 1, max(size - 1, 1)}:  # a path of one shape may fit two sizes: the quorum signs the size
        assert takes(anchored, other, root, proof) == is_consistent(first, other, old, root, proof)
    for wrong in altered(proof):
        assert takes(anchored, size, root, wrong) == is_consistent(first, size, old, root, wrong) is False


@pytest.mark.parametrize(("first", "size"), SAMPLE)
def test_a_checkpoint_is_taken_with_its_proof_and_with_no_other(anchored: Anchored, first: int, size: int):
    compare(anchored, first, size)


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", range(1, SIZES + 1))
def test_every_earlier_size(anchored: Anchored, size: int):
    for first in range(1, size + 1):
        compare(anchored, first, size)


@pytest.mark.parametrize("size", [1, 5, 64])
def test_the_first_checkpoint_has_no_proof(anchored: Anchored, size: int):
    root = anchored.log.root(size)
    assert takes(anchored, size, root, []) and not takes(anchored, size, root, [root])


def holds(anchored: Anchored, entry: bytes, index: int, size: int, proof: list[bytes]) -> bool:
    """What the contract says; and that the ledger says the same."""
    found = anchored.get("includes", entry, index, proof)
    try:
        verify_inclusion(leaf_hash(entry), index, size, proof, anchored.log.root(size))
    except MerkleProofInvalid:
        assert found is False
    else:
        assert found is True
    return bool(found)


def include(anchored: Anchored, index: int, size: int) -> None:
    log = anchored.log
    entry, proof = log.entries[index], log.inclusion(index, size)
    assert holds(anchored, entry, index, size, proof)
    assert not holds(anchored, entry + b"!", index, size, proof)
    assert not holds(anchored, entry, size, size, proof)
    if size > 1:
        assert not holds(anchored, entry, (index + 1) % size, size, proof)
    for wrong in altered(proof):
        assert not holds(anchored, entry, index, size, wrong)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (2, 3), (4, 7), (20, 33)])
def test_an_entry_is_included_with_its_proof_and_with_no_other(anchored: Anchored, index: int, size: int):
    stands(anchored, size)
    include(anchored, index, size)


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", range(1, SIZES + 1))
def test_every_entry(anchored: Anchored, size: int):
    stands(anchored, size)
    for index in range(size):
        include(anchored, index, size)


def test_an_entry_of_four_kilobytes_can_be_shown_and_no_longer_one(anchored: Anchored):
    chain, address, artifact = anchored.chain, anchored.address, anchor_artifact()
    entry = bytes(4096)
    chain.put(address, artifact.slot("size"), 1)
    chain.put(address, artifact.slot("root"), int.from_bytes(leaf_hash(entry), "big"))
    assert anchored.get("includes", entry, 0, [])
    with pytest.raises(Reverted):
        anchored.get("includes", entry + b"0", 0, [])
