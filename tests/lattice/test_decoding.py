"""Sums of ciphertexts: exact within their bounds, decoded in one way only, refused otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.lattice import decoding, kernels, ring, sampler
from proofward.lattice.errors import ArgumentRefused, DecodingFailed
from proofward.lattice.parameters import (
    ERROR_ETA,
    LARGEST_BOUND,
    LEAST_ADDED,
    MAX_MEMBERS,
    UPDATE_SHIFT,
    ciphertext_length,
    excess_bits,
    last_block,
    zero_slots,
)
from proofward.lattice.parameters import MODULUS as P
from proofward.lattice.parameters import RING_DEGREE as N
from tests.lattice.test_encryption import BOUND, CONTEXT, decode, decoder_of, encrypted, lifted, secret_sum


@settings(max_examples=25)
@given(
    length=st.integers(1, 5 * N),
    cuts=st.sets(st.integers(1, 4), max_size=4),
    wrong=st.sets(st.integers(0, 5 * N - 1), max_size=3),
)
def test_pieces_decode_as_the_whole_does(length: int, cuts: set[int], wrong: set[int]) -> None:
    plain, parts = encrypted(length, 2, length)
    total, sums = decoding.aggregate(p.ciphertext for p in parts), secret_sum(parts)
    whole = ciphertext_length(length)
    altered = sorted(entry for entry in wrong if entry < whole)
    for entry in altered:
        total[entry] = (int(total[entry]) + 2**17) % P
    bounds = [0, *(N * cut for cut in sorted(cuts) if N * cut < whole), whole]
    pieces = list(itertools.pairwise(bounds))
    decoder = decoder_of(sums, 2, length)

    def in_pieces() -> np.ndarray:
        return np.concatenate([decoder.decode(total[first:stop], first) for first, stop in pieces])

    if not altered:
        assert np.array_equal(in_pieces(), sum(plain))
        assert np.array_equal(decode(total, sums, 2, length), sum(plain))
        return
    messages = []
    for way in (in_pieces, lambda: decode(total, sums, 2, length)):
        with pytest.raises(DecodingFailed, match=f"entry {altered[0]}$") as caught:
            way()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_pieces_begin_at_blocks() -> None:
    decoder = decoder_of(np.zeros(N, np.uint64), 1, 1)
    for start in (-N, 1, N - 1):
        with pytest.raises(ArgumentRefused, match="start"):
            decoder.decode(np.zeros(1, np.uint64), start)
    for start, size in ((0, LEAST_ADDED + 2), (N, 1)):
        with pytest.raises(ArgumentRefused, match="at most 2049 entries"):
            decoder.decode(np.zeros(size, np.uint64), start)
    with pytest.raises(ArgumentRefused, match="2049 entries"):
        decode(np.zeros(LEAST_ADDED, np.uint64), np.zeros(N, np.uint64), 1, 1)


def test_noise_of_42_n_decodes_and_one_more_is_refused() -> None:
    zero, sums = np.zeros(ciphertext_length(3), np.uint64), np.zeros(N, np.uint64)
    for excess in (2 * ERROR_ETA, P - 2 * ERROR_ETA):
        words = zero.copy()
        words[1] = words[-1] = excess
        assert decode(words, sums, 2, 3).tolist() == [0, 0, 0]
    for excess in (2 * ERROR_ETA + 1, P - 2 * ERROR_ETA - 1, 2**17, 2**63, P // 2, P // 2 + 1):
        for entry in (1, 3, zero.size - 1):  # the last two are added entries
            words = zero.copy()
            words[entry] = excess
            with pytest.raises(DecodingFailed, match=f"entry {entry}$"):
                decode(words, sums, 2, 3)


def test_a_sum_above_its_bound_is_refused() -> None:
    words, sums = np.zeros(ciphertext_length(1), np.uint64), np.zeros(N, np.uint64)
    words[0] = (BOUND + 1) << 18
    with pytest.raises(DecodingFailed, match="sum at most"):
        decode(words, sums, 1, 1)
    assert decode(words, sums, 1, 1, BOUND + 1).tolist() == [BOUND + 1]
    assert decode(words, sums, 2, 1).tolist() == [BOUND + 1]


@pytest.mark.parametrize("value", [1, -1, 5, BOUND])
@pytest.mark.parametrize("entry", [3, 100, LEAST_ADDED + 2])
def test_added_entries_must_hold_exactly_zero(value: int, entry: int) -> None:
    words, sums = np.zeros(ciphertext_length(3), np.uint64), np.zeros(N, np.uint64)
    words[entry] = (value << 18) % P
    with pytest.raises(DecodingFailed, match=f"0 in an added entry.*entry {entry}$"):
        decode(words, sums, 2, 3)
    longer = np.append(words, np.zeros(ciphertext_length(entry + 1) - words.size, np.uint64))
    if entry < N - LEAST_ADDED:
        assert decode(longer, sums, 2, entry + 1)[entry] == value


def test_bounds_of_decoders_are_checked() -> None:
    sums = np.zeros(N, np.uint64)
    for bound in (-1, 2 * LARGEST_BOUND):
        with pytest.raises(ArgumentRefused, match="bound"):
            decoding.SumDecoder(CONTEXT, sums, hospitals=2, parameters=1, bound=bound)
    with pytest.raises(ArgumentRefused, match="parameters"):
        decoding.SumDecoder(CONTEXT, sums, hospitals=2, parameters=0, bound=1)


def test_a_wrong_secret_sum_an_altered_sum_and_another_context_are_refused() -> None:
    _, parts = encrypted(5, 4, N + 9)
    total, sums = decoding.aggregate(p.ciphertext for p in parts), secret_sum(parts)
    other = sums.copy()
    other[17] = (int(other[17]) + 1) % P if int(other[17]) != 4 else 3
    altered = total.copy()
    altered[N + 3] = (int(altered[N + 3]) + 2**17) % P
    dropped = decoding.aggregate(p.ciphertext for p in parts[:3])
    for words, secret, context in (
        (total, other, CONTEXT),
        (altered, sums, CONTEXT),
        (dropped, sums, CONTEXT),
        (total, sums, sampler.MaskContext(CONTEXT.beacon, 2)),
    ):
        with pytest.raises(DecodingFailed):
            decoding.decode(context, words, secret, hospitals=4, parameters=N + 9, bound=4 * BOUND)


@pytest.mark.parametrize("value", [5, P - 5, P - 1 - 2**40, P, 2**64 - 1])
def test_secret_sums_out_of_range_are_refused_with_their_place(value: int) -> None:
    sums = np.zeros(N, np.uint64)
    sums[100] = value
    with pytest.raises(DecodingFailed, match="coefficient 100") as caught:
        decoding.centred_secret_sum(sums, 4)
    assert str(value) in str(caught.value.actual)


def test_secret_sums_in_range_are_centred() -> None:
    sums = np.zeros(N, np.uint64)
    sums[:4] = [4, P - 4, P - 1, 1]
    assert decoding.centred_secret_sum(sums, 4)[:5].tolist() == [4, -4, -1, 1, 0]


@pytest.mark.parametrize("hospitals", [0, -1, MAX_MEMBERS + 1])
def test_numbers_of_hospitals_are_checked(hospitals: int) -> None:
    with pytest.raises(ArgumentRefused, match="hospitals"):
        decode(np.zeros(LEAST_ADDED + 1, np.uint64), np.zeros(N, np.uint64), hospitals, 1)


def test_strange_ciphertexts_are_refused_and_leave_the_sum_alone() -> None:
    running = decoding.CiphertextSum(3)
    running.add(np.array([1, 2, P - 1], np.uint64))
    for bad in (np.array([0, P, 0], np.uint64), np.zeros(4, np.uint64), np.zeros(3, np.int64)):
        with pytest.raises(ArgumentRefused, match="ciphertext"):
            running.add(bad)
    running.add(np.array([1, P - 2, P - 1], np.uint64))
    assert running.total.tolist() == [2, 0, P - 2]
    assert running.count == 2
    running.count = MAX_MEMBERS
    with pytest.raises(ArgumentRefused, match="ciphertexts"):
        running.add(np.zeros(3, np.uint64))


def test_nothing_to_add_is_refused() -> None:
    with pytest.raises(ArgumentRefused):
        decoding.aggregate([])
    with pytest.raises(ArgumentRefused):
        decoding.CiphertextSum(0)


def test_the_accumulating_kernel_counts_words_that_are_not_canonical() -> None:
    assert kernels.accumulate(np.zeros(4, np.uint64), np.array([0, P - 1, P, 2**64 - 1], np.uint64)) == 2


def summed(hospitals: int, parameters: int, bound: int, seed: int = 1):  # type: ignore[no-untyped-def]
    """The sum of so many ciphertexts: masks as they are, and sums of secrets, errors and updates in their ranges."""
    rng = np.random.default_rng(seed)
    secret = rng.binomial(2 * hospitals, 0.5, N) - hospitals
    length = ciphertext_length(parameters)
    error = rng.binomial(2 * ERROR_ETA * hospitals, 0.5, length) - ERROR_ETA * hospitals
    update = rng.integers(-hospitals * bound // 2, hospitals * bound // 2, parameters)
    blocks = -(-length // N)
    masks = ring.to_coefficients(sampler.mask_values(CONTEXT, 0, blocks))
    products = ring.product(masks, np.tile(lifted(secret), (blocks, 1))).reshape(-1)
    total = products[:length].astype(object) + error
    total[:parameters] += update.astype(object) << UPDATE_SHIFT
    return masks, secret, update, (total % P).astype(np.uint64)


def other_secrets(secret: np.ndarray, hospitals: int) -> list[np.ndarray]:
    """Sums of secrets in range: near the right one, far from it, and structured."""
    rng = np.random.default_rng(2)
    near = []
    for step, place in ((1, 0), (-1, N - 1), (2, 17), (hospitals, 5)):
        changed = secret.copy()
        changed[place] += step if abs(changed[place] + step) <= hospitals else -step
        near.append(changed)
    ones = np.clip(secret + 1, -hospitals, hospitals)
    far = [rng.integers(-hospitals, hospitals + 1, N) for _ in range(3)]
    return [*near, ones, -secret, np.zeros(N, np.int64), np.roll(secret, 1), *far]


@pytest.mark.parametrize("hospitals", [10, 1000])
@pytest.mark.parametrize("parameters", [4, N - LEAST_ADDED, N])
def test_a_sum_decodes_under_one_secret_only(hospitals: int, parameters: int) -> None:
    _, secret, update, total = summed(hospitals, parameters, 1 << 15)
    bound = 1 << 15
    assert decode(total, lifted(secret), hospitals, parameters, bound).tolist() == update.tolist()
    for other in other_secrets(secret, hospitals):
        with pytest.raises(DecodingFailed):
            decode(total, lifted(other), hospitals, parameters, bound)


def test_four_entries_alone_would_decode_under_another_secret() -> None:
    """Why there are added entries: with 3000 hospitals and 4 parameters another secret is found at once."""
    hospitals, bound = 3000, LARGEST_BOUND - 1
    masks, secret, update, total = summed(hospitals, 4, bound)
    rng = np.random.default_rng(3)
    mask = ring.product(masks[0], lifted(secret))[:4].astype(object)
    for _ in range(100_000):
        one, two = (int(x) for x in rng.integers(4, N, 2))
        # the product of the mask with X^one + X^two at the entries 0 .. 3: X^4096 = -1
        shift = [-int(masks[0][N + i - one]) - int(masks[0][N + i - two]) for i in range(4)]
        moved = np.array([(mask[i] + shift[i]) % P for i in range(4)], dtype=np.uint64)
        forged = np.empty(4, np.int64)
        if kernels.decode(total[:4], moved, forged, hospitals * ERROR_ETA, hospitals * bound) < 0:
            break
    else:
        raise AssertionError("no other secret found")
    other = secret.copy()
    other[one] += 1
    other[two] += 1
    assert np.abs(other).max() <= hospitals and not np.array_equal(forged, update)
    assert np.array_equal(ring.product(masks[0], lifted(other))[:4], moved)
    with pytest.raises(DecodingFailed, match="0 in an added entry"):
        decode(total, lifted(other), hospitals, 4, bound)
    assert decode(total, lifted(secret), hospitals, 4, bound).tolist() == update.tolist()


@pytest.mark.parametrize("parameters", [1, 4, N - LEAST_ADDED, N - LEAST_ADDED + 1, N - 1, N, 2 * N + 7])
def test_added_entries_are_few_and_side_by_side_in_the_last_block(parameters: int) -> None:
    length = ciphertext_length(parameters)
    assert LEAST_ADDED <= length - parameters < N
    start = last_block(parameters)
    assert start % N == 0 and 0 < length - start <= N
    assert length - max(parameters, start) >= LEAST_ADDED


def test_the_expected_number_of_other_decodings_is_negligible() -> None:
    assert excess_bits(3120) < -36_000 and excess_bits(MAX_MEMBERS) < -28_000
    assert excess_bits(2) < excess_bits(1000) < excess_bits(3000)
    for hospitals in (2, 10, 1000, MAX_MEMBERS):
        # the norm (2n * 64)^4096 is not divisible by P more often than this
        assert P ** zero_slots(hospitals) > (2 * hospitals * 64) ** N
        assert N - zero_slots(hospitals) >= LEAST_ADDED
