from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.lattice import encryption, kernels, reference, ring, sampler
from proofward.lattice.errors import ArgumentRefused, DecodingFailed
from proofward.lattice.parameters import ERROR_ETA, MAX_HOSPITALS, UPDATE_BOUND
from proofward.lattice.parameters import MODULUS as P
from proofward.lattice.parameters import RING_DEGREE as N

CONTEXT = sampler.MaskContext(b"b" * 32, 1)
LENGTHS = [1, 2, N - 1, N, N + 1, 2 * N, 16 * N + 3]


def source(name: str) -> Callable[[int], bytes]:
    return lambda size: hashlib.shake_256(name.encode()).digest(size)


def lifted(values: np.ndarray) -> ring.Words:
    return np.array([int(v) % P for v in values], dtype=np.uint64)


def functional_of(weights: ring.Words) -> ring.Words:
    return encryption.masked_functional(CONTEXT, weights.shape[1], lambda first, stop: weights[:, first:stop])


def updates(seed: int, count: int, length: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1 - UPDATE_BOUND, UPDATE_BOUND, length) for _ in range(count)]


def encrypted(seed: int, count: int, length: int) -> tuple[list[np.ndarray], list[encryption.Encryption]]:
    plain = updates(seed, count, length)
    return plain, [encryption.encrypt(CONTEXT, u, source(f"{seed}/{i}")) for i, u in enumerate(plain)]


def secret_sum(parts: list[encryption.Encryption]) -> ring.Words:
    return lifted(sum(part.secret.astype(np.int64) for part in parts))


@pytest.mark.parametrize("length", LENGTHS)
def test_sums_decode_exactly_for_every_length(length: int) -> None:
    plain, parts = encrypted(length, 3, length)
    total = encryption.aggregate(part.ciphertext for part in parts)
    assert total.shape == (length,)
    assert np.array_equal(encryption.decode(CONTEXT, total, secret_sum(parts), 3), sum(plain))


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(1, 5 * N),
    cuts=st.sets(st.integers(1, 4), max_size=4),
    wrong=st.sets(st.integers(0, 5 * N - 1), max_size=3),
)
def test_pieces_decode_as_the_whole_does(length: int, cuts: set[int], wrong: set[int]) -> None:
    plain, parts = encrypted(length, 2, length)
    total, sums = encryption.aggregate(p.ciphertext for p in parts), secret_sum(parts)
    altered = sorted(entry for entry in wrong if entry < length)
    for entry in altered:
        total[entry] = (int(total[entry]) + 2**17) % P
    bounds = [0, *(N * cut for cut in sorted(cuts) if N * cut < length), length]
    pieces = list(itertools.pairwise(bounds))
    decoder = encryption.SumDecoder(CONTEXT, sums, 2)

    def in_pieces() -> np.ndarray:
        return np.concatenate([decoder.decode(total[first:stop], first) for first, stop in pieces])

    if not altered:
        assert np.array_equal(in_pieces(), sum(plain))
        assert np.array_equal(encryption.decode(CONTEXT, total, sums, 2), sum(plain))
        return
    messages = []
    for way in (in_pieces, lambda: encryption.decode(CONTEXT, total, sums, 2)):
        with pytest.raises(DecodingFailed, match=f"entry {altered[0]}$") as caught:
            way()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_pieces_begin_at_blocks() -> None:
    decoder = encryption.SumDecoder(CONTEXT, np.zeros(N, np.uint64), 1)
    for start in (-N, 1, N - 1):
        with pytest.raises(ArgumentRefused, match="start"):
            decoder.decode(np.zeros(1, np.uint64), start)


def test_blocks_are_those_of_the_specification() -> None:
    length = N + 5
    (plain,), (part,) = encrypted(1, 1, length)
    masks = ring.to_coefficients(sampler.mask_values(CONTEXT, 0, 2))
    sparse_product = ring.product(masks, lifted(part.secret))
    for block, first in enumerate((0, N)):
        stop = min(first + N, length)
        expected = [
            (int(sparse_product[block, i - first]) + int(part.error[i]) + (int(plain[i]) << 18)) % P
            for i in range(first, stop)
        ]
        assert [int(v) for v in part.ciphertext[first:stop]] == expected


