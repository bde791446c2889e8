"""Sums of ciphertexts, and their decoding under the sum of the secrets.

Exact          |sum e| <= `noise_bound` and |sum U| <= sum of the bounds, see `lattice.parameters`: the sum
               of the secrets gives the sum of the updates without error.
One decoding   A sum decodes under one S only. Two of them differ by d != 0 with |d_i| <= 2n. On every added
               entry both leave a residual of at most that, of a message that must be 0, so |a d| is at most
               twice that there. For a uniform mask a the expected number of such d is below
               2^`excess_bits`, less than 2^-28000 for 12000 hospitals. The beacon draws the masks.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from proofward.lattice import kernels
from proofward.lattice.encryption import masked, secret_values
from proofward.lattice.errors import ArgumentRefused, DecodingFailed
from proofward.lattice.parameters import (
    LARGEST_BOUND,
    MAX_MEMBERS,
    MODULUS,
    RING_DEGREE,
    ciphertext_length,
    noise_bound,
)
from proofward.lattice.ring import Words
from proofward.lattice.sampler import MaskContext
from proofward.lattice.streaming import over_blocks

Signed = NDArray[np.int64]


def _checked_ciphertext(field: str, words: Words, length: int | None = None) -> Words:
    if words.dtype != np.uint64 or words.ndim != 1 or words.size == 0 or length not in (None, words.size):
        expected = f"uint64 of ({'length' if length is None else length},), not empty"
        raise ArgumentRefused(field, expected, f"{words.dtype} of {words.shape}")
    return np.ascontiguousarray(words)


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
        if self.count >= MAX_MEMBERS:
            raise ArgumentRefused("ciphertexts", f"at most {MAX_MEMBERS}", self.count + 1)
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
    if not 1 <= hospitals <= MAX_MEMBERS:
        raise ArgumentRefused("hospitals", f"1 to {MAX_MEMBERS}", hospitals)
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
    """Decodes the sum of n = `hospitals` ciphertexts under the sum of their secrets, piece by piece.

    bound: the sum of the bounds of the hospitals' updates.
    """

    def __init__(
        self, context: MaskContext, secret_sum: Words, *, hospitals: int, parameters: int, bound: int
    ) -> None:
        """secret_sum: F-array (4096,); `DecodingFailed` if a coefficient is outside [-n, n]."""
        self._context = context
        self._values = secret_values(centred_secret_sum(secret_sum, hospitals))
        if not 0 <= bound <= hospitals * (LARGEST_BOUND - 1):
            raise ArgumentRefused("bound", f"0 to {hospitals * (LARGEST_BOUND - 1)}", bound)
        if parameters < 1:
            raise ArgumentRefused("parameters", "at least 1", parameters)
        self._noise, self._bound = noise_bound(hospitals), bound
        self._parameters, self._length = parameters, ciphertext_length(parameters)

    def decode(self, ciphertext_sum: Words, start: int = 0) -> Signed:
        """The sum of the updates in a piece of the sum of ciphertexts that begins at the entry `start`.

        `start` is a multiple of 4096. The result is int64 (entries,) without the added entries, which are
        behind the parameters and must hold exactly 0. A sum is decoded when all its pieces are.

        Raises `DecodingFailed` if an entry leaves a residual above the noise, a sum above the bound, or an
        added entry another value than 0: then sum and secrets do not belong together.
        """
        words = _checked_ciphertext("ciphertext_sum", ciphertext_sum)
        if int(words.max()) >= MODULUS:
            raise ArgumentRefused("ciphertext_sum", f"words below {MODULUS}", int(words.max()))
        if start < 0 or start % RING_DEGREE:
            raise ArgumentRefused("start", f"a multiple of {RING_DEGREE}", start)
        if start + words.size > self._length:
            raise ArgumentRefused("ciphertext_sum", f"at most {self._length} entries", start + words.size)
        out = np.empty(words.size, np.int64)
        wrong: list[int] = []

        def decode_span(first: int, stop: int) -> None:
            mask = masked(self._context, self._values, start + first, start + stop)
            middle = min(max(self._parameters - start, first), stop)
            for low, high, bound in ((first, middle, self._bound), (middle, stop, 0)):
                part = slice(low - first, high - first)
                at = kernels.decode(words[low:high], mask[part], out[low:high], self._noise, bound)
                if at >= 0:
                    wrong.append(start + low + at)
                    return

        over_blocks(words.size, decode_span)
        if wrong:
            expected = f"a multiple of 2^18 up to noise {self._noise}, sum at most {self._bound}"
            if min(wrong) >= self._parameters:
                expected = f"0 in an added entry, up to noise {self._noise}"
            raise DecodingFailed("sum of ciphertexts", expected, f"another value at entry {min(wrong)}")
        return out[: max(0, self._parameters - start)]


def decode(
    context: MaskContext,
    ciphertext_sum: Words,
    secret_sum: Words,
    *,
    hospitals: int,
    parameters: int,
    bound: int,
) -> Signed:
    """The sum of the updates, int64 (parameters,), from whole sums; see `SumDecoder`."""
    decoder = SumDecoder(context, secret_sum, hospitals=hospitals, parameters=parameters, bound=bound)
    if ciphertext_sum.size != ciphertext_length(parameters):
        expected = f"{ciphertext_length(parameters)} entries"
        raise ArgumentRefused("ciphertext_sum", expected, ciphertext_sum.size)
    return decoder.decode(ciphertext_sum)
