# pragma version 0.4.3
"""
@title One step of a proof's verification
@notice An opened column of every tableau of a proof is in the committed Merkle tree, and the columns' elements,
        weighed, add up to the value that a receipt claims for that column. The Python twin is
        `proofward/proof/commitment/ligero/scheme.py`: the formats of leaves, nodes and elements are the proof's own.

        leaf     SHA-256(0x00 || salt || column), the column's elements of F in 8 bytes each, little endian
        node     SHA-256(0x01 || left || right)
        weights  elements c0 + c1 X of E, 128 bits each (c0 | c1 << 64), two a word, the lower bits first. The
                 weights of a tableau begin at a new group of four
        claims   leaf SHA-256(0x00 || column || value), node SHA-256(0x01 || left || right)
"""

P: constant(uint256) = 2 ** 64 - 2 ** 32 + 1
WORD: constant(uint256) = 2 ** 64 - 1
MAX_TREES: constant(uint256) = 4
MAX_DEPTH: constant(uint256) = 28
MAX_COLUMN: constant(uint256) = 8192
MAX_WEIGHTS: constant(uint256) = 16640  # bytes: 1024 rows, and the rest of a group for each of four tableaux
MAX_CLAIMS_DEPTH: constant(uint256) = 12
BYTES: constant(uint256) = max_value(uint256) // (2 ** 8 + 1)  # 0x00FF00FF..: every other byte
PAIRS: constant(uint256) = max_value(uint256) // (2 ** 16 + 1)
FOURS: constant(uint256) = max_value(uint256) // (2 ** 32 + 1)

RECEIPT_TAG: constant(bytes32) = keccak256("ProofWard receipt of the column step 1")

struct Receipt:
    roots: DynArray[bytes32, MAX_TREES]
    depth: uint256
    weights: bytes32  # SHA-256 of the words, one after another
    row: bytes32  # SHA-256 of the combined row as the proof says it, zero where it does not
    claims: bytes32  # root of the claims

struct Opening:
    column: uint256
    claim: uint256
    position: uint256  # of the claim among the claims
    claims_path: DynArray[bytes32, MAX_CLAIMS_DEPTH]
    weights: Bytes[MAX_WEIGHTS]
    salts: DynArray[bytes32, MAX_TREES]
    columns: DynArray[Bytes[MAX_COLUMN], MAX_TREES]
    paths: DynArray[DynArray[bytes32, MAX_DEPTH], MAX_TREES]


@internal
@pure
def _digest(receipt: Receipt) -> bytes32:
    return sha256(abi_encode(RECEIPT_TAG, receipt))


@internal
@pure
def _holds(receipt: Receipt, opening: Opening) -> bool:
    """
    @notice Whether the claim is true. Reverts where what is opened is not what the receipt names.
    """
    root: bytes32 = self._claims_root(opening.column, opening.claim, opening.position, opening.claims_path)
    assert root == receipt.claims, "claim"
    assert sha256(opening.weights) == receipt.weights, "weights"
    assert opening.column >> receipt.depth == 0, "column"
    low: uint256 = 0
    high: uint256 = 0
    at: uint256 = 0
    for tree: uint256 in range(len(receipt.roots), bound=MAX_TREES):
        leaf: bytes32 = sha256(concat(x"00", opening.salts[tree], opening.columns[tree]))
        assert len(opening.paths[tree]) == receipt.depth, "depth"
        found: bytes32 = self._tree_root(leaf, opening.column, opening.paths[tree])
        assert found == receipt.roots[tree], "not the committed column"
        length: uint256 = len(opening.columns[tree])
        assert length % 8 == 0, "elements"
        padded: Bytes[MAX_COLUMN + 32] = concat(opening.columns[tree], empty(bytes32))
        for group: uint256 in range((length + 31) // 32, bound=MAX_COLUMN // 32):
            word: uint256 = self._swapped(convert(extract32(padded, 32 * group), uint256))
            first: uint256 = convert(extract32(opening.weights, at), uint256)
            second: uint256 = convert(extract32(opening.weights, at + 32), uint256)
            a: uint256 = word >> 192
            b: uint256 = (word >> 128) & WORD
            c: uint256 = (word >> 64) & WORD
            d: uint256 = word & WORD
            if max(max(a, b), max(c, d)) >= P:
                return False  # no element of F: no verifier has a value for such a column
            low = unsafe_add(low, unsafe_add(unsafe_mul(first & WORD, a), unsafe_mul((first >> 128) & WORD, b)))
            low = unsafe_add(low, unsafe_add(unsafe_mul(second & WORD, c), unsafe_mul((second >> 128) & WORD, d)))
            high = unsafe_add(high, unsafe_add(unsafe_mul((first >> 64) & WORD, a), unsafe_mul(first >> 192, b)))
            high = unsafe_add(high, unsafe_add(unsafe_mul((second >> 64) & WORD, c), unsafe_mul(second >> 192, d)))
            at = unsafe_add(at, 64)
    assert at == len(opening.weights), "rows"
    return ((low % P) | ((high % P) << 64)) == opening.claim


@internal
@pure
def _claims_root(
    column: uint256, claim: uint256, position: uint256, path: DynArray[bytes32, MAX_CLAIMS_DEPTH]
) -> bytes32:
    value: bytes32 = sha256(concat(x"00", convert(column, bytes32), convert(claim, bytes32)))
    index: uint256 = position
    for sibling: bytes32 in path:
        if index & 1 == 0:
            value = sha256(concat(x"01", value, sibling))
        else:
            value = sha256(concat(x"01", sibling, value))
        index >>= 1
    return value


@internal
@pure
def _tree_root(leaf: bytes32, column: uint256, path: DynArray[bytes32, MAX_DEPTH]) -> bytes32:
    value: bytes32 = leaf
    index: uint256 = column
    for sibling: bytes32 in path:
        if index & 1 == 0:
            value = sha256(concat(x"01", value, sibling))
        else:
            value = sha256(concat(x"01", sibling, value))
        index >>= 1
    return value


@internal
@pure
def _swapped(word: uint256) -> uint256:
    """
    @notice The four elements of a word, each of them big endian.
    """
    x: uint256 = ((word >> 8) & BYTES) | ((word & BYTES) << 8)
    x = ((x >> 16) & PAIRS) | ((x & PAIRS) << 16)
    return ((x >> 32) & FOURS) | ((x & FOURS) << 32)
