"""Encryption of updates under one fresh secret per hospital and round.

What it does   y_j = a_j s + e_j + 2^18 U_j for the blocks U_j of 4096 entries. Behind the parameters come
               added entries, at least `LEAST_ADDED` of them in the last block: they encrypt 0, which the
               proof of every ciphertext shows and `proofward.lattice.decoding` demands of every sum.
Bounds         |U| <= B, the hospital's public bound: one number for the proof, for `encrypt` and, as the
               sum of the B's of a set, for the decoder.
Hides          each update but not their sum, by ring-LWE; `proofward.lattice.security` has the argument. A
               secret encrypts once: every attempt of a round takes a fresh beacon and a fresh secret.
Streams        all functions work on a few blocks at a time on threads; memory is that of inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.field.extension import DEGREE, zeros
from proofward.field.reference import mirrored
from proofward.lattice import kernels, reference
from proofward.lattice.errors import ArgumentRefused
from proofward.lattice.parameters import (
    ERROR_ETA,
    LARGEST_BOUND,
    MODULUS,
    RING_DEGREE,
    ciphertext_length,
)
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
    """A ciphertext, F-array (length,), with its witness: secret int8 (4096,) and error int8 (length,).

    length = `ciphertext_length` of the parameters.
    """

    ciphertext: Words
    secret: NDArray[np.int8]
    error: NDArray[np.int8]


def _extreme(values: NDArray[np.signedinteger]) -> int:
    return max(int(values.max()), -int(values.min()))


def _checked_update(update: Signed, bound: int) -> Signed:
    if update.dtype != np.int64 or update.ndim != 1 or update.size == 0:
        expected = "int64 of (parameters,), not empty"
        raise ArgumentRefused("update", expected, f"{update.dtype} of {update.shape}")
    if not 0 <= bound < LARGEST_BOUND:
        raise ArgumentRefused("bound", f"0 to {LARGEST_BOUND - 1}", bound)
    if _extreme(update) > bound:
        raise ArgumentRefused("update", f"entries of at most {bound} in magnitude", _extreme(update))
    return np.ascontiguousarray(update)


def secret_values(secret: NDArray[np.signedinteger]) -> Words:
    """The transform of a secret or of a sum of secrets: F-array (1, 4096)."""
    wide = secret.astype(np.int64)
    lifted = wide.view(np.uint64) + np.where(wide < 0, np.uint64(MODULUS), np.uint64(0))
    rows = lifted.reshape(1, RING_DEGREE)
    transform_in_place(rows)
    return rows


def masked(context: MaskContext, values: Words, first: int, stop: int) -> Words:
    """a s on the blocks that cover entries first (a multiple of 4096) to stop: F-array (stop - first,)."""
    rows = mask_values(context, first // RING_DEGREE, blocks_of(stop - first))
    kernels.multiply_rows(rows, values)
    transform_back_in_place(rows)
    return rows.reshape(-1)[: stop - first]


def _message(update: Signed, first: int, stop: int) -> Signed:
    """Entries first to stop of the update and the zeros behind it."""
    part = update[first:stop]
    return (
        part if part.size == stop - first else np.append(part, np.zeros(stop - first - part.size, np.int64))
    )


def _encrypt(
    context: MaskContext,
    update: Signed,
    secret: NDArray[np.int8],
    error: NDArray[np.int8],
    sample: Callable[[int, int], None] | None,
) -> Words:
    values, out = secret_values(secret), np.empty(error.size, np.uint64)

    def encrypt_span(first: int, stop: int) -> None:
        if sample is not None:
            sample(first, stop)
        words = masked(context, values, first, stop)
        kernels.add_message(words, error[first:stop], _message(update, first, stop))
        out[first:stop] = words

    over_blocks(error.size, encrypt_span)
    return out


def encrypt_with(
    context: MaskContext, update: Signed, bound: int, secret: NDArray[np.int8], error: NDArray[np.int8]
) -> Words:
    """The ciphertext of a given secret and error, F-array (length,): what the proof's relation recomputes."""
    update = _checked_update(update, bound)
    if secret.dtype != np.int8 or secret.shape != (RING_DEGREE,) or _extreme(secret) > 1:
        raise ArgumentRefused(
            "secret", f"int8 of ({RING_DEGREE},) in [-1, 1]", f"{secret.dtype} of {secret.shape}"
        )
    length = ciphertext_length(update.size)
    if error.dtype != np.int8 or error.shape != (length,) or _extreme(error) > ERROR_ETA:
        expected = f"int8 of ({length},) in [-{ERROR_ETA}, {ERROR_ETA}]"
        raise ArgumentRefused("error", expected, f"{error.dtype} of {error.shape}")
    return _encrypt(context, update, secret, np.ascontiguousarray(error), None)


def encrypt(context: MaskContext, update: Signed, bound: int, rng: Rng) -> Encryption:
    """Encrypts int64 (parameters,), entries of at most `bound`; draws one seed of 32 bytes from `rng`.

    `rng` must be cryptographic, and the result of one call must never be replaced by another under the same
    context: keep it, and send the same bytes again.
    """
    update = _checked_update(update, bound)
    seed = draw(rng, 32)
    secret, key = ternary_secret(seed), error_key(seed)
    error = np.empty(ciphertext_length(update.size), np.int8)

    def sample(first: int, stop: int) -> None:
        for start in range(first, stop, RING_DEGREE):
            error_block(key, start // RING_DEGREE, error[start : start + RING_DEGREE])

    return Encryption(_encrypt(context, update, secret, error, sample), secret, error)


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
        rows = zeros(blocks * RING_DEGREE)
        rows[:, : stop - first] = weights
        masks = mask_values(context, first // RING_DEGREE, blocks)
        total = zeros(RING_DEGREE)
        for plane in range(DEGREE):
            values = rows[plane].reshape(blocks, RING_DEGREE)
            transform_in_place(values)
            kernels.accumulate_reversed(total[plane], masks, values)
        totals.append(total)

    over_blocks(length, functional_span)
    result = np.zeros(DEGREE * RING_DEGREE, np.uint64)
    for total in totals:
        kernels.accumulate(result, total.reshape(-1))
    planes = result.reshape(DEGREE, RING_DEGREE)
    transform_back_in_place(planes)
    return planes
