"""Merkle tree of an append-only log: RFC 9162 section 2.1, with SHA-256.

Proved: that an entry is in the tree with a given size and root (inclusion), and that one tree is a prefix of
another (consistency). Both are sound as long as SHA-256 is collision resistant; the leaf and node prefixes
keep the two apart.

Nodes of complete subtrees have a place (level, index): level 0 are the leaf hashes, (l, i) covers the leaves
[i 2^l, (i+1) 2^l) and never changes again. A prover needs only a function that looks those up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from proofward.ledger.errors import MerkleProofInvalid

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash (32 bytes) of an entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash (32 bytes) of an inner node from its children's."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """Largest power of two below `size` (>= 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def completed_nodes(size: int, leaf: bytes, nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """The nodes that are complete once `leaf` is appended to a tree of `size` leaves.

    Each is given as (level, index, hash).
    """
    level, index, value = 0, size, leaf
    yield level, index, value
    while index & 1:
        value = node_hash(nodes(level, index - 1), value)
        level, index = level + 1, index >> 1
        yield level, index, value


def _range_hash(start: int, end: int, nodes: Nodes) -> bytes:
    """Hash of the subtree over the leaves [start, end).

    `start` is a multiple of the least power of two >= end - start.
    """
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(size)
    return node_hash(_range_hash(start, middle, nodes), _range_hash(middle, end, nodes))


def tree_root(size: int, nodes: Nodes) -> bytes:
    """Root (32 bytes) of the tree over the first `size` leaves."""
    return _range_hash(0, size, nodes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]): hashes from the leaf upwards. Raises ValueError unless 0 <= index < size."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} of a log of {size} entries")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_hash(middle, end, nodes))
            end = middle
        else:
            proof.append(_range_hash(start, middle, nodes))
            start = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, nodes: Nodes) -> list[bytes]:
    """PROOF(first, D[second]); empty if first is 0 or second.

    Raises ValueError unless 0 <= first <= second.
    """
    if not 0 <= first <= second:
        raise ValueError(f"log of {first} entries within a log of {second}")
    if first in (0, second):
        return []
    proof: list[bytes] = []
    start, end, whole = 0, second, True
    while end - start > 1 and first != end:
        middle = start + _split(end - start)
        if first <= middle:
            proof.append(_range_hash(middle, end, nodes))
            end = middle
        else:
            proof.append(_range_hash(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        proof.append(_range_hash(start, end, nodes))
    return proof[::-1]


def _invalid(what: str, expected: str, actual: str) -> MerkleProofInvalid:
    return MerkleProofInvalid(what, expected, actual)


def _check_hashes(what: str, hashes: Sequence[bytes]) -> None:
    for position, value in enumerate(hashes):
        if type(value) is not bytes or len(value) != HASH_BYTES:
            raise _invalid(what, f"{HASH_BYTES} bytes at position {position}", repr(value)[:80])


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2: the leaf with hash `leaf` is at `index` of the tree.

    Raises MerkleProofInvalid.
    """
    what = f"inclusion of entry {index} in {size}"
    if not 0 <= index < size:
        raise _invalid(what, "an index below the size", str(index))
    _check_hashes(what, [leaf, root, *proof])
    at, last, value = index, size - 1, leaf
    for position, sibling in enumerate(proof):
        if last == 0:
            raise _invalid(what, f"{position} hashes", f"{len(proof)} hashes")
        if at & 1 or at == last:
            value = node_hash(sibling, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise _invalid(what, f"more than {len(proof)} hashes", f"{len(proof)} hashes")
    if value != root:
        raise _invalid(what, f"root {root.hex()}", f"root {value.hex()}")


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162 section 2.1.4.2: the first tree is a prefix of the second. Raises MerkleProofInvalid."""
    what = f"consistency of {first} with {second}"
    if not 0 <= first <= second:
        raise _invalid(what, "a first size up to the second", f"{first} > {second}")
    _check_hashes(what, [first_root, second_root, *proof])
    if first == 0 and first_root != EMPTY_ROOT:
        raise _invalid(what, f"root {EMPTY_ROOT.hex()}", f"root {first_root.hex()}")
    if first in (0, second):
        if proof:
            raise _invalid(what, "no hashes", f"{len(proof)} hashes")
        if first == second and first_root != second_root:
            raise _invalid(what, f"root {first_root.hex()}", f"root {second_root.hex()}")
        return
    if not proof:
        raise _invalid(what, "at least one hash", "none")
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _invalid(what, "fewer hashes", f"{len(proof)} hashes")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise _invalid(what, "more hashes", f"{len(proof)} hashes")
    if old != first_root:
        raise _invalid(what, f"first root {first_root.hex()}", f"root {old.hex()}")
    if new != second_root:
        raise _invalid(what, f"second root {second_root.hex()}", f"root {new.hex()}")
