"""SHA-256 of many messages at once, against hashlib."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from proofward.proof import sha256
from proofward.proof.commitment.ligero.merkle import leaf_hash, node_hash
from proofward.proof.sha256 import Hashing, piece_ends, sha256_lanes, to_bytes, to_words


def expected(tag: int, head: bytes, rows: np.ndarray) -> bytes:
    columns = rows.T.astype("<u8")
    return b"".join(
        hashlib.sha256(bytes([tag]) + head[32 * i : 32 * i + 32] + column.tobytes()).digest()
        for i, column in enumerate(columns)
    )


@pytest.mark.parametrize("lanes", [1, 7, 8, 9, 127, 128, 129, 300])
@pytest.mark.parametrize("words", range(20))
def test_digests_of_every_padding(lanes: int, words: int) -> None:
    # 33 + 8 words bytes: lengths with one and with two blocks of padding, in vectors that are full and not
    random = np.random.default_rng([lanes, words])
    head, rows = random.bytes(32 * lanes), random.integers(0, 2**64, (words, lanes), dtype=np.uint64)
    assert to_bytes(sha256_lanes(words, to_words(head), rows)) == expected(words, head, rows)


@pytest.mark.parametrize("value", [0, 1, 2**32 - 1, 2**32, 2**64 - 2**32, 2**64 - 2**32 + 1, 2**64 - 1])
@pytest.mark.parametrize("tag", [0, 1, 255])
def test_edge_values(value: int, tag: int) -> None:
    rows = np.full((31, 3), value, dtype=np.uint64)
    head = bytes(32) + b"\xff" * 32 + bytes(range(32))
    assert to_bytes(sha256_lanes(tag, to_words(head), rows)) == expected(tag, head, rows)


def test_shares_of_the_work_and_long_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    head, rows = random.bytes(32 * 1000), random.integers(0, 2**64, (1001, 1000), dtype=np.uint64)
    result = expected(0, head, rows)
    assert to_bytes(sha256_lanes(0, to_words(head), rows)) == result

    def in_three(work, count, grain):  # type: ignore[no-untyped-def]
        for start, stop in ((0, 1), (1, 501), (501, count)):
            work(start, stop)

    monkeypatch.setattr(sha256, "parallel", in_three)
    assert to_bytes(sha256_lanes(0, to_words(head), np.asfortranarray(rows))) == result


def test_leaves_and_nodes_are_such_messages() -> None:
    salt, column = bytes(range(32)), np.arange(5, dtype="<u8")
    found = to_bytes(sha256_lanes(0, to_words(salt), column.reshape(-1, 1).astype(np.uint64)))
    assert found == leaf_hash(salt, column.tobytes())
    right = np.frombuffer(column.tobytes()[:32], dtype="<u8").reshape(-1, 1).astype(np.uint64)
    assert to_bytes(sha256_lanes(1, to_words(salt), right)) == node_hash(salt, column.tobytes()[:32])


@pytest.mark.parametrize("head", [(8, 3), (7, 4), (32,)])
def test_heads_of_another_shape(head: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="head"):
        sha256_lanes(0, np.zeros(head, dtype=np.uint32), np.zeros((2, 4), dtype=np.uint64))


@pytest.mark.parametrize("words", [1, 3, 4, 5, 12, 13, 29, 100])
@pytest.mark.parametrize("at_most", [0, 8, 20])
@pytest.mark.parametrize("lanes", [1, 9, 300])
def test_digests_of_words_that_come_in_pieces(lanes: int, at_most: int, words: int) -> None:
    random = np.random.default_rng([lanes, at_most, words])
    head, rows = random.bytes(32 * lanes), random.integers(0, 2**64, (words, lanes), dtype=np.uint64)
    ends = piece_ends(words, at_most)
    assert ends[-1] == words and len(ends) == (1 if words <= 4 + at_most // 8 * 8 else len(ends))
    hashing, start = Hashing(0, to_words(head), words), 0
    for end in ends:
        assert end - start <= max(8, at_most + 4)
        with pytest.raises(ValueError, match="of " + str(words) + " words"):
            _ = hashing.digests
        hashing.take(rows[start:end])
        start = end
    assert to_bytes(hashing.digests) == expected(0, head, rows)


@pytest.mark.parametrize("first", [1, 3, 5, 8, 21])
def test_rejects_pieces_that_end_elsewhere(first: int) -> None:
    hashing = Hashing(0, np.zeros((8, 3), dtype=np.uint32), 20)
    with pytest.raises(ValueError, match="0 of 20 done"):
        hashing.take(np.zeros((first, 3), dtype=np.uint64))
    with pytest.raises(ValueError, match="0 of 20 done"):
        hashing.take(np.zeros((4, 2), dtype=np.uint64))
