"""The proven bits of enrolment and round: nothing that the scripts draw is left out of the calculator."""

from __future__ import annotations

import math

import numpy as np
import pytest

from proofward.field.scalar import P
from proofward.proof.counter import Plan
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.proofs.measure import round_plan
from proofward.relations.records.enrolment import enrolment, enrolment_plan
from proofward.relations.training_rounds.training_round import training_round
from tests.proof.cheats import Inventory
from tests.relations.cases import Case

OPENING = {
    "linear constraints",
    "products",
    "out-of-domain point",
    "values at the out-of-domain point",
    "proximity",
    "proximity, challenge beta",
    "column queries",
}
PROVEN_BY_ROUNDS = {"sumcheck", "lookups", "fraction tree"}


def entered(plan: Plan) -> dict[str, float]:
    """Numerators over |E| by the name of the source."""
    return {name: error * float(P) ** 2 for (name, _), error in plan.soundness.sources.items()}


def check_challenges(counter: Inventory, plan: Plan) -> None:
    """Every challenge outside sumchecks, lookups and the opening is paid for with at least 1 / |E|."""
    numerators = entered(plan)
    depth = round(numerators["fraction tree"]) // 2
    outside = counter.drawn - 2 - 2 * depth
    paid = sum(value for name, value in numerators.items() if name not in OPENING | PROVEN_BY_ROUNDS)
    assert paid >= outside - 1e-6, (paid, outside, sorted(numerators))
    assert set(numerators) >= OPENING | PROVEN_BY_ROUNDS


def test_every_challenge_of_a_round_is_entered(case: Case) -> None:
    plan = round_plan(case.statement)
    counter = Inventory(plan.scheme)
    empty = np.zeros_like(case.result.ciphertext)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None) and None)
    check_challenges(counter, plan)


def test_sources_of_the_round_recomputed(case: Case) -> None:
    """8 steps of 4 samples, 4 units, 16 rows of 8 features; blocks of 2^5, 2^2, 2^3 and 2 parameters."""
    samples, units, blocks = 3 + 2, 2, 4
    numerators = entered(round_plan(case.statement))
    expected = {
        "dataset equality": 2 * (4 + 3),
        "values by flags, of the hidden layer and of the head": (samples + units + 2) + (samples + 2),
        "claims about activations and deltas, and their combination": (4 + 3) + 1,
        "errors of the head": samples,
        "ring equation": blocks + 1,
        "share binding": 3 * (12 + 1),
    }
    rest = {name: value for name, value in numerators.items() if name not in OPENING | PROVEN_BY_ROUNDS}
    assert sorted(rest.values()) == pytest.approx(sorted(expected.values()))


def test_every_challenge_of_an_enrolment_is_entered(case: Case) -> None:
    plan = enrolment_plan(case.enrolment)
    counter = Inventory(plan.scheme)
    counter.run(lambda party: enrolment(party, case.enrolment, None))
    check_challenges(counter, plan)


def test_bits_at_the_policy(case_at_policy: Case) -> None:
    for plan in (round_plan(case_at_policy.statement), enrolment_plan(case_at_policy.enrolment)):
        assert plan.soundness_bits >= 100
        total = sum(2.0**row.log2_error for row in plan.soundness.report())
        assert plan.soundness_bits == pytest.approx(-math.log2(total))
        assert all(row.theorem for row in plan.soundness.report())


def test_a_policy_above_the_proof_refuses_it(case: Case) -> None:
    verifier = Verifier(
        Transcript(case.enrolment.transcript()), enrolment_plan(case.enrolment), case.enrolment_proof
    )
    with pytest.raises(SoundnessBelowPolicy, match="policy demands 100"):
        verifier.run(lambda party: enrolment(party, case.enrolment, None), 100)
