"""Proofs of what a chain's state holds: the Merkle-Patricia trees of accounts and of a contract's storage.

A proof is the nodes on the way from a root to a key. It shows the value under the key, or that there is none.
Nodes are found by their Keccak-256 hash; a node below 32 bytes stands within its parent. Source: the Ethereum
Yellow Paper, appendix D.
"""

from __future__ import annotations

from collections.abc import Sequence

from proofward.chain.basics.errors import ProofOfStateInvalid
from proofward.chain.contract.keccak import keccak256
from proofward.chain.state.rlp import Item, rlp_decode

EMPTY_ROOT = keccak256(b"\x80")
MAX_NODES = 64
"""On one way: a key has 64 digits."""


def value_at(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """What stands under Keccak-256 of `key` in the tree with this root, None for nothing.

    Raises ProofOfStateInvalid unless the nodes show it.
    """
    if root == EMPTY_ROOT:
        return None
    if len(nodes) > MAX_NODES:
        raise ProofOfStateInvalid("proof", f"at most {MAX_NODES} nodes", f"{len(nodes)} nodes")
    known = {keccak256(node): node for node in nodes}
    path = list(_digits(keccak256(key)))
    item: Item = root
    while True:
        node = item if isinstance(item, list) else _node(item, known)
        if len(node) == 17:
            if not path:
                return _value(node[16]) or None
            if not (step := node[path.pop(0)]):
                return None
            item = step
        elif len(node) == 2 and isinstance(node[0], bytes) and node[0]:
            is_leaf, own = _partial(node[0])
            if is_leaf:
                return _value(node[1]) if own == path else None
            if path[: len(own)] != own or not own:
                return None
            path, item = path[len(own) :], node[1]
        else:
            raise ProofOfStateInvalid("node", "two or seventeen items", f"{len(node)}")


def _node(digest: bytes, known: dict[bytes, bytes]) -> list[Item]:
    if digest not in known:
        raise ProofOfStateInvalid("proof", f"the node {digest.hex()}", "no such node")
    found = rlp_decode(known[digest])
    if not isinstance(found, list):
        raise ProofOfStateInvalid("node", "a list", "bytes")
    return found


def _digits(data: bytes) -> Sequence[int]:
    return [digit for byte in data for digit in (byte >> 4, byte & 15)]


def _partial(data: bytes) -> tuple[bool, list[int]]:
    """Whether a node of two items is a leaf, and its digits."""
    first, *rest = _digits(data)
    if first > 3 or (first % 2 == 0 and rest[0] != 0):
        raise ProofOfStateInvalid("node", "digits in their one form", data.hex())
    return first >= 2, rest if first % 2 else rest[1:]


def _value(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise ProofOfStateInvalid("value", "bytes", "a list")
    return item
