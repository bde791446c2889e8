"""The length of a proof: known from the plan but for the siblings, and compared before anything else."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest

from proofward.proof.commitment.ligero.counts import expected_siblings, fewest_siblings, most_siblings
from proofward.proof.commitment.ligero.merkle import sibling_count
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter
from proofward.proof.errors import ProofRejected
from proofward.proof.party import Party
from proofward.proof.proof_length import ProofLength
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins, Transcript
from proofward.proof.verifier import Verifier
from tests.proof.cheats import refusal
from tests.proof.toy import CODE, plan, prove, seeded, toy, toy_witness, verify

PLAN = plan()


@cache
def met(leaves: int, depth: int) -> list[int]:
    """How many siblings there are, of every choice of so many leaves."""
    return [sibling_count(list(chosen), depth) for chosen in combinations(range(1 << depth), leaves)]


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4])
def test_bounds_on_the_siblings_are_met_and_never_left(depth: int) -> None:
    for leaves in range(1, (1 << depth) + 1):
        counts = met(leaves, depth)
        assert min(counts) == fewest_siblings(leaves, depth)
        assert max(counts) == most_siblings(leaves, depth)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_siblings_are_expected_as_often_as_they_are_met(depth: int) -> None:
    for leaves in range(1, (1 << depth) + 1):
        counts = met(leaves, depth)
        assert abs(sum(counts) / len(counts) - expected_siblings(leaves, depth)) < 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_proofs_have_a_length_of_the_plan(seed: int) -> None:
    proof = prove(toy_witness(seed), seed)
    PLAN.proof_length.check(len(proof))
    siblings = (len(proof) - PLAN.proof_length.least) // PLAN.proof_length.step
    assert PLAN.proof_length.step == 64
    least, most = fewest_siblings(CODE.queries, CODE.log_n), most_siblings(CODE.queries, CODE.log_n)
    assert 0 < siblings < most - least


def test_simulated_conversations_have_a_length_of_the_plan() -> None:
    told = Simulator(Coins(b"c"), PLAN, seeded(1)).run(lambda party: toy(party, None))
    PLAN.proof_length.check(len(told))


def test_a_reopened_tableau_has_no_root_in_the_proof() -> None:
    def script(reopen: bool) -> ProofLength:
        def run(party: Party) -> None:
            party.declare("a", 3, lambda: pytest.fail("a counter has no values"))
            if reopen:
                party.reopen("a", bytes(32), lambda: pytest.fail("a counter has no tableau"))
            else:
                party.commit("a")
            party.declare("b", 3, lambda: pytest.fail("a counter has no values"))
            party.commit("b", padded=True)

        return Counter(Ligero(CODE)).run(run).proof_length

    assert script(False).least - script(True).least == 32


@pytest.mark.parametrize("change", [-32, -1, 1, 16, 32])
def test_rejects_another_length_before_the_script_runs(change: int) -> None:
    proof = prove(toy_witness(3))
    mutant = proof[:change] if change < 0 else proof + bytes(change)

    def never(party: Party) -> None:
        raise AssertionError("the script ran")

    assert refusal(lambda: Verifier(Transcript(b"toy"), PLAN, mutant).run(never, 20)) == "length"


@pytest.mark.parametrize("change", [-64, 64])
def test_rejects_a_length_with_another_number_of_siblings(change: int) -> None:
    """Such a length is possible for other queries, so it is refused at the end or by what is read wrongly."""
    proof = prove(toy_witness(3))
    mutant = proof[:change] if change < 0 else proof + bytes(change)
    PLAN.proof_length.check(len(mutant))
    assert refusal(lambda: verify(mutant)) in ("length", "tableau root")


def test_lengths_one_behind_the_other_are_admitted_together() -> None:
    one, other = ProofLength(100, 292, 96, 150), ProofLength(10, 138, 64, 70)
    both = one.and_then(other)
    assert both == ProofLength(110, 430, 32, 220)
    for first in range(one.least, one.most + 1, one.step):
        for second in range(other.least, other.most + 1, other.step):
            both.check(first + second)


def test_rejects_lengths_outside_the_bounds() -> None:
    length = ProofLength(1000, 1640, 64, 1300)
    for good in (1000, 1064, 1640):
        length.check(good)
    for bad in (0, 936, 999, 1001, 1063, 1641, 1704):
        with pytest.raises(ProofRejected, match=f"1000 to 1640 bytes in steps of 64, found {bad}"):
            length.check(bad)
