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


def reference_state(*items: tuple[bytes, bytes]) -> bytes:
    """The state after absorbing (label, data) pairs, from its description."""
    state = bytes(64)
    for label, data in ((b"ProofWard/1", b"ProofWard/1"), *items):
        header = bytes([len(label)]) + label + len(data).to_bytes(8, "little")
        state = hashlib.shake_256(state + header + data).digest(64)
    return state


def test_known_answer() -> None:
    transcript = Transcript(b"a statement")
    assert transcript.squeeze(Label.QUERIES, 8).hex() == "2dcca4534aebac9a"
    transcript.absorb(Label.MESSAGE, b"\x00")
    assert transcript.squeeze(Label.CHALLENGE, 8).hex() == "504ebac32f282c11"


def test_follows_its_description() -> None:
    transcript = Transcript(b"x")
    transcript.absorb(Label.ROOT, b"root")
    state = reference_state((b"statement", b"x"), (b"tableau root", b"root"), (b"challenge", b"challenge"))
    expected = hashlib.shake_256(state + b"squeeze").digest(40)
    assert transcript.squeeze(Label.CHALLENGE, 40) == expected


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


def test_expansion_is_canonical_and_deterministic() -> None:
    values = expand_extension(b"seed" * 8, 500)
    assert values.shape == (2, 500) and values.max() < P
    assert np.array_equal(values, expand_extension(b"seed" * 8, 500))
    assert not np.array_equal(values, expand_extension(b"tree" * 8, 500))
    stream = hashlib.shake_256(b"seed" * 8 + bytes(8)).digest(8 * 1000)
    first = np.frombuffer(stream, dtype="<u8")
    assert (first < P).all() and np.array_equal(values.reshape(-1), first)
