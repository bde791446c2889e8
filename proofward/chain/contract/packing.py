"""Weights and the accepted set as the contract reads them: words of 32 bytes, in one form only.

Weights   hospital i, counted from 0 in the ledger's order, has 48 bits at bit 48 (i mod 5) of word i // 5.
          There are as many words as five hospitals a word need; all other bits are zero. A weight of 0 says
          that the hospital is not enrolled.
Bitmap    hospital i is bit i mod 256 of word i // 256. There are as many words as five hospitals for each
          word of weights need, and no bit of a hospital whose weight is 0.

Words stand one after another, big endian, and their digest is Keccak-256.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from proofward.chain.contract.errors import NotPackable

WORD_BYTES = 32
LANES = 5
LANE_BITS = 48
MAX_HOSPITALS = 5120
_WORD_BITS = 8 * WORD_BYTES


def pack_weights(weights: Sequence[int]) -> bytes:
    """The weights of all hospitals; raises NotPackable."""
    _check_count(len(weights))
    words = [0] * weight_words(len(weights))
    for i, weight in enumerate(weights):
        if not 0 <= weight < 1 << LANE_BITS:
            raise NotPackable(f"weight of hospital {i}", f"0 to 2^{LANE_BITS} - 1", str(weight))
        words[i // LANES] |= weight << LANE_BITS * (i % LANES)
    return _joined(words)


def unpack_weights(packed: bytes, hospitals: int) -> list[int]:
    """Inverse of `pack_weights`; raises NotPackable where the bytes are not in the one form."""
    _check_count(hospitals)
    words = _words(packed, weight_words(hospitals), "weights")
    mask = (1 << LANE_BITS) - 1
    weights = [words[i // LANES] >> LANE_BITS * (i % LANES) & mask for i in range(hospitals)]
    if pack_weights(weights) != packed:
        raise NotPackable("weights", "zeros in all other bits", packed.hex()[:80])
    return weights


def pack_bitmap(accepted: Collection[int], hospitals: int) -> bytes:
    """The hospitals of the accepted set, by number; raises NotPackable."""
    _check_count(hospitals)
    words = [0] * bitmap_words(hospitals)
    for i in accepted:
        if not 0 <= i < hospitals:
            raise NotPackable("accepted hospital", f"a number below {hospitals}", str(i))
        words[i // _WORD_BITS] |= 1 << i % _WORD_BITS
    return _joined(words)


def unpack_bitmap(bitmap: bytes, hospitals: int) -> list[int]:
    """Inverse of `pack_bitmap`, in ascending order; raises NotPackable."""
    _check_count(hospitals)
    words = _words(bitmap, bitmap_words(hospitals), "bitmap")
    accepted = [i for i in range(_WORD_BITS * len(words)) if words[i // _WORD_BITS] >> i % _WORD_BITS & 1]
    if accepted and accepted[-1] >= hospitals:
        raise NotPackable("bitmap", f"no bit above hospital {hospitals - 1}", f"bit {accepted[-1]}")
    return accepted


def weight_words(hospitals: int) -> int:
    """How many words the weights of so many hospitals have."""
    return -(-hospitals // LANES)


def bitmap_words(hospitals: int) -> int:
    """How many words the accepted set of so many hospitals has."""
    return -(-LANES * weight_words(hospitals) // _WORD_BITS)


def _check_count(hospitals: int) -> None:
    if not 1 <= hospitals <= MAX_HOSPITALS:
        raise NotPackable("hospitals", f"1 to {MAX_HOSPITALS}", str(hospitals))


def _joined(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)


def _words(data: bytes, count: int, what: str) -> list[int]:
    if len(data) != WORD_BYTES * count:
        raise NotPackable(what, f"{WORD_BYTES * count} bytes", f"{len(data)} bytes")
    return [int.from_bytes(data[i : i + WORD_BYTES], "big") for i in range(0, len(data), WORD_BYTES)]
