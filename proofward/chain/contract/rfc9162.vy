# pragma version 0.4.3
"""
@title Merkle proofs of an append-only log
@notice RFC 9162, sections 2.1.3.2 (inclusion) and 2.1.4.2 (consistency), with SHA-256. The Python twin is
        `proofward/ledger/merkle_log.py`; tests compare the two for all sizes up to 64.
"""

MAX_PROOF: constant(uint256) = 64
MAX_ENTRY: constant(uint256) = 4096


@internal
@pure
def _node(left: bytes32, right: bytes32) -> bytes32:
    return sha256(concat(x"01", left, right))


@internal
@pure
def _consistent(
    first: uint256, second: uint256, first_root: bytes32, second_root: bytes32, proof: DynArray[bytes32, MAX_PROOF]
) -> bool:
    """
    @notice Whether the tree of `first` leaves is a prefix of that of `second`. Any tree is one that continues
            the empty tree, which has no proof.
    """
    if first == second:
        return len(proof) == 0 and first_root == second_root
    if first == 0:
        return len(proof) == 0
    if first > second or len(proof) == 0:
        return False
    at: uint256 = first - 1
    last: uint256 = second - 1
    for i: uint256 in range(64):
        if at & 1 == 0:
            break
        at >>= 1
        last >>= 1
    skipped: uint256 = 1
    old: bytes32 = proof[0]
    if first & (first - 1) == 0:
        old = first_root
        skipped = 0
    new: bytes32 = old
    for i: uint256 in range(skipped, len(proof), bound=MAX_PROOF):
        if last == 0:
            return False
        sibling: bytes32 = proof[i]
        if at & 1 == 1 or at == last:
            old = self._node(sibling, old)
            new = self._node(sibling, new)
            for j: uint256 in range(64):
                if at & 1 == 1 or at == 0:
                    break
                at >>= 1
                last >>= 1
        else:
            new = self._node(new, sibling)
        at >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


@internal
@pure
def _included(
    entry: Bytes[MAX_ENTRY], index: uint256, size: uint256, root: bytes32, proof: DynArray[bytes32, MAX_PROOF]
) -> bool:
    """
    @notice Whether the entry is at this index of the tree with this size and root.
    """
    if index >= size:
        return False
    at: uint256 = index
    last: uint256 = size - 1
    value: bytes32 = sha256(concat(x"00", entry))
    for sibling: bytes32 in proof:
        if last == 0:
            return False
        if at & 1 == 1 or at == last:
            value = self._node(sibling, value)
            for j: uint256 in range(64):
                if at & 1 == 1 or at == 0:
                    break
                at >>= 1
                last >>= 1
        else:
            value = self._node(value, sibling)
        at >>= 1
        last >>= 1
    return last == 0 and value == root
