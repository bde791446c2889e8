"""The transcript against an independent computation, and its draws."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from proofward.field.scalar import P
from proofward.proof.transcript import (
    Coins,
    Label,
    Transcript,
    draw_extension,
    draw_indices,
    expand_extension,
)


def header(use: int, state: bytes, label: bytes) -> bytes:
    return bytes([use]) + state + bytes([len(label)]) + label


def reference_state(*items: tuple[bytes, bytes]) -> bytes:
    """The state after absorbing (label, data) pairs, from its description."""
    state = bytes(32)
    for label, data in ((b"ProofWard/2", b"ProofWard/2"), *items):
        text = header(2, state, label) + len(data).to_bytes(8, "little") + data
        state = hashlib.sha256(text).digest()
    return state


def reference_squeeze(state: bytes, label: bytes, length: int) -> tuple[bytes, bytes]:
    """Squeezed bytes and the state afterwards, from the description."""
    blocks = [
        hashlib.sha256(header(3, state, label) + i.to_bytes(8, "little")).digest()
        for i in range(length // 32 + 1)
    ]
    after = hashlib.sha256(header(4, state, label) + length.to_bytes(8, "little")).digest()
    return b"".join(blocks)[:length], after


def test_known_answer() -> None:
    transcript = Transcript(b"a statement")
    assert transcript.squeeze(Label.QUERIES, 8).hex() == "9f3a7806ad810945"
    transcript.absorb(Label.MESSAGE, b"\x00")
    assert transcript.squeeze(Label.CHALLENGE, 8).hex() == "cca8e8cccc5c8416"


@pytest.mark.parametrize("length", [1, 31, 32, 33, 64, 704])
def test_follows_its_description(length: int) -> None:
    transcript = Transcript(b"x")
    transcript.absorb(Label.ROOT, b"root")
    state = reference_state((b"statement", b"x"), (b"tableau root", b"root"))
    expected, state = reference_squeeze(state, b"challenge", length)
    assert transcript.squeeze(Label.CHALLENGE, length) == expected
    assert transcript.squeeze(Label.QUERIES, 5) == reference_squeeze(state, b"column queries", 5)[0]


def test_the_uses_of_the_hash_function_do_not_meet() -> None:
    """Absorbing, squeezing, ratcheting and Merkle hashing give other values for the same text."""
    state, label = bytes(32), b"challenge"
    text = header(0, state, label)[1:] + bytes(8)
    values = {hashlib.sha256(bytes([use]) + text).digest() for use in range(7)}
    assert len(values) == 7
    transcript = Transcript(b"x")
    drawn = transcript.squeeze(Label.CHALLENGE, 32)
    assert drawn != Transcript(b"x").state and drawn != transcript.state


def test_every_input_changes_every_later_challenge() -> None:
    def challenge(statement: bytes, label: Label, data: bytes) -> bytes:
        transcript = Transcript(statement)
        transcript.absorb(label, data)
        transcript.absorb(Label.MESSAGE, b"later")
        return transcript.squeeze(Label.CHALLENGE, 16)

    cases = [
        (b"s", Label.MESSAGE, b"ab"),
        (b"t", Label.MESSAGE, b"ab"),
        (b"s", Label.ROOT, b"ab"),
        (b"s", Label.MESSAGE, b"ac"),
        (b"s", Label.MESSAGE, b"a"),
        (b"s", Label.MESSAGE, b""),
        (b"s", Label.MESSAGE, b"ab\x00"),
        (b"sab", Label.MESSAGE, b""),
    ]
    assert len({challenge(*case) for case in cases}) == len(cases)


def test_messages_do_not_run_into_one_another() -> None:
    one, two = Transcript(b""), Transcript(b"")
    one.absorb(Label.MESSAGE, b"abcd")
    two.absorb(Label.MESSAGE, b"ab")
    two.absorb(Label.MESSAGE, b"cd")
    assert one.squeeze(Label.CHALLENGE, 16) != two.squeeze(Label.CHALLENGE, 16)


def test_two_challenges_in_a_row_differ() -> None:
    transcript = Transcript(b"")
    drawn = {transcript.squeeze(Label.CHALLENGE, 32) for _ in range(100)}
    assert len(drawn) == 100


def test_labels_are_prefix_free_and_short() -> None:
    values = [label.value for label in Label]
    assert len(set(values)) == len(values)
    assert all(0 < len(value) < 256 for value in values)


def test_coins_depend_on_the_seed_alone() -> None:
    one, two = Coins(b"seed"), Coins(b"seed")
    one.absorb(Label.MESSAGE, b"anything")
    assert [one.squeeze(Label.CHALLENGE, 32) for _ in range(3)] == [
        two.squeeze(Label.CHALLENGE, 32) for _ in range(3)
    ]
    assert Coins(b"other").squeeze(Label.CHALLENGE, 32) != Coins(b"seed").squeeze(Label.CHALLENGE, 32)


class Scripted:
    """A challenger that says what it is told."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)

    def absorb(self, label: Label, data: bytes) -> None:
        raise AssertionError("nothing is absorbed while drawing")

    def squeeze(self, label: Label, length: int) -> bytes:
        answer = self.answers.pop(0)
        assert len(answer) == length
        return answer


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in values)


def test_elements_are_drawn_by_rejection() -> None:
    value = draw_extension(Scripted(words(P, P - 1, (1 << 64) - 1, 5)), Label.CHALLENGE)
    assert (value.c0, value.c1) == (P - 1, 5)
    value = draw_extension(Scripted(words(P, P, P, 3), words(P, 4, 9, 9)), Label.CHALLENGE)
    assert (value.c0, value.c1) == (3, 4)


def test_indices_are_distinct_sorted_and_below_the_size() -> None:
    answer = b"".join(value.to_bytes(4, "little") for value in (7, 7, 1 << 31, 15))
    again = b"".join(value.to_bytes(4, "little") for value in (7, 3, 4, 5))
    assert draw_indices(Scripted(answer, again), Label.QUERIES, 4, 16) == [0, 3, 7, 15]


@pytest.mark.parametrize("count", [1, 5, 60])
def test_indices_come_to_any_number(count: int) -> None:
    indices = draw_indices(Transcript(b"i"), Label.QUERIES, count, 64)
    assert indices == sorted(set(indices)) and len(indices) == count and indices[-1] < 64


def stream(seed: bytes, blocks: int) -> bytes:
    """The expansion from its description."""
    return b"".join(hashlib.sha256(b"\x05" + seed + i.to_bytes(8, "little")).digest() for i in range(blocks))


def test_expansion_is_canonical_and_deterministic() -> None:
    seed = b"seed" * 8
    values = expand_extension(seed, 500)
    assert values.shape == (2, 500) and values.max() < P
    assert np.array_equal(values, expand_extension(seed, 500))
    assert not np.array_equal(values, expand_extension(b"tree" * 8, 500))
    first = np.frombuffer(stream(seed, 250), dtype="<u8")
    assert (first < P).all() and np.array_equal(values.reshape(-1), first)


def test_expansion_rejects_words_above_the_modulus(monkeypatch: pytest.MonkeyPatch) -> None:
    def few_small_words(use: object, text: bytes, length: int) -> bytes:
        return (words(P, 1, (1 << 64) - 1, 2, 3, P) * (length // 48 + 1))[:length]

    monkeypatch.setattr("proofward.proof.transcript._blocks", few_small_words)
    values = expand_extension(b"seed", 4)
    assert values.tolist() == [[1, 2, 3, 1], [2, 3, 1, 2]]
