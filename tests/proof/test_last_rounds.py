"""The last rounds in one kernel against one round after another, message by message."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field
from proofward.proof import last_rounds as module
from proofward.proof import transcript as transcript_module
from proofward.proof.algebra import element
from proofward.proof.claims import Parts, RunningSum, Summands
from proofward.proof.forms import ONE
from proofward.proof.last_rounds import last_rounds
from proofward.proof.sumcheck import Summation, running_sum
from proofward.proof.transcript import Label, Transcript, draw_extension
from tests.proof.cheats import Recorder
from tests.proof.test_sumcheck import elements, shapes, weights_of
from tests.proof.toy import prove, seeded, toy_witness

Array = np.ndarray


def one_by_one(summation: RunningSum, pads: Array, transcript: Transcript) -> tuple[list[Ext], list[Ext]]:
    """The rounds as `Party.sumcheck` describes them."""
    sent, point = [], []
    for i in range(0, pads.shape[1], 2):
        values = [value - element(pads, i + j) for j, value in enumerate(summation.message())]
        transcript.absorb(Label.MESSAGE, b"".join(value.to_bytes() for value in values))
        sent += values
        point.append(draw_extension(transcript, Label.CHALLENGE))
        summation.bind(point[-1])
    return sent, point


def summands(log_size: int, shape: str) -> Summands:
    if shape == "weighted":
        first, second = shapes(log_size)["two products"], shapes(log_size)["product"]
        return [(ONE, first), (elements(1, 64)[0], second)]
    if shape == "parts":
        factors = shapes(log_size)["two products"].factors

        def part(ranges):  # type: ignore[no-untyped-def]
            at = [i for start, stop in ranges for i in range(start, stop)]
            return [(f[:, at], g[:, at]) for f, g in factors]

        return Parts(1 << log_size, 2, part)
    return shapes(log_size)[shape]


def pads_of(log_size: int) -> Array:
    return random_field(4 * log_size, seeded(9)).reshape(2, 2 * log_size)


@pytest.mark.parametrize("kind", ["plain", "eq", "general"])
@pytest.mark.parametrize("shape", [*shapes(1), "weighted", "parts"])
@pytest.mark.parametrize(
    ("log_size", "before"), [(1, 0), (2, 0), (3, 1), (5, 0), (6, 3), (12, 0), (13, 1), (13, 2)]
)
def test_the_same_messages_and_challenges(kind: str, shape: str, log_size: int, before: int) -> None:
    weights, pads = weights_of(kind, log_size), pads_of(log_size)
    one, other = (running_sum(summands(log_size, shape), weights) for _ in range(2))
    first, second = Transcript(b"rounds"), Transcript(b"rounds")
    sent, point = one_by_one(one, pads, first)
    found_sent, found_point = one_by_one(other, pads[:, : 2 * before], second)
    rest_sent, rest_point = other.finish(pads[:, 2 * before :], second)
    assert found_sent + [element(rest_sent, i) for i in range(rest_sent.shape[1])] == sent
    assert found_point + [element(rest_point, i) for i in range(rest_point.shape[1])] == point
    assert first.state == second.state
    assert one.finals() == other.finals()


def test_words_that_are_too_large_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, log_size = 1 << 62, 6
    monkeypatch.setattr(transcript_module, "P", limit)
    weights, pads = weights_of("general", log_size), pads_of(log_size)
    tables = shapes(log_size)["product"]
    first, second = Transcript(b"again"), Transcript(b"again")
    drawn: list[bytes] = []
    squeeze = first.squeeze
    monkeypatch.setattr(
        Transcript, "squeeze", lambda self, *about: drawn.append(squeeze(*about)) or drawn[-1]
    )
    sent, point = one_by_one(Summation(tables, weights), pads, first)
    assert len(drawn) > log_size, "some challenge took more than one draw"
    summation = Summation(tables, weights)
    matrix = np.concatenate([table for pair in tables.factors for table in pair])
    found = last_rounds(matrix, 1, None, summation.weights, pads, second, limit)
    for values, expected in zip(found, (sent, point), strict=True):
        assert [element(values, i) for i in range(values.shape[1])] == expected
    assert first.state == second.state


def test_refuses_tables_weights_and_pads_that_do_not_fit() -> None:
    summation = Summation(shapes(4)["product"], weights_of("plain", 4))
    highs, lows, most = summation.weights
    matrix, pads = np.zeros((4, 16), dtype=np.uint64), pads_of(4)
    for tables, pending, weights, few in [
        (matrix[:, :8].copy(), None, (highs, lows, most), pads),
        (matrix, ONE, (highs, lows, most), pads),
        (matrix, None, (highs, lows[:, :8].copy(), most), pads),
        (matrix, None, (highs, lows, 1), pads),
        (matrix, None, (highs, lows, most), pads[:, :0]),
    ]:
        with pytest.raises(ValueError, match="for"):
            last_rounds(tables, 1, pending, weights, few, Transcript(b""))


def test_a_prover_that_is_listened_to_makes_the_same_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = module._run
    monkeypatch.setattr(module, "_run", lambda *about: calls.append(1) or original(*about))
    at_once = prove(toy_witness(3))
    assert calls

    class Listener(Recorder):
        heard = 0

        def _say(self, keys, values):  # type: ignore[no-untyped-def]
            type(self).heard += len(keys)
            return super()._say(keys, values)

    calls.clear()
    assert prove(toy_witness(3), prover=Listener) == at_once
    assert Listener.heard and not calls
