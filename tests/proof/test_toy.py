"""The proof system end to end on a small relation: completeness, soundness of each part, zero knowledge."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.simulator import Simulator
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.proof.transcript import Coins, Transcript
from proofward.proof.verifier import Verifier
from tests.proof.toy import plan, prove, seeded, toy, toy_witness, verify


def test_accepts_an_honest_proof() -> None:
    proof = prove(toy_witness(3))
    verifier = verify(proof)
    assert verifier.soundness.bits > 30
    assert verifier.soundness.bits == pytest.approx(plan().soundness_bits)


def test_proofs_are_deterministic_in_the_seed_and_differ_between_seeds() -> None:
    assert prove(toy_witness(3), seed=5) == prove(toy_witness(3), seed=5)
    assert prove(toy_witness(3), seed=5) != prove(toy_witness(3), seed=6)


def test_accepts_a_simulated_conversation_under_the_same_coins() -> None:
    simulated = Simulator(Coins(b"coins"), plan(), seeded(9)).run(lambda party: toy(party, None))
    verify(simulated, Coins(b"coins"))
    assert len(simulated) > 10_000
    with pytest.raises(ProofRejected):
        verify(simulated, Transcript(b"toy"))


def test_rejects_a_wrong_product() -> None:
    a, b, c = toy_witness(4)
    c = c.copy()
    c[17] += 1
    with pytest.raises(ProofRejected, match=r"linear constraints|column"):
        verify(prove((a, b, c)))


def test_rejects_a_value_out_of_range() -> None:
    a, b, _ = toy_witness(4)
    a = a.copy()
    a[100] = 64
    with pytest.raises(WitnessError, match="64 is not in table range"):
        prove((a, b, a * b))


def test_rejects_another_statement() -> None:
    with pytest.raises(ProofRejected):
        verify(prove(toy_witness(3)), statement=b"other")


def test_rejects_every_truncation_and_extension() -> None:
    proof = prove(toy_witness(3))
    for data in (b"", proof[:10], proof[:-1], proof + b"\x00"):
        with pytest.raises(ProofRejected):
            verify(data)


@pytest.mark.slow
def test_rejects_flipped_bits_everywhere() -> None:
    proof = prove(toy_witness(3))
    random = np.random.default_rng(1)
    for position in random.integers(0, len(proof), 60):
        mutant = bytearray(proof)
        mutant[position] ^= 1 << int(random.integers(8))
        with pytest.raises(ProofRejected):
            verify(bytes(mutant))


def test_rejects_bits_below_policy() -> None:
    proof = prove(toy_witness(3))
    with pytest.raises(SoundnessBelowPolicy):
        Verifier(Transcript(b"toy"), plan(), proof).run(lambda party: toy(party, None), 100)
