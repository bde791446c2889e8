"""SHA-256 of many messages of one length at once, as a Merkle tree needs it.

A message is a tag byte, then eight 32-bit words, then any number of 64-bit words: tag, salt and column of a
leaf, or tag, left and right child of a node. Messages lie side by side ("lanes"), so that the compression
function works on eight or sixteen of them with vector instructions. Their 64-bit words may come in pieces, so
that nobody has to have all of them at once.

Source: FIPS 180-4. `hashlib` is the specification that tests compare with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from proofward.field.jit import intrinsic, kernel
from proofward.field.threads import parallel
from proofward.field.wide_vectors import lanes

Words = npt.NDArray[np.uint32]
"""Digests or other 32-byte strings as eight words each, most significant byte first: shape (8, N)."""

LANES = 128
"""Messages that are hashed side by side, a vector of them at a time."""
_GRAIN = 1 << 18


def _splat(x: Any, value: int) -> Any:
    """A constant of the type of x, a vector."""
    return ir.Constant(x.type, [value] * x.type.count)


def _rotations(b: Any, x: Any, first: int, second: int, third: int, shift: bool = False) -> Any:
    """The exclusive or of x rotated to the right by three distances; the third may be a plain shift."""

    def rotated(by: int) -> Any:
        return b.or_(b.lshr(x, _splat(x, by)), b.shl(x, _splat(x, 32 - by)))

    last = b.lshr(x, _splat(x, third)) if shift else rotated(third)
    return b.xor(b.xor(rotated(first), rotated(second)), last)


def _fractions(count: int, root: int) -> npt.NDArray[np.uint32]:
    """The first 32 bits of the fractional parts of the square (2) or cube (3) roots of the first primes."""
    primes = [n for n in range(2, 400) if all(n % d for d in range(2, n))][:count]
    words = []
    for prime in primes:
        target, low, high = prime << (32 * root), 0, 1 << 40
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle**root <= target else (low, middle)
        words.append(low & 0xFFFFFFFF)
    return np.array(words, dtype=np.uint32)


_ROUND = _fractions(64, 3)
INITIAL = _fractions(8, 2)


def _emit_compress(typing_context: Any, state: Any, block: Any, lane: Any) -> Any:
    """One block of as many lanes from `lane` on as a vector holds, and how many these are.

    Arrays are of LANES lanes, and all sums are modulo 2^32.
    """

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(32), lanes(32))

        def entries(index: int, count: int) -> list[Any]:
            array = context.make_array(signature.args[index])(context, b, arguments[index])
            rows = [b.add(arguments[2], ir.Constant(arguments[2].type, i * LANES)) for i in range(count)]
            return [b.bitcast(b.gep(array.data, [row]), vector.as_pointer()) for row in rows]

        targets = entries(0, 8)
        words = [b.load(source, align=4) for source in entries(1, 16)]
        initial = [b.load(source, align=4) for source in targets]
        x, y, z, u, e, f, g, h = initial
        for t in range(64):
            if t >= 16:
                small0 = _rotations(b, words[(t + 1) & 15], 7, 18, 3, shift=True)
                small1 = _rotations(b, words[(t + 14) & 15], 17, 19, 10, shift=True)
                expanded = b.add(b.add(words[t & 15], words[(t + 9) & 15]), b.add(small0, small1))
                words[t & 15] = expanded
            choice = b.xor(g, b.and_(e, b.xor(f, g)))
            keyed = b.add(h, b.add(words[t & 15], _splat(e, int(_ROUND[t]))))
            first = b.add(b.add(keyed, choice), _rotations(b, e, 6, 11, 25))
            majority = b.xor(b.and_(x, y), b.and_(z, b.xor(x, y)))
            second = b.add(_rotations(b, x, 2, 13, 22), majority)
            x, y, z, u, e, f, g, h = b.add(first, second), x, y, z, b.add(u, first), e, f, g
        for target, old, new in zip(targets, initial, (x, y, z, u, e, f, g, h), strict=True):
            b.store(b.add(old, new), target, align=4)
        return ir.Constant(ir.IntType(64), vector.count)

    from numba import types

    return types.int64(state, block, types.int64), generate


compress: Any = intrinsic(_emit_compress)


@kernel(
    "void(uint64, uint32[:, ::1], uint64[:, ::1], int64, int64, uint32[::1], uint32[:, ::1], uint64[::1], "
    "int64, int64)"
)
def _hash(tag, head, rows, done, total, initial, states, carries, start, stop):  # type: ignore[no-untyped-def]
    """The states of the messages start .. stop behind more of their words; at last these are digests.

    Of their `total` 64-bit words `done` are hashed already. The tag moves everything by one byte, so a word
    starts with the last byte of what is before it (`carry`). Words 8 + 2 r and 9 + 2 r belong to the 64-bit
    word r. All values are below 2^32 before they are stored.
    """
    byte, half = np.uint64(0xFF), np.uint64(0xFF00)
    words = 8 + 2 * total
    begin = 8 + 2 * done if done else 0
    end = 8 + 2 * (done + rows.shape[0]) if done + rows.shape[0] < total else (words + 18) // 16 * 16
    state, block = np.empty((8, LANES), dtype=np.uint32), np.empty((16, LANES), dtype=np.uint32)
    carry = np.empty(LANES, dtype=np.uint64)
    block[:] = 0
    for first in range(start, stop, LANES):
        in_use = min(LANES, stop - first)
        if done:
            state[:, :in_use] = states[:, first : first + in_use]
            carry[:in_use] = carries[first : first + in_use]
        else:
            for i in range(8):
                state[i, :] = initial[i]
            carry[:] = tag
        for t in range(begin, end):
            word = block[t & 15]
            if t < 8:
                source = head[t, first : first + in_use]
                for i in range(in_use):
                    value = np.uint64(source[i])
                    word[i] = np.uint32(carry[i] << np.uint64(24) | value >> np.uint64(8))
                    carry[i] = value & byte
            elif t < words:
                row = rows[(t - 8) // 2 - done, first : first + in_use]
                if t & 1 == 0:
                    for i in range(in_use):
                        value = row[i]
                        middle = (value & byte) << np.uint64(16) | value & half
                        last = value >> np.uint64(16) & byte
                        word[i] = np.uint32(carry[i] << np.uint64(24) | middle | last)
                        carry[i] = value >> np.uint64(56)
                else:
                    for i in range(in_use):
                        value = row[i] >> np.uint64(24)
                        outer = (value & byte) << np.uint64(24) | (value & half) << np.uint64(8)
                        word[i] = np.uint32(
                            outer | value >> np.uint64(8) & half | value >> np.uint64(24) & byte
                        )
            elif t == words:
                for i in range(in_use):
                    word[i] = np.uint32(carry[i] << np.uint64(24) | np.uint64(0x800000))
            else:
                word[:] = np.uint32(8 * (33 + 8 * total) if t == end - 1 else 0)
            if t & 15 == 15:
                lane = 0
                while lane < in_use:
                    lane += compress(state, block, lane)
        states[:, first : first + in_use] = state[:, :in_use]
        carries[first : first + in_use] = carry[:in_use]


def piece_ends(words: int, at_most: int) -> list[int]:
    """Where pieces of about `at_most` of the 64-bit words end, the last at `words`.

    A piece ends where a block of SHA-256 does, hence behind 4, 12, 20, .. words.
    """
    return [*range(4 + at_most // 8 * 8, words, max(8, at_most // 8 * 8)), words]


class Hashing:
    """SHA-256 of tag || head[:, i] || words for every lane i, for head (8, N) and `words` 64-bit words.

    A head's words are written most significant byte first, the 64-bit words least significant byte first.
    """

    def __init__(self, tag: int, head: Words, words: int) -> None:
        if head.shape[0] != 8 or words >= 1 << 25:
            raise ValueError(f"head {head.shape} for messages of {words}, at most 2^25 words")
        self._tag, self._head, self._words, self._done = np.uint64(tag), np.ascontiguousarray(head), words, 0
        self._states = np.empty(head.shape, dtype=np.uint32)
        self._carries = np.empty(head.shape[1], dtype=np.uint64)

    def take(self, rows: npt.NDArray[np.uint64]) -> None:
        """The next words, (R, N), which end at one of the `piece_ends`."""
        end = self._done + rows.shape[0]
        if rows.shape[1:] != self._carries.shape or end > self._words or (end < self._words and end % 8 != 4):
            state = f"{self._done} of {self._words} done, head {self._head.shape}"
            raise ValueError(f"words {rows.shape}, {state}")
        given, done = np.ascontiguousarray(rows), self._done
        parallel(
            lambda start, stop: _hash(
                *(self._tag, self._head, given, done, self._words, INITIAL, self._states, self._carries),
                *(start, stop),
            ),
            rows.shape[1],
            max(1, _GRAIN // (64 + 8 * rows.shape[0])),
        )
        self._done = end

    @property
    def digests(self) -> Words:
        """When all words are taken."""
        if self._done < self._words:
            raise ValueError(f"{self._done} of {self._words} words")
        return self._states


def sha256_lanes(tag: int, head: Words, rows: npt.NDArray[np.uint64]) -> Words:
    """The digests of whole messages: `Hashing` in one piece."""
    hashing = Hashing(tag, head, rows.shape[0])
    hashing.take(rows)
    return hashing.digests


def to_words(digests: bytes) -> Words:
    """Strings of 32 bytes, one after another, as words (8, N)."""
    return np.ascontiguousarray(np.frombuffer(digests, dtype=">u4").reshape(-1, 8).T.astype(np.uint32))


def to_bytes(words: Words) -> bytes:
    """Inverse of `to_words`."""
    return words.T.astype(">u4").tobytes()
