"""Encryption of updates under one fresh secret per hospital and round, and decoding of their sum.

What it does   y_j = a_j s + e_j + 2^18 U_j for the blocks U_j of 4096 update entries; the last block is
               cut to the real length. Sums of ciphertexts decode with S = sum of the secrets alone, and
               everybody who has the sum and S can repeat it: a wrong S, or an altered sum, leaves residuals
               no honest sum has.
Hides          each update but not their sum, by ring-LWE; `proofward.lattice.security` has the argument. A
               secret encrypts once: every attempt of a round takes a fresh beacon and a fresh secret.
Streams        all functions work on a few blocks at a time on threads; memory is that of inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.field.reference import mirrored
from proofward.lattice import kernels, reference
from proofward.lattice.errors import ArgumentRefused, DecodingFailed
from proofward.lattice.parameters import ERROR_ETA, MAX_HOSPITALS, MODULUS, RING_DEGREE, UPDATE_BOUND
from proofward.lattice.ring import Words, transform_back_in_place, transform_in_place
from proofward.lattice.sampler import (
    MaskContext,
    Rng,
    draw,
    error_block,
    error_key,
    mask_values,
    ternary_secret,
)
from proofward.lattice.streaming import blocks_of, over_blocks

Signed = NDArray[np.int64]


@dataclass(frozen=True)
class Encryption:
    """A ciphertext, F-array (length,), with its witness: secret int8 (4096,) and error int8 (length,)."""

    ciphertext: Words
    secret: NDArray[np.int8]
    error: NDArray[np.int8]


def _extreme(values: NDArray[np.signedinteger]) -> int:
    return max(int(values.max()), -int(values.min()))


def _checked_update(update: Signed) -> Signed:
    if update.dtype != np.int64 or update.ndim != 1 or update.size == 0:
        raise ArgumentRefused("update", "int64 of (length,), not empty", f"{update.dtype} of {update.shape}")
    if _extreme(update) >= UPDATE_BOUND:
        raise ArgumentRefused("update", f"entries below {UPDATE_BOUND} in magnitude", _extreme(update))
    return np.ascontiguousarray(update)


def _checked_ciphertext(field: str, words: Words, length: int | None = None) -> Words:
    if words.dtype != np.uint64 or words.ndim != 1 or words.size == 0 or length not in (None, words.size):
        expected = f"uint64 of ({'length' if length is None else length},), not empty"
        raise ArgumentRefused(field, expected, f"{words.dtype} of {words.shape}")
    return np.ascontiguousarray(words)


def _secret_values(secret: NDArray[np.signedinteger]) -> Words:
    wide = secret.astype(np.int64)
    lifted = wide.view(np.uint64) + np.where(wide < 0, np.uint64(MODULUS), np.uint64(0))
    rows = lifted.reshape(1, RING_DEGREE)
    transform_in_place(rows)
    return rows


def masked(context: MaskContext, secret_values: Words, first: int, stop: int) -> Words:
    """a s on the blocks that cover entries first (a multiple of 4096) to stop: F-array (stop - first,)."""
    rows = mask_values(context, first // RING_DEGREE, blocks_of(stop - first))
    kernels.multiply_rows(rows, secret_values)
    transform_back_in_place(rows)
    return rows.reshape(-1)[: stop - first]


def _encrypt(
    context: MaskContext,
    update: Signed,
    secret: NDArray[np.int8],
    error: NDArray[np.int8],
    sample: Callable[[int, int], None] | None,
) -> Words:
    values, out = _secret_values(secret), np.empty(update.size, np.uint64)

    def encrypt_span(first: int, stop: int) -> None:
        if sample is not None:
            sample(first, stop)
        words = masked(context, values, first, stop)
        kernels.add_message(words, error[first:stop], update[first:stop])
        out[first:stop] = words

    over_blocks(update.size, encrypt_span)
    return out


def encrypt_with(
    context: MaskContext, update: Signed, secret: NDArray[np.int8], error: NDArray[np.int8]
) -> Words:
    """The ciphertext of a given secret and error, F-array (length,): what the proof's relation recomputes."""
    update = _checked_update(update)
    if secret.dtype != np.int8 or secret.shape != (RING_DEGREE,) or _extreme(secret) > 1:
        raise ArgumentRefused(
            "secret", f"int8 of ({RING_DEGREE},) in [-1, 1]", f"{secret.dtype} of {secret.shape}"
        )
    if error.dtype != np.int8 or error.shape != update.shape or _extreme(error) > ERROR_ETA:
        expected = f"int8 of {update.shape} in [-{ERROR_ETA}, {ERROR_ETA}]"
        raise ArgumentRefused("error", expected, f"{error.dtype} of {error.shape}")
    return _encrypt(context, update, secret, np.ascontiguousarray(error), None)


