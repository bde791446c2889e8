"""Compiled kernels of the encryption: negacyclic transforms, error sampling, messages, decoding, key shares.

Words are uint64 in [0, P). All kernels release the interpreter lock; rows are 4096 contiguous words. The
arithmetic modulo P is that of `proofward.field.scalar`.
"""

from __future__ import annotations

import numpy as np

from proofward.field.jit import kernel
from proofward.field.scalar import minus, plus, times
from proofward.lattice.parameters import MODULUS, RING_DEGREE, UPDATE_SHIFT

_P = np.uint64(MODULUS)
_N = RING_DEGREE
_ROWS = "uint64[:, ::1]"
_WORDS = "uint64[::1]"


@kernel(f"void({_ROWS}, {_WORDS})")
def transform(rows: np.ndarray, twiddles: np.ndarray) -> None:
    """In place: coefficients to values at psi^(2 bitrev(k) + 1); twiddles[m] = psi^bitrev(m), see `ring`."""
    for r in range(rows.shape[0]):
        row = rows[r]
        half = _N
        groups = 1
        while groups < _N:
            half >>= 1
            for g in range(groups):
                twiddle = twiddles[groups + g]
                first = row[2 * g * half : (2 * g + 1) * half]
                second = row[(2 * g + 1) * half : (2 * g + 2) * half]
                for i in range(half):
                    upper = first[i]
                    lower = times(second[i], twiddle)
                    first[i] = plus(upper, lower)
                    second[i] = minus(upper, lower)
            groups <<= 1


@kernel(f"void({_ROWS}, {_WORDS}, uint64)")
def transform_back(rows: np.ndarray, twiddles: np.ndarray, scale: int) -> None:
    """In place inverse of `transform`: twiddles[m] = psi^-bitrev(m), scale = 1/4096."""
    for r in range(rows.shape[0]):
        row = rows[r]
        half = 1
        groups = _N >> 1
        while groups >= 1:
            for g in range(groups):
                twiddle = twiddles[groups + g]
                first = row[2 * g * half : (2 * g + 1) * half]
                second = row[(2 * g + 1) * half : (2 * g + 2) * half]
                for i in range(half):
                    upper = first[i]
                    lower = second[i]
                    first[i] = plus(upper, lower)
                    second[i] = times(minus(upper, lower), twiddle)
            half <<= 1
            groups >>= 1
        for i in range(_N):
            row[i] = times(row[i], np.uint64(scale))


@kernel(f"void({_ROWS}, {_ROWS})")
def multiply_rows(rows: np.ndarray, factors: np.ndarray) -> None:
    """In place rows[r] *= factors[r], or *= factors[0] when there is one row of factors."""
    step = 0 if factors.shape[0] == 1 else 1
    for r in range(rows.shape[0]):
        row, factor = rows[r], factors[r * step]
        for i in range(row.shape[0]):
            row[i] = times(row[i], factor[i])


@kernel(f"void({_WORDS}, {_ROWS}, {_ROWS})")
def accumulate_reversed(total: np.ndarray, masks: np.ndarray, rows: np.ndarray) -> None:
    """total[i] += sum_r masks[r, 4095 - i] * rows[r, i]: reversing values evaluates the mask at 1/X."""
    for r in range(rows.shape[0]):
        mask, row = masks[r], rows[r]
        for i in range(_N):
            total[i] = plus(total[i], times(mask[_N - 1 - i], row[i]))


@kernel(f"int64({_WORDS}, {_WORDS})")
def accumulate(total: np.ndarray, words: np.ndarray) -> int:
    """total += words modulo P; returns the number of words outside [0, P): if any, total is of no use."""
    strange = 0
    for i in range(total.shape[0]):
        strange += 1 if words[i] >= _P else 0
        total[i] = plus(total[i], words[i])
    return strange


@kernel()
def _ones(word: np.uint64) -> np.uint64:
    """The number of set bits: sums of 2, 4 and 8 bits side by side, then of the eight bytes (at most 64)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel(f"void({_WORDS}, uint32[::1], int8[::1])")
def centred_binomial(wide: np.ndarray, narrow: np.ndarray, out: np.ndarray) -> None:
    """out[i] = number of ones among wide[i] and the low 20 bits of narrow[i], less 42: in [-42, 42]."""
    for i in range(out.shape[0]):
        low = np.uint64(narrow[i]) & np.uint64(0xFFFFF)
        out[i] = np.int8(np.int64(_ones(wide[i]) + _ones(low)) - 42)


@kernel(f"void({_WORDS}, int8[::1], int64[::1])")
def add_message(words: np.ndarray, error: np.ndarray, update: np.ndarray) -> None:
    """words[i] += error[i] + 2^18 update[i] modulo P; |2^18 update + error| < 2^49 + 42 fits an int64."""
    for i in range(words.shape[0]):
        value = (update[i] << UPDATE_SHIFT) + np.int64(error[i])
        words[i] = plus(words[i], np.uint64(value) + (_P if value < 0 else np.uint64(0)))


@kernel(f"int64({_WORDS}, {_WORDS}, int64[::1], int64, int64)")
def decode(words: np.ndarray, mask: np.ndarray, out: np.ndarray, noise: int, bound: int) -> int:
    """out[i] = nearest integer to centred(words[i] - mask[i]) / 2^18; the first i no honest sum has, or -1.

    Centred values lie in (-2^63, 2^63). `bound` is at most 12000 * 2^31, so `limit` is below 2^63 - 2^60, and
    adding 2^17 cannot overflow because larger values are clamped first. The residual must be at most `noise`
    in magnitude.
    """
    limit = (bound << UPDATE_SHIFT) + (1 << (UPDATE_SHIFT - 1))
    wrong = -1
    for i in range(words.shape[0] - 1, -1, -1):
        word = minus(words[i], mask[i])
        value = np.int64(word) if word <= _P >> np.uint64(1) else -np.int64(_P - word)
        clamped = limit if value > limit else -limit if value < -limit else value
        rounded = (clamped + (1 << (UPDATE_SHIFT - 1))) >> UPDATE_SHIFT
        residual = clamped - (rounded << UPDATE_SHIFT)
        out[i] = rounded
        if value != clamped or residual > noise or -residual > noise or rounded > bound or -rounded > bound:
            wrong = i
    return wrong


@kernel(f"void({_WORDS}, {_ROWS}, {_ROWS})")
def shamir_shares(secret: np.ndarray, coefficients: np.ndarray, out: np.ndarray) -> None:
    """out[h] = secret + sum_k coefficients[k] (h + 1)^(k+1), by Horner's rule; fewer than 2^32 holders."""
    for holder in range(out.shape[0]):
        point = np.uint64(holder + 1)
        values = out[holder]
        for i in range(values.shape[0]):
            values[i] = np.uint64(0)
        for k in range(coefficients.shape[0] - 1, -1, -1):
            row = coefficients[k]
            for i in range(values.shape[0]):
                values[i] = times(plus(values[i], row[i]), point)
        for i in range(values.shape[0]):
            values[i] = plus(values[i], secret[i])


@kernel(f"void({_WORDS}, {_ROWS}, {_WORDS})")
def combine(weights: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """out = sum_r weights[r] rows[r]."""
    for i in range(out.shape[0]):
        out[i] = np.uint64(0)
    for r in range(rows.shape[0]):
        weight, row = weights[r], rows[r]
        for i in range(out.shape[0]):
            out[i] = plus(out[i], times(row[i], weight))
