"""A verdict's receipt: what a proof's opened columns came to, so that a false claim can be shown on chain.

It is read off the verifier's own check of the columns (`proof/commitment/opened.py`), and says

    roots     of the proof's tableaux, and the depth of their trees
    weights   SHA-256 of what each row counts for in the combined row
    row       SHA-256 of the combined row as the proof says it; zeros where it is committed instead
    claims    for every opened column, to which element of E its rows combine

A verifier is deterministic, so honest receipts of one proof are equal. Of a proof that is accepted, the
claims are also the values of the combined row at these columns. A seat's verdict signs the receipt's digest.

How it hides: a receipt has nothing that the proof does not have, and a proof is zero-knowledge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from proofward.chain.contract.errors import ReceiptInvalid
from proofward.chain.contract.keccak import keccak256
from proofward.field.extension import DEGREE
from proofward.field.scalar import P
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.opened import OpenedColumns, watching
from proofward.proof.errors import ProofRejected

T = TypeVar("T")
MAX_TREES, MAX_DEPTH, MAX_CLAIMS, MAX_ROWS = 4, 28, 1 << 12, 1024
MAX_COLUMN_BYTES, MAX_WEIGHT_BYTES = 8 * MAX_ROWS, 16 * (MAX_ROWS + 4 * MAX_TREES)
"""Bounds of `column_step.vy`."""
MAX_BYTES = 1 << 17
_TAG = keccak256(b"ProofWard receipt of the column step 1")
_GROUP, _CLAIM = 4, 20


def watched(verify: Callable[[], T]) -> tuple[T | ProofRejected, OpenedColumns | None]:
    """What a verification comes to, and the columns that it has opened; None if it did not come so far."""
    seen: list[OpenedColumns] = []
    try:
        with watching(seen.append):
            outcome: T | ProofRejected = verify()
    except ProofRejected as refusal:
        outcome = refusal
    return outcome, seen[-1] if seen else None


@dataclass(frozen=True)
class Receipt:
    """See the module. claims: (column, value) in ascending order of columns, a value as c0 + 2^64 c1.

    Raises ReceiptInvalid for what the contract would not read.
    """

    roots: tuple[bytes, ...]
    depth: int
    weights: bytes
    row: bytes
    claims: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        columns = [column for column, _ in self.claims]
        if not 1 <= len(self.roots) <= MAX_TREES or not 1 <= self.depth <= MAX_DEPTH:
            found = f"{len(self.roots)} of depth {self.depth}"
            raise ReceiptInvalid("trees", f"1 to {MAX_TREES} of depth 1 to {MAX_DEPTH}", found)
        if {len(root) for root in (*self.roots, self.weights, self.row)} != {32}:
            raise ReceiptInvalid("digests", "32 bytes each", "others")
        ascending = columns == sorted(set(columns))
        if not 1 <= len(columns) <= MAX_CLAIMS or not ascending or columns[-1] >> self.depth:
            expected = f"1 to {MAX_CLAIMS} of the trees, ascending"
            raise ReceiptInvalid("columns", expected, f"{len(columns)}")
        if not all(value >> 64 < P and value % 2**64 < P for _, value in self.claims):
            raise ReceiptInvalid("values", "elements of E", "others")

    @classmethod
    def of(cls, opened: OpenedColumns) -> Receipt:
        """Of what a verifier has seen; raises ReceiptInvalid for proofs beyond the contract's bounds."""
        words = weight_words(opened.weights)
        largest = max(8 * columns.shape[1] for columns in opened.columns)
        if len(words) > MAX_WEIGHT_BYTES or largest > MAX_COLUMN_BYTES:
            raise ReceiptInvalid("rows of the tableaux", f"up to {MAX_ROWS}", f"{len(words) // 16}")
        low, high = (plane.tolist() for plane in opened.values)
        values = [a | b << 64 for a, b in zip(low, high, strict=True)]
        claims = tuple(zip(opened.indices, values, strict=True))
        row = bytes(32) if opened.row is None else _hash(opened.row)
        return cls(tuple(opened.roots), opened.depth, _hash(words), row, claims)

    def digest(self) -> bytes:
        """What a verdict holds: SHA-256 of the contract's structure behind its tag."""
        head = [_TAG, _word(64), _word(160), _word(self.depth), self.weights, self.row, self.claims_root]
        return _hash(b"".join([*head, _word(len(self.roots)), *self.roots]))

    def as_tuple(self) -> tuple[list[bytes], int, bytes, bytes, bytes]:
        """The contract's structure."""
        return list(self.roots), self.depth, self.weights, self.row, self.claims_root

    @property
    def claims_root(self) -> bytes:
        """The root of the tree of claims."""
        return self._claim_levels[-1][0]

    def claim_path(self, position: int) -> list[bytes]:
        """The sibling hashes of a claim, upwards."""
        return [level[position >> i ^ 1] for i, level in enumerate(self._claim_levels[:-1])]

    @cached_property
    def _claim_levels(self) -> list[list[bytes]]:
        """Leaves first, filled up with zeros, of which no claim's hash is one."""
        leaves = [_hash(b"\x00" + _word(column) + _word(value)) for column, value in self.claims]
        levels = [leaves + [bytes(32)] * ((1 << (len(leaves) - 1).bit_length()) - len(leaves))]
        while len(below := levels[-1]) > 1:
            levels.append([_hash(b"\x01" + a + b) for a, b in zip(below[::2], below[1::2], strict=True)])
        return levels

    def to_bytes(self) -> bytes:
        """Number of roots, depth, roots, weights, row, and 20 bytes for each claim; little endian."""
        head = len(self.roots).to_bytes(1, "little") + self.depth.to_bytes(1, "little")
        claims = [
            column.to_bytes(4, "little") + value.to_bytes(16, "little") for column, value in self.claims
        ]
        return b"".join([head, *self.roots, self.weights, self.row, *claims])

    @classmethod
    def from_bytes(cls, data: bytes) -> Receipt:
        """Inverse of `to_bytes`; raises ReceiptInvalid."""
        trees = data[0] if data else 0
        start = 2 + 32 * (trees + 2)
        whole = start <= len(data) <= MAX_BYTES and (len(data) - start) % _CLAIM == 0
        if not 1 <= trees <= MAX_TREES or not whole:
            raise ReceiptInvalid("receipt", "roots, weights, row and claims", f"{len(data)} bytes")
        digests = [data[i : i + 32] for i in range(2, start, 32)]
        lines = [data[i : i + _CLAIM] for i in range(start, len(data), _CLAIM)]
        claims = [(int.from_bytes(line[:4], "little"), int.from_bytes(line[4:], "little")) for line in lines]
        *roots, weights, row = digests
        return cls(tuple(roots), data[1], weights, row, tuple(claims))


def weight_words(weights: Sequence[Array]) -> bytes:
    """The weights as the contract reads them: two elements of E a word, two words for four rows."""
    parts = []
    for own in weights:
        padded = np.zeros((DEGREE, -(-own.shape[1] // _GROUP) * _GROUP), dtype=np.uint64)
        padded[:, : own.shape[1]] = own
        low, high = padded
        words = np.stack([high[1::2], low[1::2], high[::2], low[::2]], axis=1)
        parts.append(words.astype(">u8").tobytes())
    return b"".join(parts)


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
