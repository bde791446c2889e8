"""Announced bytes: in the transcript at their place, not in the proof, known to the prover after its pads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter
from proofward.proof.forms import PAD, pad_key
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins, Label, Transcript
from proofward.proof.verifier import Verifier
from tests.proof.cheats import refusal
from tests.proof.scripts import CODE
from tests.proof.toy import seeded

Script = Callable[[Party], None]


def script_with(announced: Callable[[Party], bytes], heard: list[bytes] | None = None) -> Script:
    """A column, an announcement, and a claim on the column at a challenge."""

    def script(party: Party) -> None:
        column = party.declare("column", 4, lambda: np.arange(16, dtype=np.uint64))
        party.commit("witness", padded=True)
        data = party.announce(Label.SEALED_SHARES, lambda: announced(party))
        if heard is not None:
            heard.append(data)
        point = party.challenges(4)
        value = party.send(None)
        party.assert_zero(value - value)
        party.assert_zero(column.at(point) - column.at(point))

    return script


def blind_of(party: Party) -> bytes:
    """What a prover announces in these tests: its first pad."""
    return party.pad(pad_key(PAD, 0)).to_bytes()


PLAN = Counter(Ligero(CODE)).run(script_with(blind_of))


def told(heard: list[bytes]) -> bytes:
    return Prover(Transcript(b"s"), PLAN, seeded(1)).run(script_with(blind_of, heard))


def verify(proof: bytes, announced: bytes) -> None:
    Verifier(Transcript(b"s"), PLAN, proof).run(script_with(lambda party: announced), 20)


def test_a_prover_announces_what_its_pads_are() -> None:
    heard: list[bytes] = []
    proof = told(heard)
    assert len(heard[0]) == 16 and heard[0] not in proof
    verify(proof, heard[0])


def test_rejects_other_announced_bytes() -> None:
    heard: list[bytes] = []
    proof = told(heard)
    flipped = bytes([heard[0][0] ^ 1]) + heard[0][1:]
    for other in (flipped, heard[0] + b"\0", heard[0][:-1], b""):
        assert refusal(lambda other=other: verify(proof, other)) in ("linear constraints", "combined row at "
            "the out-of-domain point", "column queries")  # fmt: skip


def test_announced_bytes_change_the_challenges_after_them_only() -> None:
    def challenges(announced: bytes) -> list[object]:
        drawn: list[object] = []

        def script(party: Party) -> None:
            party.declare("column", 4, lambda: np.zeros(16, dtype=np.uint64))
            party.commit("witness", padded=True)
            drawn.append(party.challenge())
            party.announce(Label.SEALED_SHARES, lambda: announced)
            drawn.append(party.challenge())

        Prover(Transcript(b"s"), Counter(Ligero(CODE)).run(script), seeded(1)).run(script)
        return drawn[-2:]

    one, two = challenges(b"one"), challenges(b"two")
    assert one[0] == two[0] and one[1] != two[1]


def test_a_counter_computes_nothing() -> None:
    def fails(party: Party) -> bytes:
        raise AssertionError("called")

    heard: list[bytes] = []
    Counter(Ligero(CODE)).run(script_with(fails, heard))
    assert heard == [b""]


def test_a_simulator_announces_the_statements_bytes() -> None:
    script = script_with(lambda party: b"of the statement")
    proof = Simulator(Coins(b"c"), PLAN, seeded(1)).run(script)
    Verifier(Coins(b"c"), PLAN, proof).run(script, 20)


def test_nothing_is_announced_before_the_pads_are_committed() -> None:
    def early(party: Party) -> None:
        party.announce(Label.SEALED_SHARES, lambda: b"")

    with pytest.raises(AssertionError, match="before the pads"):
        Prover(Transcript(b"s"), PLAN, seeded(1)).run(early)


def test_only_a_prover_has_pads() -> None:
    verifier = Verifier(Transcript(b"s"), PLAN, b"")
    with pytest.raises(AssertionError, match="only a prover"):
        verifier.pad(pad_key(PAD, 0))
