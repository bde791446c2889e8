"""Messages that are heard at once against one turn after another, with the plain transcript."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.goldilocks import random_field
from proofward.proof import transcript as transcript_module
from proofward.proof import verifier as verifier_module
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Label, Transcript, draw_extension
from proofward.proof.turns import hear
from proofward.proof.verifier import Verifier
from tests.proof.toy import prove, seeded, toy_witness, verify

Array = np.ndarray


def messages(rounds: int) -> Array:
    return random_field(4 * rounds, seeded(rounds)).reshape(2, 2 * rounds)


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 17])
def test_the_same_challenges_and_state(rounds: int) -> None:
    sent, state = messages(rounds), Transcript(b"turns").state
    point, after = hear(sent, state)
    with reference_arithmetic():
        expected, expected_after = hear(sent, state)
    assert point.tolist() == expected.tolist() and point.shape == (2, rounds)
    assert after == expected_after
    assert rounds == 0 or after != state


def test_words_that_are_too_large_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, rounds = 1 << 62, 6
    monkeypatch.setattr(transcript_module, "P", limit)
    sent, transcript, point, draws = messages(rounds), Transcript(b"again"), [], 0
    for i in range(rounds):
        data = np.ascontiguousarray(sent[:, 2 * i : 2 * i + 2].T).astype("<u8").tobytes()
        transcript.absorb(Label.MESSAGE, data)
        other = Transcript.at(transcript.state)
        point.append(draw_extension(transcript, Label.CHALLENGE))
        while other.state != transcript.state:
            other.squeeze(Label.CHALLENGE, 32)
            draws += 1
    assert draws > rounds, "some challenge took more than one draw"
    found, after = hear(sent, Transcript(b"again").state, limit)
    assert [(int(c0), int(c1)) for c0, c1 in found.T] == [(value.c0, value.c1) for value in point]
    assert after == transcript.state


def test_refuses_messages_that_are_no_pairs() -> None:
    for sent in (messages(2)[:, :3], messages(2)[:1]):
        with pytest.raises(ValueError, match="two a round"):
            hear(sent, bytes(32))


def test_a_verifier_that_hears_one_by_one_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    proof, calls = prove(toy_witness(3)), []
    monkeypatch.setattr(verifier_module, "hear", lambda *about: calls.append(1) or hear(*about))
    verify(proof)
    assert calls
    spoiled = [bytearray(proof) for _ in range(3)]
    for data, place in zip(spoiled, (70, 200, len(proof) // 2), strict=True):
        data[place] ^= 1
    at_once = [refusal(bytes(data)) for data in spoiled]
    calls.clear()
    monkeypatch.setattr(Verifier, "_rounds", one_by_one)
    verify(proof)
    assert [refusal(bytes(data)) for data in spoiled] == at_once and not calls


def one_by_one(self, summation, keys):  # type: ignore[no-untyped-def]
    return super(Verifier, self)._rounds(summation, keys)


def refusal(data: bytes) -> str:
    with pytest.raises(ProofRejected) as caught:
        verify(data)
    return str(caught.value)

