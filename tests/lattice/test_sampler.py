from __future__ import annotations

import hashlib

import numpy as np
import pytest

from proofward.lattice import reference, sampler
from proofward.lattice.errors import ArgumentRefused
from proofward.lattice.parameters import MODULUS as P
from proofward.lattice.parameters import RING_DEGREE as N

CONTEXT = sampler.MaskContext(bytes(range(32)), 3)


def test_masks_are_the_words_of_the_key_stream() -> None:
    stream = sampler.key_stream(CONTEXT.key(), 5, 8 * N + 64)
    assert [int(v) for v in sampler.mask_values(CONTEXT, 5, 1)[0]] == reference.uniform_words(stream, N)


def test_masks_do_not_depend_on_how_blocks_are_grouped() -> None:
    together = sampler.mask_values(CONTEXT, 2, 3)
    assert np.array_equal(together[1:], sampler.mask_values(CONTEXT, 3, 2))


def test_masks_depend_on_beacon_round_and_block() -> None:
    rows = [
        sampler.mask_values(CONTEXT, 0, 2),
        sampler.mask_values(sampler.MaskContext(CONTEXT.beacon, 4), 0, 2),
        sampler.mask_values(sampler.MaskContext(bytes(32), 3), 0, 2),
    ]
    assert len({bytes(row.tobytes()) for pair in rows for row in pair}) == 6


def test_known_mask_and_key() -> None:
    key = hashlib.shake_256(
        b"ProofWard/v1/lattice/mask" + bytes(range(32)) + (3).to_bytes(8, "little")
    ).digest(32)
    assert CONTEXT.key() == key
    assert sampler.key_stream(key, 1, 40)[16:] == sampler.key_stream(key, 1, 48)[16:40]


@pytest.mark.parametrize("refused", [[0], [3], [0, 1, 2, 3, 4], list(range(12))])
def test_rejection_is_exact_when_words_are_refused(refused: list[int]) -> None:
    words = [100 + i for i in range(40)]
    for place in refused:
        words[place] = P + place
    words[5 if 5 not in refused else 20] = P - 1
    stream = b"".join(word.to_bytes(8, "little") for word in words)
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return stream[:size]

    got = sampler.uniform_words(read, 4)
    assert [int(v) for v in got] == reference.uniform_words(stream, 4)
    assert asked == sorted(asked)
    assert int(got.max()) < P


def test_masks_of_a_block_with_refused_words_match_the_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = sampler.key_stream(CONTEXT.key(), 0, 8 * N + 8 * 64)
    spoiled = plain[:80] + b"\xff" * 16 + plain[96:]

    def into(key: bytes, block: int, zeros: bytes, out: np.ndarray) -> None:
        out.view(np.uint8)[:] = np.frombuffer(spoiled[: len(zeros)], np.uint8)

    monkeypatch.setattr(sampler, "key_stream_into", into)
    monkeypatch.setattr(sampler, "key_stream", lambda key, block, size: spoiled[:size])
    assert [int(v) for v in sampler.mask_values(CONTEXT, 0, 1)[0]] == reference.uniform_words(spoiled, N)


@pytest.mark.parametrize("beacon,number", [(b"", 0), (bytes(33), 0), (bytes(32), -1), (bytes(32), 2**64)])
def test_contexts_are_checked(beacon: bytes, number: int) -> None:
    with pytest.raises(ArgumentRefused):
        sampler.MaskContext(beacon, number)


def test_secret_is_that_of_the_reference_and_uniform() -> None:
    seed = b"s" * 32
    secret = sampler.ternary_secret(seed)
    stream = hashlib.shake_256(b"ProofWard/v1/lattice/secret" + seed).digest(2000)
    assert secret.dtype == np.int8
    assert secret.tolist() == reference.ternary(stream, N)
    counts = np.bincount(secret + 1, minlength=3)
    assert all(abs(int(c) - N / 3) < 6 * (N * 2 / 9) ** 0.5 for c in counts)


def test_errors_are_those_of_the_reference() -> None:
    key = sampler.error_key(b"e" * 32)
    out = np.empty(N, np.int8)
    sampler.error_block(key, 9, out)
    assert out.tolist() == reference.centred_binomial(sampler.key_stream(key, 9, 12 * N))
    short = np.empty(10, np.int8)
    sampler.error_block(key, 9, short)
    assert np.array_equal(short, out[:10])


def test_errors_reach_both_ends_of_their_range() -> None:
    from proofward.lattice import kernels

    out = np.empty(3, np.int8)
    wide = np.array([2**64 - 1, 0, 2**64 - 1], np.uint64)
    kernels.centred_binomial(wide, np.array([2**32 - 1, 0xFFF00000, 0], np.uint32), out)
    assert out.tolist() == [42, -42, 22]


def test_errors_have_mean_zero_and_variance_21() -> None:
    out = np.empty((40, N), np.int8)
    for block in range(40):
        sampler.error_block(bytes(32), block, out[block])
    count = out.size
    assert abs(float(out.mean())) < 6 * (21 / count) ** 0.5
    assert abs(float(out.astype(np.float64).var()) - 21) < 6 * 21 * (2 / count) ** 0.5


@pytest.mark.parametrize("value", [b"", bytes(31), bytes(33), bytearray(32)])
def test_a_source_of_another_length_or_type_is_refused(value: bytes) -> None:
    with pytest.raises(ArgumentRefused, match="rng"):
        sampler.draw(lambda size: value, 32)