def test_one_block_against_the_schoolbook() -> None:
    secret, error = np.zeros(N, np.int8), np.zeros(7, np.int8)
    secret[[0, 9, N - 1]], error[:2] = [1, -1, -1], [ERROR_ETA, -ERROR_ETA]
    update = np.array([0, 1, -1, UPDATE_BOUND - 1, 1 - UPDATE_BOUND, 5, -5])
    mask = [int(v) for v in ring.to_coefficients(sampler.mask_values(CONTEXT, 0, 1))[0]]
    sparse = [int(v) for v in secret]
    expected = reference.encrypt_block(sparse, mask, error.tolist(), update.tolist())
    assert [int(v) for v in encryption.encrypt_with(CONTEXT, update, secret, error)] == expected


def test_a_witness_gives_its_ciphertext_again() -> None:
    (plain,), (part,) = encrypted(2, 1, N + 1)
    again = encryption.encrypt_with(CONTEXT, plain, part.secret, part.error)
    assert np.array_equal(again, part.ciphertext)


def test_threads_do_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    length = 40 * N + 17
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("PROOFWARD_THREADS", threads)
        (plain,), (part,) = encrypted(3, 1, length)
        weights = np.random.default_rng(4).integers(0, P, (2, length), dtype=np.uint64)
        functional = functional_of(weights)
        decoded = encryption.decode(CONTEXT, part.ciphertext, secret_sum([part]), 1)
        results.append((part.ciphertext, part.error, functional, decoded))
        assert np.array_equal(decoded, plain)
    for one, three in zip(*results, strict=True):
        assert np.array_equal(one, three)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1 - UPDATE_BOUND, UPDATE_BOUND - 1), min_size=1, max_size=30), st.binary(max_size=8)
)
def test_encryption_round_trip(values: list[int], name: bytes) -> None:
    part = encryption.encrypt(CONTEXT, np.array(values), source(name.hex()))
    decoded = encryption.decode(CONTEXT, part.ciphertext, lifted(part.secret), 1)
    assert decoded.tolist() == values


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_with_the_largest_noise_decodes(sign: int) -> None:
    update = np.full(5, sign * (UPDATE_BOUND - 1))
    secret, error = np.full(N, sign, np.int8), np.full(5, sign * ERROR_ETA, np.int8)
    one = encryption.encrypt_with(CONTEXT, update, secret, error)
    total = np.array([int(v) * MAX_HOSPITALS % P for v in one], dtype=np.uint64)
    sums = np.full(N, sign * MAX_HOSPITALS % P, np.uint64)
    got = encryption.decode(CONTEXT, total, sums, MAX_HOSPITALS)
    assert got.tolist() == [sign * MAX_HOSPITALS * (UPDATE_BOUND - 1)] * 5


