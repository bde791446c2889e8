"""Compiled kernels of the encryption: products modulo P, negacyclic transforms, error sampling, decoding.

Words are uint64 in [0, P). All kernels release the interpreter lock; rows are 4096 contiguous words.
"""

from __future__ import annotations

import numba
import numpy as np

from proofward.lattice.parameters import MODULUS, RING_DEGREE, UPDATE_SHIFT

_P = np.uint64(MODULUS)
_EPSILON = np.uint64(2**32 - 1)  # 2^64 modulo P
_LOW = np.uint64(2**32 - 1)
_HALF = np.uint64(32)
_N = RING_DEGREE
_ROWS = "uint64[:, ::1]"
_WORDS = "uint64[::1]"


@numba.njit(inline="always")
def multiply(a: np.uint64, b: np.uint64) -> np.uint64:
    """a b modulo P, in [0, P), for any 64-bit a, b.

    Product: (2^32-1)^2 + 2(2^32-1) < 2^64, so neither middle sum wraps. Reduction: x = lo + 2^64 h0 + 2^96 h1
    with 2^64 = 2^32 - 1 and 2^96 = -1. lo - h1 borrows 2^64 = EPSILON only when lo < h1 < 2^32, and then the
    wrapped value is above EPSILON. h0 * EPSILON <= 2^64 - 2^33 + 1, so a wrapped sum plus EPSILON stays below
    2^64.
    """
    a0, a1 = a & _LOW, a >> _HALF
    b0, b1 = b & _LOW, b >> _HALF
    bottom = a0 * b0
    middle = a0 * b1 + (bottom >> _HALF)
    cross = a1 * b0 + (middle & _LOW)
    high = a1 * b1 + (middle >> _HALF) + (cross >> _HALF)
    low = (cross << _HALF) | (bottom & _LOW)
    h1 = high >> _HALF
    difference = low - h1
    difference -= _EPSILON if low < h1 else np.uint64(0)
    total = difference + (high & _LOW) * _EPSILON
    total += _EPSILON if total < difference else np.uint64(0)
    return total - (_P if total >= _P else np.uint64(0))


@numba.njit(inline="always")
def plus(a: np.uint64, b: np.uint64) -> np.uint64:
    """a + b modulo P for a, b < P: with c = P - b in (0, P], a + b - P = a - c wraps exactly when a < c."""
    c = _P - b
    return a - c + (_P if a < c else np.uint64(0))


@numba.njit(inline="always")
def minus(a: np.uint64, b: np.uint64) -> np.uint64:
    """a - b modulo P for a, b < P: the difference wraps exactly when a < b, and adding P wraps it back."""
    return a - b + (_P if a < b else np.uint64(0))


@numba.njit(f"void({_ROWS}, {_WORDS})", cache=True, nogil=True)
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
                    lower = multiply(second[i], twiddle)
                    first[i] = plus(upper, lower)
                    second[i] = minus(upper, lower)
            groups <<= 1


@numba.njit(f"void({_ROWS}, {_WORDS}, uint64)", cache=True, nogil=True)
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
                    second[i] = multiply(minus(upper, lower), twiddle)
            half <<= 1
            groups >>= 1
        for i in range(_N):
            row[i] = multiply(row[i], np.uint64(scale))


@numba.njit(f"void({_ROWS}, {_ROWS})", cache=True, nogil=True)
def multiply_rows(rows: np.ndarray, factors: np.ndarray) -> None:
    """In place rows[r] *= factors[r], or *= factors[0] when there is one row of factors."""
    step = 0 if factors.shape[0] == 1 else 1
    for r in range(rows.shape[0]):
        row, factor = rows[r], factors[r * step]
        for i in range(row.shape[0]):
            row[i] = multiply(row[i], factor[i])


@numba.njit(f"void({_WORDS}, {_ROWS}, {_ROWS})", cache=True, nogil=True)
def accumulate_reversed(total: np.ndarray, masks: np.ndarray, rows: np.ndarray) -> None:
    """total[i] += sum_r masks[r, 4095 - i] * rows[r, i]: reversing values evaluates the mask at 1/X."""
    for r in range(rows.shape[0]):
        mask, row = masks[r], rows[r]
        for i in range(_N):
            total[i] = plus(total[i], multiply(mask[_N - 1 - i], row[i]))


