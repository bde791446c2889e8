from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import threads as field_threads
from proofward.lattice import decoding, encryption, reference, ring, sampler
from proofward.lattice.errors import ArgumentRefused, DecodingFailed
from proofward.lattice.parameters import (
    CERTAIN_HOSPITALS,
    ERROR_ETA,
    LARGEST_BOUND,
    LARGEST_NOISE,
    LEAST_ADDED,
    MAX_MEMBERS,
    MOST_CHOSEN,
    UPDATE_SHIFT,
    ciphertext_length,
    noise_bound,
    spread,
)
from proofward.lattice.parameters import MODULUS as P
from proofward.lattice.parameters import RING_DEGREE as N

CONTEXT = sampler.MaskContext(b"b" * 32, 1)
LENGTHS = [1, 2, N - LEAST_ADDED, N - LEAST_ADDED + 1, N - 1, N, N + 1, 2 * N, 16 * N + 3]
BOUND = 2**19 - 1


def source(name: str) -> Callable[[int], bytes]:
    return lambda size: hashlib.shake_256(name.encode()).digest(size)


def lifted(values: np.ndarray) -> ring.Words:
    return np.array([int(v) % P for v in values], dtype=np.uint64)


def functional_of(weights: ring.Words) -> ring.Words:
    return encryption.masked_functional(CONTEXT, weights.shape[1], lambda first, stop: weights[:, first:stop])


def updates(seed: int, count: int, length: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-BOUND, BOUND + 1, length) for _ in range(count)]


def encrypted(seed: int, count: int, length: int) -> tuple[list[np.ndarray], list[encryption.Encryption]]:
    plain = updates(seed, count, length)
    return plain, [encryption.encrypt(CONTEXT, u, BOUND, source(f"{seed}/{i}")) for i, u in enumerate(plain)]


def secret_sum(parts: list[encryption.Encryption]) -> ring.Words:
    return lifted(sum(part.secret.astype(np.int64) for part in parts))


