"""Rounds whose policy only work reaches: proved, simulated, and refused without it; all others as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.field.reference import reference_arithmetic
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.grinding import GRINDING_BITS
from proofward.proof.transcript import NONCE_BYTES, Coins, Transcript
from proofward.relations.proofs.measure import check_provable, round_plan
from proofward.relations.proofs.prove import check_round, prove_round, verify_round
from proofward.relations.records.enrolment import enrolment_plan, verify_enrolment
from proofward.relations.training_rounds.training_round import training_round
from tests.proof.cheats import RegionVerifier, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, sealed, statement_of
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

POLICY = 112
"""What a round of the small case reaches with work only, and its enrolment without."""


@pytest.fixture(scope="module")
def worked() -> Case:
    return make_case(config(security=POLICY))


@pytest.fixture(scope="module")
def nonce(worked: Case) -> slice:
    """Where it is in the round's proof."""
    transcript = Transcript(worked.statement.transcript(worked.result.ciphertext))
    verifier = RegionVerifier(transcript, round_plan(worked.statement), worked.result.proof)
    result = worked.result
    verifier.run(
        lambda party: (
            training_round(party, worked.statement, result.ciphertext, lambda _: result.sealed_shares, None)
            and None
        ),
        POLICY,
    )
    (found,) = [region for region in verifier.regions if region.what == "nonce"]
    return slice(found.start, found.stop)


def refused(case: Case, proof: bytes) -> str:
    result = case.result
    return refusal(lambda: verify_round(case.statement, result.ciphertext, result.sealed_shares, proof))


@pytest.mark.slow
def test_a_round_is_accepted_with_its_work_and_both_figures_are_known(worked: Case) -> None:
    result, plan = worked.result, round_plan(worked.statement)
    found = verify_round(worked.statement, result.ciphertext, result.sealed_shares, result.proof)
    assert found.soundness_bits < POLICY <= found.soundness.bits_with_work
    assert found.soundness.grinding == plan.grinding == GRINDING_BITS
    assert found.soundness == plan.soundness
    with reference_arithmetic():
        assert verify_round(worked.statement, result.ciphertext, result.sealed_shares, result.proof) == found


def test_an_enrolment_that_reaches_the_policy_has_no_work(worked: Case) -> None:
    found = verify_enrolment(worked.enrolment, worked.enrolment_proof)
    assert found.soundness.grinding == enrolment_plan(worked.enrolment).grinding == 0
    assert found.soundness.bits_with_work == found.soundness_bits >= POLICY


@pytest.mark.parametrize("security", [20, 40, 80, 100, 111])
def test_rules_that_were_admitted_before_demand_no_work(security: int) -> None:
    rules = config(security=security)
    plan = round_plan(statement_of(rules))
    assert plan.grinding == 0 and plan.bits_with_work == plan.soundness_bits >= security


def test_what_work_does_not_bring_to_the_policy_is_refused_as_before() -> None:
    check_provable(config(security=POLICY), 11)
    with pytest.raises(ConfigurationError, match=r"proven soundness 111\.9 bits, policy demands 113"):
        check_provable(config(security=POLICY + 1), 11)


def test_a_simulated_round_is_accepted(worked: Case, nonce: slice) -> None:
    statement, ciphertext, told = simulated_round(worked, 1)
    assert told[nonce] == bytes(NONCE_BYTES)
    found = check_round(statement, ciphertext, DIGESTS, told, Coins(COINS))
    assert found.soundness.grinding == GRINDING_BITS


def test_rejects_a_round_whose_prover_skips_the_work(worked: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """An honest round but for the nonce, which is the first that comes."""
    with monkeypatch.context() as careless:
        careless.setattr(Transcript, "has_work", lambda self, nonce, bits: True)
        case = make_case(worked.config)
        result = case.result
        verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)
    assert refused(case, result.proof) == "proof-of-work"


def test_rejects_a_round_with_a_wrong_nonce_without_one_and_cut_behind_it(worked: Case, nonce: slice) -> None:
    proof = worked.result.proof
    wrong = bytes([proof[nonce.start] ^ 1]) + proof[nonce.start + 1 : nonce.stop]
    assert refused(worked, proof[: nonce.start] + wrong + proof[nonce.stop :]) == "proof-of-work"
    assert refused(worked, proof[: nonce.start] + proof[nonce.stop :]) == "length"
    assert refused(worked, proof[: nonce.stop]) == "length"


def test_rejects_the_nonce_of_another_round(worked: Case, nonce: slice) -> None:
    statement = replace(worked.statement, round=2)
    secret = make_case(worked.config).secret
    other = prove_round(statement, secret, seeded(5), sealed)
    assert other.proof[nonce] != worked.result.proof[nonce]
    proof = worked.result.proof
    assert refused(worked, proof[: nonce.start] + other.proof[nonce] + proof[nonce.stop :]) == "proof-of-work"


def test_rejects_a_proof_for_a_lower_policy_which_has_no_work(worked: Case) -> None:
    """The statement says whether there is work; a prover cannot choose the plan without it."""
    plain = make_case(config(security=POLICY - 1))
    assert round_plan(plain.statement).grinding == 0
    assert refused(worked, plain.result.proof) == "length"
