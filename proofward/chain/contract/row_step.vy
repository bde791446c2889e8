# pragma version 0.4.3
"""
@title The other step at a column
@notice The combined row V that a proof says has, at the point of a column, the value that a receipt claims. With the
        step of the column it is what a verifier compares: who accepts a proof whose columns do not combine to its
        row has to claim a false value of one or of the other.

        row    V's coefficients c0 + c1 X of E in 16 bytes each, little endian, the lowest first
        point  7 w^b, w = 7^((P - 1) / 2^depth), and b the column's number with its bits in reverse
"""

import column_step

MAX_ROW: constant(uint256) = 65536  # bytes: 4096 coefficients
GENERATOR: constant(uint256) = 7


@internal
@pure
def _agrees(receipt: column_step.Receipt, column: uint256, claim: uint256, row: Bytes[MAX_ROW]) -> bool:
    """
    @notice Whether the row has the claimed value. Reverts where it is not the row that the receipt names.
    """
    assert sha256(row) == receipt.row, "row"
    assert len(row) % 16 == 0, "elements"
    assert receipt.depth <= column_step.MAX_DEPTH and column >> receipt.depth == 0, "column"
    x: uint256 = self._point(column, receipt.depth)
    square: uint256 = x * x % column_step.P
    padded: Bytes[MAX_ROW + 32] = concat(row, empty(bytes32))
    pairs: uint256 = (len(row) + 31) // 32
    low: uint256 = 0
    high: uint256 = 0
    for i: uint256 in range(pairs, bound=MAX_ROW // 32):
        word: uint256 = column_step._swapped(convert(extract32(padded, 32 * (pairs - 1 - i)), uint256))
        low = unsafe_add(unsafe_mul(low, square), unsafe_mul((word >> 64) & column_step.WORD, x))
        low = unsafe_add(low, word >> 192) % column_step.P
        high = unsafe_add(unsafe_mul(high, square), unsafe_mul(word & column_step.WORD, x))
        high = unsafe_add(high, (word >> 128) & column_step.WORD) % column_step.P
    return (low | (high << 64)) == claim


@internal
@pure
def _point(column: uint256, depth: uint256) -> uint256:
    root: uint256 = 1
    factor: uint256 = GENERATOR
    exponent: uint256 = (column_step.P - 1) >> depth
    for i: uint256 in range(64):
        if exponent & 1 == 1:
            root = root * factor % column_step.P
        factor = factor * factor % column_step.P
        exponent >>= 1
    point: uint256 = GENERATOR
    for i: uint256 in range(depth, bound=column_step.MAX_DEPTH):
        if (column >> (depth - 1 - i)) & 1 == 1:
            point = point * root % column_step.P
        root = root * root % column_step.P
    return point
