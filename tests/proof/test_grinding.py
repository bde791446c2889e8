"""Work before the lookups' challenges: who has to do it, what it lowers, and that nothing passes without it."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction

import numpy as np
import pytest

from proofward.field.goldilocks import to_field
from proofward.field.reference import reference_arithmetic
from proofward.field.scalar import P
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter, Plan
from proofward.proof.errors import ProofRejected
from proofward.proof.grinding import GRINDING_BITS, find_nonce
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.soundness import Soundness, SoundnessBelowPolicy
from proofward.proof.tables import Table
from proofward.proof.transcript import NONCE_BYTES, Coins, Label, Transcript
from proofward.proof.verifier import Verifier
from tests.proof.cheats import RegionVerifier, refusal
from tests.proof.tableaux import tableau_rows
from tests.proof.toy import seeded

CODE = CodeParameters(log_k=7, log_n=12, queries=128, openings=1)
TABLE = Table.interval("range of 14 bits", 14, 0, 14)
POLICY = 112
"""Above the bits of the interactive proof, below those with work."""


def script(party: Party) -> None:
    """64 values are in a table, which is large enough for its lookups to be the largest error."""
    lookups = LookupArgument(party)
    column = party.declare("a", 6, lambda: to_field(np.arange(64, dtype=np.int64) * 200))
    lookups.query(TABLE, LinearCombination(((1, column),)))
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)
    lookups.prove()


PLAN = Counter(Ligero(CODE), POLICY).run(script)
WITHOUT = Counter(Ligero(CODE)).run(script)
LEAVES = 1 << 15


class Careless(Transcript):
    """A transcript that finds work in any nonce."""

    def has_work(self, nonce: bytes, bits: int) -> bool:
        del nonce, bits
        return True


def proof_of(transcript: Transcript | None = None, plan: Plan = PLAN, prover: type[Prover] = Prover) -> bytes:
    return prover(transcript or Transcript(b"work"), plan, seeded(3)).run(script)


def verify(proof: bytes, statement: bytes = b"work", plan: Plan = PLAN) -> Verifier:
    verifier = Verifier(Transcript(statement), plan, proof)
    verifier.run(script, POLICY)
    return verifier


@pytest.fixture(scope="module")
def honest() -> bytes:
    return proof_of()


@pytest.fixture(scope="module")
def nonce(honest: bytes) -> slice:
    """Where it is in the proof."""
    verifier = RegionVerifier(Transcript(b"work"), PLAN, honest)
    verifier.run(script, POLICY)
    found = [region for region in verifier.regions if region.what == "nonce"]
    assert len(found) == 1 and found[0].stop - found[0].start == NONCE_BYTES
    return slice(found[0].start, found[0].stop)


def with_nonce(proof: bytes, at: slice, other: bytes) -> bytes:
    return proof[: at.start] + other + proof[at.stop :]


class Announcing(Transcript):
    """A transcript that keeps its state before each nonce."""

    before: bytes = b""

    def absorb(self, label: Label, data: bytes) -> None:
        if label is Label.NONCE:
            self.before = self.state
        super().absorb(label, data)


def test_work_is_demanded_where_only_work_reaches_the_policy() -> None:
    below, above = math.floor(WITHOUT.soundness_bits), math.floor(PLAN.bits_with_work)
    assert below < POLICY <= above
    for policy, bits in ((below, 0), (below + 1, GRINDING_BITS), (above, GRINDING_BITS), (above + 1, 0)):
        assert Counter(Ligero(CODE), policy).run(script).grinding == bits, policy
    assert WITHOUT.grinding == 0 and WITHOUT.bits_with_work == WITHOUT.soundness_bits


def test_measures_are_the_same_but_for_a_nonce() -> None:
    assert PLAN.proof_length.least == WITHOUT.proof_length.least + NONCE_BYTES
    assert PLAN.proof_length.most == WITHOUT.proof_length.most + NONCE_BYTES
    assert (PLAN.pads, PLAN.products, tableau_rows(PLAN)) == (
        WITHOUT.pads,
        WITHOUT.products,
        tableau_rows(WITHOUT),
    )
    assert PLAN.soundness_bits == WITHOUT.soundness_bits
    assert PLAN.soundness.sources == WITHOUT.soundness.sources


def test_work_lowers_the_error_of_alpha_and_beta_and_no_other() -> None:
    exact = {name: Fraction(error) for (name, _), error in PLAN.soundness.sources.items()}
    assert exact["lookups"] == pytest.approx(Fraction(2 * LEAVES, P * P)) and "fraction tree" in exact
    lowered = sum(error / 2**GRINDING_BITS if name == "lookups" else error for name, error in exact.items())
    assert PLAN.bits_with_work == pytest.approx(-math.log2(lowered), abs=1e-9)
    assert PLAN.soundness_bits == pytest.approx(-math.log2(sum(exact.values())), abs=1e-9)


def test_nothing_is_lowered_by_work_that_was_not_checked() -> None:
    soundness = Soundness()
    soundness.add("lookups", "t", 1 << 20, behind_work=True)
    assert soundness.bits_with_work == soundness.bits == pytest.approx(108)
    assert soundness.words == "108.0 bits"
    soundness.grinding = GRINDING_BITS
    assert (soundness.bits, soundness.bits_with_work) == pytest.approx((108, 120))
    assert soundness.words == "108.0 bits, 120.0 with 12 bits of work before alpha, beta"
    soundness.require(120 - 1e-6)
    with pytest.raises(SoundnessBelowPolicy, match="work before alpha, beta, policy demands 121"):
        soundness.require(121)


def test_accepts_an_honest_proof_with_its_work(honest: bytes) -> None:
    verifier = verify(honest)
    assert verifier.soundness.grinding == GRINDING_BITS
    assert verifier.soundness.bits < POLICY <= verifier.soundness.bits_with_work
    assert verifier.soundness == PLAN.soundness
    with reference_arithmetic():
        assert verify(honest).soundness == PLAN.soundness


def test_the_nonce_is_the_smallest_whose_hash_begins_with_zeros(honest: bytes, nonce: slice) -> None:
    transcript = Announcing(b"work")
    Verifier(transcript, PLAN, honest).run(script, POLICY)
    found = int.from_bytes(honest[nonce], "little")
    for number in range(found + 1):
        text = b"\x06" + transcript.before + number.to_bytes(8, "little")
        bits = format(int.from_bytes(hashlib.sha256(text).digest(), "big"), "0256b")
        assert bits.startswith("0" * GRINDING_BITS) == (number == found)


def test_a_try_has_work_as_often_as_it_should() -> None:
    transcript = Transcript(b"x")
    found = sum(transcript.has_work(number.to_bytes(8, "little"), 4) for number in range(1 << 14))
    assert abs(found - (1 << 10)) < 5 * 32  # five deviations
    state = transcript.state
    find_nonce(transcript, 4)
    assert transcript.state == state


def test_another_nonce_gives_other_challenges() -> None:
    drawn = set()
    for number in range(8):
        transcript = Transcript(b"x")
        transcript.absorb(Label.NONCE, number.to_bytes(8, "little"))
        drawn.add(transcript.squeeze(Label.CHALLENGE, 32))
    assert len(drawn) == 8


def test_rejects_a_prover_that_skips_the_work() -> None:
    """It is honest otherwise, and its proof is accepted by who does not look at the work."""
    proof = proof_of(Careless(b"work"))
    careless = Verifier(Careless(b"work"), PLAN, proof)
    careless.run(script, POLICY)
    assert refusal(lambda: verify(proof)) == "proof-of-work"


def test_rejects_a_wrong_nonce(honest: bytes, nonce: slice) -> None:
    for position in range(NONCE_BYTES):
        other = bytearray(honest)
        other[nonce.start + position] ^= 1
        assert refusal(lambda data=bytes(other): verify(data)) == "proof-of-work", position
    assert refusal(lambda: verify(with_nonce(honest, nonce, b"\xff" * 8))) == "proof-of-work"


def test_rejects_the_nonce_of_another_statement(honest: bytes, nonce: slice) -> None:
    other = proof_of(Transcript(b"other"))
    assert other[nonce] != honest[nonce]
    assert refusal(lambda: verify(with_nonce(honest, nonce, other[nonce]))) == "proof-of-work"
    assert refusal(lambda: verify(honest, b"other")) == "proof-of-work"


def test_rejects_another_nonce_that_has_work_in_the_same_proof(honest: bytes, nonce: slice) -> None:
    """The challenges are others then, so the rest of the proof does not fit: nobody makes a proof of a proof."""
    transcript = Announcing(b"work")
    Verifier(transcript, PLAN, honest).run(script, POLICY)
    transcript.state = transcript.before
    numbers = range(int.from_bytes(honest[nonce], "little") + 1, 1 << 32)
    candidates = (number.to_bytes(8, "little") for number in numbers)
    other = next(own for own in candidates if transcript.has_work(own, GRINDING_BITS))
    assert refusal(lambda: verify(with_nonce(honest, nonce, other))) not in ("proof-of-work", "length")


def test_accepts_a_whole_proof_behind_any_nonce_with_work(honest: bytes, nonce: slice) -> None:
    class Second(Prover):
        def nonce(self) -> bytes:
            first = int.from_bytes(find_nonce(self.challenger, self.grinding), "little")
            others = (number.to_bytes(8, "little") for number in range(first + 1, 1 << 32))
            found = next(own for own in others if self.challenger.has_work(own, self.grinding))
            self._proof += found
            return found

    proof = proof_of(prover=Second)
    assert proof[nonce] != honest[nonce] and proof[: nonce.start] == honest[: nonce.start]
    verify(proof)


def test_rejects_a_proof_without_the_nonce_and_one_with_too_many(honest: bytes, nonce: slice) -> None:
    plain = proof_of(plan=WITHOUT)
    with pytest.raises(SoundnessBelowPolicy):
        verify(plain, plan=WITHOUT)
    for proof, plan in (
        (plain, PLAN),
        (with_nonce(honest, nonce, b""), PLAN),
        (honest[:-1], PLAN),
        (honest[: nonce.start + 4], PLAN),
        (honest + bytes(8), PLAN),
        (honest, WITHOUT),
    ):
        assert refusal(lambda proof=proof, plan=plan: verify(proof, plan=plan)) == "length"


def test_rejects_less_work_than_the_plan_demands() -> None:
    """A nonce with 11 bits that has no twelfth."""

    class Lazy(Transcript):
        def has_work(self, nonce: bytes, bits: int) -> bool:
            return super().has_work(nonce, bits - 1) and not super().has_work(nonce, bits)

    assert refusal(lambda: verify(proof_of(Lazy(b"work")))) == "proof-of-work"


def test_a_simulated_conversation_has_the_nonce_0_and_coins_accept_no_other(nonce: slice) -> None:
    told = Simulator(Coins(b"c"), PLAN, seeded(9)).run(script)
    PLAN.proof_length.check(len(told))
    assert told[nonce] == bytes(8)
    Verifier(Coins(b"c"), PLAN, told).run(script, POLICY)
    assert Prover(Coins(b"c"), PLAN, seeded(3)).run(script)[nonce] == bytes(8)
    other = with_nonce(told, nonce, b"\x01" + bytes(7))
    with pytest.raises(
        ProofRejected, match="proof-of-work: expected a nonce whose hash has 12 leading zero bits"
    ):
        Verifier(Coins(b"c"), PLAN, other).run(script, POLICY)