def test_noise_of_42_n_decodes_and_one_more_is_refused() -> None:
    zero, sums = np.zeros(N, np.uint64), np.zeros(N, np.uint64)
    for excess in (2 * ERROR_ETA, P - 2 * ERROR_ETA):
        words = zero[:3].copy()
        words[1] = excess
        assert encryption.decode(CONTEXT, words, sums, 2).tolist() == [0, 0, 0]
    for excess in (2 * ERROR_ETA + 1, P - 2 * ERROR_ETA - 1, 2**17, 2**63, P // 2, P // 2 + 1):
        words[1] = excess
        with pytest.raises(DecodingFailed, match="entry 1"):
            encryption.decode(CONTEXT, words, sums, 2)


def test_a_sum_above_its_bound_is_refused() -> None:
    words = np.array([UPDATE_BOUND << 18], np.uint64)
    with pytest.raises(DecodingFailed):
        encryption.decode(CONTEXT, words, np.zeros(N, np.uint64), 1)
    assert encryption.decode(CONTEXT, words, np.zeros(N, np.uint64), 2).tolist() == [UPDATE_BOUND]


def test_a_wrong_secret_sum_an_altered_sum_and_another_context_are_refused() -> None:
    _, parts = encrypted(5, 4, N + 9)
    total, sums = encryption.aggregate(p.ciphertext for p in parts), secret_sum(parts)
    other = sums.copy()
    other[17] = (int(other[17]) + 1) % P if int(other[17]) != 4 else 3
    altered = total.copy()
    altered[N + 3] = (int(altered[N + 3]) + 2**17) % P
    dropped = encryption.aggregate(p.ciphertext for p in parts[:3])
    for words, secret, context in (
        (total, other, CONTEXT),
        (altered, sums, CONTEXT),
        (dropped, sums, CONTEXT),
        (total, sums, sampler.MaskContext(CONTEXT.beacon, 2)),
    ):
        with pytest.raises(DecodingFailed):
            encryption.decode(context, words, secret, 4)


@pytest.mark.parametrize("value", [5, P - 5, P - 1 - 2**40, P, 2**64 - 1])
def test_secret_sums_out_of_range_are_refused_with_their_place(value: int) -> None:
    sums = np.zeros(N, np.uint64)
    sums[100] = value
    with pytest.raises(DecodingFailed, match="coefficient 100") as caught:
        encryption.centred_secret_sum(sums, 4)
    assert str(value) in str(caught.value.actual)


def test_secret_sums_in_range_are_centred() -> None:
    sums = np.zeros(N, np.uint64)
    sums[:4] = [4, P - 4, P - 1, 1]
    assert encryption.centred_secret_sum(sums, 4)[:5].tolist() == [4, -4, -1, 1, 0]


@pytest.mark.parametrize("hospitals", [0, -1, MAX_HOSPITALS + 1])
def test_numbers_of_hospitals_are_checked(hospitals: int) -> None:
    with pytest.raises(ArgumentRefused, match="hospitals"):
        encryption.decode(CONTEXT, np.zeros(1, np.uint64), np.zeros(N, np.uint64), hospitals)


@pytest.mark.parametrize("value", [UPDATE_BOUND, -UPDATE_BOUND, 2**62, -(2**63)])
def test_updates_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(ArgumentRefused, match="update") as caught:
        encryption.encrypt(CONTEXT, np.array([0, value]), source("x"))
    assert caught.value.actual == abs(value)


@pytest.mark.parametrize("update", [np.zeros(0, np.int64), np.zeros(3, np.int32), np.zeros((2, 2), np.int64)])
def test_other_updates_are_refused(update: np.ndarray) -> None:
    with pytest.raises(ArgumentRefused, match="update"):
        encryption.encrypt(CONTEXT, update, source("x"))


def test_witnesses_out_of_range_are_refused() -> None:
    update, secret, error = np.zeros(4, np.int64), np.zeros(N, np.int8), np.zeros(4, np.int8)
    for bad in (np.full(N, 2, np.int8), np.full(N, -128, np.int8), np.zeros(N - 1, np.int8)):
        with pytest.raises(ArgumentRefused, match="secret"):
            encryption.encrypt_with(CONTEXT, update, bad, error)
    for bad in (np.full(4, 43, np.int8), np.full(4, -128, np.int8), np.zeros(5, np.int8)):
        with pytest.raises(ArgumentRefused, match="error"):
            encryption.encrypt_with(CONTEXT, update, secret, bad)


def test_strange_ciphertexts_are_refused_and_leave_the_sum_alone() -> None:
    running = encryption.CiphertextSum(3)
    running.add(np.array([1, 2, P - 1], np.uint64))
    for bad in (np.array([0, P, 0], np.uint64), np.zeros(4, np.uint64), np.zeros(3, np.int64)):
        with pytest.raises(ArgumentRefused, match="ciphertext"):
            running.add(bad)
    running.add(np.array([1, P - 2, P - 1], np.uint64))
    assert running.total.tolist() == [2, 0, P - 2]
    assert running.count == 2
    running.count = MAX_HOSPITALS
    with pytest.raises(ArgumentRefused, match="ciphertexts"):
        running.add(np.zeros(3, np.uint64))


def test_nothing_to_add_is_refused() -> None:
    with pytest.raises(ArgumentRefused):
        encryption.aggregate([])
    with pytest.raises(ArgumentRefused):
        encryption.CiphertextSum(0)


def test_the_accumulating_kernel_counts_words_that_are_not_canonical() -> None:
    assert kernels.accumulate(np.zeros(4, np.uint64), np.array([0, P - 1, P, 2**64 - 1], np.uint64)) == 2


@pytest.mark.parametrize("length", LENGTHS)
def test_masked_functional_is_the_functional_of_the_mask(length: int) -> None:
    rng = np.random.default_rng(length)
    weights = rng.integers(0, P, (2, length), dtype=np.uint64)
    weights[:, -1] = P - 1
    secret = rng.integers(-1, 2, N).astype(np.int8)
    zero = np.zeros(length, np.int64)
    mask = encryption.encrypt_with(CONTEXT, zero, secret, zero.astype(np.int8))
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
    first, second = (encryption.encrypt(CONTEXT, update, source(name)).ciphertext for name in ("a", "b"))
    assert not np.any(first == second)
    high = np.concatenate([first, second]) >> np.uint64(60)
    counts = np.bincount(high.astype(np.int64), minlength=16)
    assert all(abs(int(c) - 4 * N / 16) < 6 * (4 * N / 16) ** 0.5 for c in counts)
