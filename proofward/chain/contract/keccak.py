"""Keccak-256 as chains use it: the padding of the submission, not that of SHA-3.

The sponge of Keccak-f[1600] with a rate of 136 bytes and the domain byte 0x01 (Bertoni, Daemen, Peeters, Van
Assche, The Keccak reference, version 3.0). Plain integers: some hundred bytes are hashed at a time.
"""

from __future__ import annotations

_RATE = 136
_WORD = (1 << 64) - 1
_LANES = 25


def _round_constants() -> list[int]:
    """From the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1."""
    constants, state = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if state & 1:
                constant |= 1 << ((1 << j) - 1)
            state = state << 1 ^ (0x171 if state & 0x80 else 0)
        constants.append(constant)
    return constants


def _rotations() -> list[tuple[int, int, int]]:
    """(source, destination, rotation) of rho and pi, for the lanes x + 5 y."""
    moves = [(0, 0, 0)]
    x, y = 1, 0
    for t in range(24):
        moves.append((x + 5 * y, y + 5 * ((2 * x + 3 * y) % 5), (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return moves


_CONSTANTS, _MOVES = _round_constants(), _rotations()


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _WORD


def _permuted(lanes: list[int]) -> list[int]:
    """Keccak-f[1600]."""
    for constant in _CONSTANTS:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [parity[(x + 4) % 5] ^ _rotated(parity[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * _LANES
        for source, destination, by in _MOVES:
            moved[destination] = _rotated(lanes[source] ^ mixed[source % 5], by)
        lanes = [
            moved[i] ^ (~moved[i - i % 5 + (i + 1) % 5] & moved[i - i % 5 + (i + 2) % 5]) & _WORD
            for i in range(_LANES)
        ]
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """The hash, 32 bytes."""
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * _LANES
    for start in range(0, len(padded), _RATE):
        for i in range(_RATE // 8):
            lanes[i] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