def decode(
    words: ring.Words, sums: ring.Words, hospitals: int, parameters: int, bound: int = BOUND
) -> np.ndarray:
    """The whole sum, by the bound of every hospital."""
    return decoding.decode(
        CONTEXT, words, sums, hospitals=hospitals, parameters=parameters, bound=hospitals * bound
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_sums_decode_exactly_for_every_length(length: int) -> None:
    plain, parts = encrypted(length, 3, length)
    total = decoding.aggregate(part.ciphertext for part in parts)
    assert total.shape == (ciphertext_length(length),)
    assert np.array_equal(decode(total, secret_sum(parts), 3, length), sum(plain))


def decoder_of(sums: ring.Words, hospitals: int, parameters: int) -> decoding.SumDecoder:
    return decoding.SumDecoder(
        CONTEXT, sums, hospitals=hospitals, parameters=parameters, bound=hospitals * BOUND
    )


def test_blocks_are_those_of_the_specification() -> None:
    length = N + 5
    (plain,), (part,) = encrypted(1, 1, length)
    masks = ring.to_coefficients(sampler.mask_values(CONTEXT, 0, 2))
    sparse_product = ring.product(masks, lifted(part.secret))
    whole = ciphertext_length(length)
    message = np.append(plain, np.zeros(whole - length, np.int64))
    for block, first in enumerate((0, N)):
        stop = min(first + N, whole)
        expected = [
            (int(sparse_product[block, i - first]) + int(part.error[i]) + (int(message[i]) << 18)) % P
            for i in range(first, stop)
        ]
        assert [int(v) for v in part.ciphertext[first:stop]] == expected


def test_one_block_against_the_schoolbook() -> None:
    secret, error = np.zeros(N, np.int8), np.zeros(ciphertext_length(7), np.int8)
    secret[[0, 9, N - 1]], error[:2], error[-1] = [1, -1, -1], [ERROR_ETA, -ERROR_ETA], -ERROR_ETA
    update = np.array([0, 1, -1, BOUND, -BOUND, 5, -5])
    mask = [int(v) for v in ring.to_coefficients(sampler.mask_values(CONTEXT, 0, 1))[0]]
    sparse = [int(v) for v in secret]
    message = [*update.tolist(), *[0] * (error.size - 7)]
    expected = reference.encrypt_block(sparse, mask, error.tolist(), message)
    assert [int(v) for v in encryption.encrypt_with(CONTEXT, update, BOUND, secret, error)] == expected


def test_a_witness_gives_its_ciphertext_again() -> None:
    (plain,), (part,) = encrypted(2, 1, N + 1)
    again = encryption.encrypt_with(CONTEXT, plain, BOUND, part.secret, part.error)
    assert np.array_equal(again, part.ciphertext)


def test_threads_do_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    length = 40 * N + 17
    results = []
    for threads in (1, 3):
        monkeypatch.setattr(field_threads, "thread_count", lambda threads=threads: threads)
        (plain,), (part,) = encrypted(3, 1, length)
        weights = np.random.default_rng(4).integers(0, P, (2, length), dtype=np.uint64)
        functional = functional_of(weights)
        decoded = decode(part.ciphertext, secret_sum([part]), 1, length)
        results.append((part.ciphertext, part.error, functional, decoded))
        assert np.array_equal(decoded, plain)
    for one, three in zip(*results, strict=True):
        assert np.array_equal(one, three)


@settings(max_examples=15)
@given(st.lists(st.integers(-BOUND, BOUND), min_size=1, max_size=30), st.binary(max_size=8))
def test_encryption_round_trip(values: list[int], name: bytes) -> None:
    part = encryption.encrypt(CONTEXT, np.array(values), BOUND, source(name.hex()))
    decoded = decode(part.ciphertext, lifted(part.secret), 1, len(values))
    assert decoded.tolist() == values


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_with_the_largest_noise_decodes(sign: int) -> None:
    largest = LARGEST_BOUND - 1
    update = np.full(5, sign * largest)
    secret = np.full(N, sign, np.int8)
    error = np.full(ciphertext_length(5), sign * ERROR_ETA, np.int8)
    one = encryption.encrypt_with(CONTEXT, update, largest, secret, error)
    total = np.array([int(v) * CERTAIN_HOSPITALS % P for v in one], dtype=np.uint64)
    sums = np.full(N, sign * CERTAIN_HOSPITALS % P, np.uint64)
    got = decode(total, sums, CERTAIN_HOSPITALS, 5, largest)
    assert got.tolist() == [sign * CERTAIN_HOSPITALS * largest] * 5


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_of_the_most_hospitals_decodes_up_to_the_noise_that_rounding_takes(sign: int) -> None:
    message = sign * MAX_MEMBERS * (LARGEST_BOUND - 1)
    words = np.zeros(ciphertext_length(3), np.uint64)
    words[:3] = (message * 2**UPDATE_SHIFT + sign * LARGEST_NOISE) % P
    nothing = np.zeros(N, np.uint64)
    assert decode(words, nothing, MAX_MEMBERS, 3, LARGEST_BOUND - 1).tolist() == [message] * 3
    words[1] = (int(words[1]) + sign) % P
    with pytest.raises(DecodingFailed, match="entry 1"):
        decode(words, nothing, MAX_MEMBERS, 3, LARGEST_BOUND - 1)


def test_the_noise_of_many_stays_within_what_rounding_takes_whoever_chooses_errors() -> None:
    assert noise_bound(CERTAIN_HOSPITALS) == ERROR_ETA * CERTAIN_HOSPITALS < noise_bound(MAX_MEMBERS) == LARGEST_NOISE
    for hospitals in (CERTAIN_HOSPITALS + 1, 5000, MAX_MEMBERS):
        assert ERROR_ETA * MOST_CHOSEN + spread(hospitals - MOST_CHOSEN) <= LARGEST_NOISE
    honest = np.random.default_rng(1).binomial(84, 0.5, (500, MAX_MEMBERS)).sum(axis=1) - 42 * MAX_MEMBERS
    assert 300 < honest.std() < 700 and np.abs(honest).max() < spread(MAX_MEMBERS) / 3


@pytest.mark.parametrize("value", [BOUND + 1, -BOUND - 1, 2**62, -(2**63)])
def test_updates_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(ArgumentRefused, match="update") as caught:
        encryption.encrypt(CONTEXT, np.array([0, value]), BOUND, source("x"))
    assert caught.value.actual == abs(value)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_bound_itself_can_be_encrypted(sign: int) -> None:
    """One bound for relation, encryption and decoder: what is at most B in magnitude, both ends included."""
    for bound in (0, 1, BOUND, LARGEST_BOUND - 1):
        part = encryption.encrypt(CONTEXT, np.array([sign * bound, 0]), bound, source("x"))
        assert decode(part.ciphertext, lifted(part.secret), 1, 2, bound).tolist() == [sign * bound, 0]
    for bound in (-1, LARGEST_BOUND):
        with pytest.raises(ArgumentRefused, match="bound"):
            encryption.encrypt(CONTEXT, np.zeros(1, np.int64), bound, source("x"))


@pytest.mark.parametrize("update", [np.zeros(0, np.int64), np.zeros(3, np.int32), np.zeros((2, 2), np.int64)])
def test_other_updates_are_refused(update: np.ndarray) -> None:
    with pytest.raises(ArgumentRefused, match="update"):
        encryption.encrypt(CONTEXT, update, BOUND, source("x"))


def test_witnesses_out_of_range_are_refused() -> None:
    update, secret = np.zeros(4, np.int64), np.zeros(N, np.int8)
    length = ciphertext_length(4)
    error = np.zeros(length, np.int8)
    for bad in (np.full(N, 2, np.int8), np.full(N, -128, np.int8), np.zeros(N - 1, np.int8)):
        with pytest.raises(ArgumentRefused, match="secret"):
            encryption.encrypt_with(CONTEXT, update, BOUND, bad, error)
    for bad in (np.full(length, 43, np.int8), np.full(length, -128, np.int8), np.zeros(4, np.int8)):
        with pytest.raises(ArgumentRefused, match="error"):
            encryption.encrypt_with(CONTEXT, update, BOUND, secret, bad)


@pytest.mark.parametrize("length", LENGTHS)
def test_masked_functional_is_the_functional_of_the_mask(length: int) -> None:
    rng = np.random.default_rng(length)
    weights = rng.integers(0, P, (2, length), dtype=np.uint64)
    weights[:, -1] = P - 1
    secret = rng.integers(-1, 2, N).astype(np.int8)
    error = np.zeros(ciphertext_length(length), np.int8)
    mask = encryption.encrypt_with(CONTEXT, np.zeros(length, np.int64), 0, secret, error)[:length]
    moved = functional_of(weights)
    assert moved.shape == (2, N)
    for plane in range(2):
        direct = sum(int(w) * int(m) for w, m in zip(weights[plane], mask, strict=True)) % P
        assert sum(int(v) * int(s) for v, s in zip(moved[plane], secret, strict=True)) % P == direct


def test_streamed_weights_give_the_same_functional_and_are_checked() -> None:
    weights = np.random.default_rng(1).integers(0, P, (2, N + 1), dtype=np.uint64)
    streamed = encryption.masked_functional(CONTEXT, N + 1, lambda first, stop: weights[:, first:stop].copy())
    assert np.array_equal(streamed, functional_of(weights))
    with pytest.raises(ArgumentRefused, match="weights"):
        encryption.masked_functional(CONTEXT, 5, lambda first, stop: np.zeros((2, 4), np.uint64))
    with pytest.raises(ArgumentRefused, match="weights"):
        functional_of(np.full((2, 5), P, np.uint64))
    with pytest.raises(ArgumentRefused, match="length"):
        encryption.masked_functional(CONTEXT, 0, lambda first, stop: weights)


def test_equal_updates_have_unrelated_ciphertexts() -> None:
    update = np.zeros(2 * N, np.int64)
    first, second = (
        encryption.encrypt(CONTEXT, update, BOUND, source(name)).ciphertext for name in ("a", "b")
    )
    assert not np.any(first == second)
    high = np.concatenate([first, second]) >> np.uint64(60)
    counts, mean = np.bincount(high.astype(np.int64), minlength=16), high.size / 16
    assert all(abs(int(c) - mean) < 6 * mean**0.5 for c in counts)