@numba.njit(f"int64({_WORDS}, {_WORDS})", cache=True, nogil=True)
def accumulate(total: np.ndarray, words: np.ndarray) -> int:
    """total += words modulo P; returns the number of words outside [0, P): if any, total is of no use."""
    strange = 0
    for i in range(total.shape[0]):
        strange += 1 if words[i] >= _P else 0
        total[i] = plus(total[i], words[i])
    return strange


@numba.njit(inline="always")
def _ones(word: np.uint64) -> np.uint64:
    """The number of set bits: sums of 2, 4 and 8 bits side by side, then of the eight bytes (at most 64)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit(f"void({_WORDS}, uint32[::1], int8[::1])", cache=True, nogil=True)
def centred_binomial(wide: np.ndarray, narrow: np.ndarray, out: np.ndarray) -> None:
    """out[i] = number of ones among wide[i] and the low 20 bits of narrow[i], less 42: in [-42, 42]."""
    for i in range(out.shape[0]):
        low = np.uint64(narrow[i]) & np.uint64(0xFFFFF)
        out[i] = np.int8(np.int64(_ones(wide[i]) + _ones(low)) - 42)


@numba.njit(f"void({_WORDS}, int8[::1], int64[::1])", cache=True, nogil=True)
def add_message(words: np.ndarray, error: np.ndarray, update: np.ndarray) -> None:
    """words[i] += error[i] + 2^18 update[i] modulo P; |2^18 update + error| < 2^38 fits an int64."""
    for i in range(words.shape[0]):
        value = (update[i] << UPDATE_SHIFT) + np.int64(error[i])
        words[i] = plus(words[i], np.uint64(value) + (_P if value < 0 else np.uint64(0)))


@numba.njit(f"int64({_WORDS}, {_WORDS}, int64[::1], int64, int64)", cache=True, nogil=True)
def decode(words: np.ndarray, mask: np.ndarray, out: np.ndarray, noise: int, bound: int) -> int:
    """out[i] = nearest integer to centred(words[i] - mask[i]) / 2^18; the first i no honest sum has, or -1.

    Centred values lie in (-2^63, 2^63); adding 2^17 cannot overflow because values near 2^63 exceed `bound`
    (at most 3120 * 2^19) times 2^18 and are clamped first. The residual must be at most `noise` in magnitude.
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


@numba.njit(inline="always")
def _multiply_small(a: np.uint64, x: np.uint64) -> np.uint64:
    """a x modulo P, in [0, P), for x < 2^32: a1 x = u1 2^32 + u0 and a x = a0 x + u1 (2^32 - 1) + u0 2^32.

    The first two terms are at most (2^32 - 1)^2 each, so their wrapped sum plus EPSILON stays below 2^64. The
    last is at most 2^64 - 2^32, so a wrapped sum with it is at most 2^64 - 2^32 - 1, plus EPSILON below 2^64.
    """
    upper = (a >> _HALF) * x
    carried = upper >> _HALF
    lower = (a & _LOW) * x
    total = lower + ((carried << _HALF) - carried)
    total += _EPSILON if total < lower else np.uint64(0)
    result = total + (upper << _HALF)
    result += _EPSILON if result < total else np.uint64(0)
    return result - (_P if result >= _P else np.uint64(0))


@numba.njit(f"void({_WORDS}, {_ROWS}, {_ROWS})", cache=True, nogil=True)
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
                values[i] = _multiply_small(plus(values[i], row[i]), point)
        for i in range(values.shape[0]):
            values[i] = plus(values[i], secret[i])


@numba.njit(f"void({_WORDS}, {_ROWS}, {_WORDS})", cache=True, nogil=True)
def combine(weights: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """out = sum_r weights[r] rows[r]."""
    for i in range(out.shape[0]):
        out[i] = np.uint64(0)
    for r in range(rows.shape[0]):
        weight, row = weights[r], rows[r]
        for i in range(out.shape[0]):
            out[i] = plus(out[i], multiply(row[i], weight))