def encrypt(context: MaskContext, update: Signed, rng: Rng) -> Encryption:
    """Encrypts int64 (length,), entries below 2^19 in magnitude; draws one seed of 32 bytes from `rng`.

    `rng` must be cryptographic, and the result of one call must never be replaced by another under the same
    context: keep it, and send the same bytes again.
    """
    update = _checked_update(update)
    seed = draw(rng, 32)
    secret, key = ternary_secret(seed), error_key(seed)
    error = np.empty(update.size, np.int8)

    def sample(first: int, stop: int) -> None:
        for start in range(first, stop, RING_DEGREE):
            error_block(key, start // RING_DEGREE, error[start : min(start + RING_DEGREE, stop)])

    return Encryption(_encrypt(context, update, secret, error, sample), secret, error)


class CiphertextSum:
    """The running sum of ciphertexts of one length: one array of that length, however many are added."""

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ArgumentRefused("length", "at least 1", length)
        self.total: Words = np.zeros(length, np.uint64)
        self.count = 0

    def add(self, ciphertext: Words) -> None:
        """Adds an F-array (length,); `ArgumentRefused` for another shape or large words, sum unchanged."""
        words = _checked_ciphertext("ciphertext", ciphertext, self.total.size)
        if self.count >= MAX_HOSPITALS:
            raise ArgumentRefused("ciphertexts", f"at most {MAX_HOSPITALS}", self.count + 1)
        if int(words.max()) >= MODULUS:
            raise ArgumentRefused("ciphertext", f"words below {MODULUS}", int(words.max()))
        over_blocks(
            words.size, lambda first, stop: kernels.accumulate(self.total[first:stop], words[first:stop])
        )
        self.count += 1


def aggregate(ciphertexts: Iterable[Words]) -> Words:
    """The sum of at least one ciphertext, F-array (length,); the iterable is read once."""
    running: CiphertextSum | None = None
    for ciphertext in ciphertexts:
        running = running or CiphertextSum(ciphertext.size)
        running.add(ciphertext)
    if running is None:
        raise ArgumentRefused("ciphertexts", "at least 1", 0)
    return running.total


def centred_secret_sum(secret_sum: Words, hospitals: int) -> Signed:
    """The sum of n = `hospitals` secrets, F-array to int64 (4096,); `DecodingFailed` outside [-n, n]."""
    if secret_sum.dtype != np.uint64 or secret_sum.shape != (RING_DEGREE,):
        raise ArgumentRefused(
            "secret_sum", f"uint64 of ({RING_DEGREE},)", f"{secret_sum.dtype} of {secret_sum.shape}"
        )
    if not 1 <= hospitals <= MAX_HOSPITALS:
        raise ArgumentRefused("hospitals", f"1 to {MAX_HOSPITALS}", hospitals)
    small = secret_sum <= np.uint64(hospitals)
    negative = (secret_sum >= np.uint64(MODULUS - hospitals)) & (secret_sum < np.uint64(MODULUS))
    wrong = np.flatnonzero(~(small | negative))
    if wrong.size:
        actual = f"{int(secret_sum[wrong[0]])} at coefficient {wrong[0]}"
        raise DecodingFailed("sum of secrets", f"[-{hospitals}, {hospitals}] modulo P", actual)
    return np.where(
        negative, -(np.uint64(MODULUS) - secret_sum).astype(np.int64), secret_sum.astype(np.int64)
    )


class SumDecoder:
    """Decodes the sum of n = `hospitals` ciphertexts under the sum of their secrets, piece by piece."""

    def __init__(self, context: MaskContext, secret_sum: Words, hospitals: int) -> None:
        """secret_sum: F-array (4096,); `DecodingFailed` if a coefficient is outside [-n, n]."""
        self._context = context
        self._values = _secret_values(centred_secret_sum(secret_sum, hospitals))
        self._noise, self._bound = hospitals * ERROR_ETA, hospitals * (UPDATE_BOUND - 1)

    def decode(self, ciphertext_sum: Words, start: int = 0) -> Signed:
        """The sum of the updates from the entry `start` (a multiple of 4096) on: int64 (length,) from F-array
        (length,).

        Raises `DecodingFailed` if an entry leaves a residual above 42 n or a sum above n 2^19: then sum and
        secrets do not belong together.
        """
        words = _checked_ciphertext("ciphertext_sum", ciphertext_sum)
        if int(words.max()) >= MODULUS:
            raise ArgumentRefused("ciphertext_sum", f"words below {MODULUS}", int(words.max()))
        if start < 0 or start % RING_DEGREE:
            raise ArgumentRefused("start", f"a multiple of {RING_DEGREE}", start)
        out = np.empty(words.size, np.int64)
        wrong: list[int] = []

        def decode_span(first: int, stop: int) -> None:
            mask = masked(self._context, self._values, start + first, start + stop)
            position = kernels.decode(words[first:stop], mask, out[first:stop], self._noise, self._bound)
            if position >= 0:
                wrong.append(start + first + position)

        over_blocks(words.size, decode_span)
        if wrong:
            expected = f"a multiple of 2^18 up to noise {self._noise}, sum at most {self._bound}"
            raise DecodingFailed("sum of ciphertexts", expected, f"another value at entry {min(wrong)}")
        return out


def decode(context: MaskContext, ciphertext_sum: Words, secret_sum: Words, hospitals: int) -> Signed:
    """The sum of the updates, int64 (length,), from whole sums; see `SumDecoder`."""
    return SumDecoder(context, secret_sum, hospitals).decode(ciphertext_sum)


def _checked_weights(weights: Words, count: int) -> Words:
    if weights.dtype != np.uint64 or weights.shape != (2, count):
        raise ArgumentRefused("weights", f"uint64 of (2, {count})", f"{weights.dtype} of {weights.shape}")
    if int(weights.max()) >= MODULUS:
        raise ArgumentRefused("weights", f"words below {MODULUS}", int(weights.max()))
    return weights


def _plain_functional(
    context: MaskContext, length: int, weights_of: Callable[[int, int], Words]
) -> list[list[int]]:
    """`masked_functional` in plain integers."""
    if length < 1:
        raise ArgumentRefused("length", "at least 1", length)
    masks, weights = (
        mask_values(context, 0, blocks_of(length)),
        _checked_weights(weights_of(0, length), length),
    )
    return reference.masked_functional(masks.tolist(), weights.tolist())


@mirrored(_plain_functional)
def masked_functional(context: MaskContext, length: int, weights_of: Callable[[int, int], Words]) -> Words:
    """The E-array v (2, 4096) with <w, a s> = <v, s> for every secret s, for an E-array w (2, length).

    `weights_of(first, stop)` returns the columns first to stop of w, which may be computed on the way, so
    that they are never all in memory; called on threads, first is a multiple of 4096. For a ready array:
    `lambda first, stop: w[:, first:stop]`.
    """
    if length < 1:
        raise ArgumentRefused("length", "at least 1", length)
    totals: list[Words] = []

    def functional_span(first: int, stop: int) -> None:
        weights = _checked_weights(weights_of(first, stop), stop - first)
        blocks = blocks_of(stop - first)
        rows = np.zeros((2, blocks * RING_DEGREE), np.uint64)
        rows[:, : stop - first] = weights
        masks = mask_values(context, first // RING_DEGREE, blocks)
        total = np.zeros((2, RING_DEGREE), np.uint64)
        for plane in range(2):
            values = rows[plane].reshape(blocks, RING_DEGREE)
            transform_in_place(values)
            kernels.accumulate_reversed(total[plane], masks, values)
        totals.append(total)

    over_blocks(length, functional_span)
    result = np.zeros(2 * RING_DEGREE, np.uint64)
    for total in totals:
        kernels.accumulate(result, total.reshape(-1))
    planes = result.reshape(2, RING_DEGREE)
    transform_back_in_place(planes)
    return planes
