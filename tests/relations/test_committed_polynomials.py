"""Enrolment and rounds whose openings commit to their polynomials: those of large statements, here by force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proofward.proof.commitment.ligero.choice import choose_codes
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from proofward.proof.verifier import Verifier
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import enrolment, enrolment_plan, verify_enrolment
from tests.proof.cheats import Recorder, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, make_case, prove_with, round_witness, sealed
from tests.relations.test_rejects_cheats import CHEATS

SECURITY = 23
"""No other test has rules of so few bits, so nobody else finds what is kept of their schemes."""


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    def choose(cls: type[Ligero], values: int, security_bits: int, openings: int) -> Ligero:
        return cls(choose_codes(values, security_bits, openings)[0], VectorCode(6, 8, 40))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ligero, "choose", classmethod(choose))
        yield make_case(config(security=SECURITY))


def test_rounds_follow_one_another_from_the_enrolled_records(case: Case) -> None:
    verify_enrolment(case.enrolment, case.enrolment_proof)
    first = case.result
    verify_round(case.statement, first.ciphertext, first.sealed_shares, first.proof)
    scheme = round_plan(case.statement).scheme
    assert isinstance(scheme, Ligero) and scheme.vector == VectorCode(6, 8, 40)
    statement = replace(case.statement, round=2, dataset_root=first.dataset.root)
    second = prove_round(statement, first.dataset, seeded(5), sealed)
    verify_round(statement, second.ciphertext, second.sealed_shares, second.proof)
    other = replace(statement, dataset_root=case.secret.root)
    assert refusal(lambda: verify_round(other, second.ciphertext, second.sealed_shares, second.proof))


@pytest.mark.parametrize("name", ["skipped training", "label flipped after enrolment"])
def test_rejects_cheats(case: Case, name: str) -> None:
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    forger = replacing_columns({}, dict(Recorder.last.columns))
    cheat, about = CHEATS[name](case)
    shares, proof = prove_with(case, cheat, about, forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, about, shares, proof)) in (
        "row of the polynomials",
        "claims on the polynomials",
    )


def test_simulated_enrolments_are_accepted(case: Case) -> None:
    plan = enrolment_plan(case.enrolment)
    told = Simulator(Coins(b"c"), plan, seeded(1)).run(lambda party: enrolment(party, case.enrolment, None))
    plan.proof_length.check(len(told))
    Verifier(Coins(b"c"), plan, told).run(lambda party: enrolment(party, case.enrolment, None), 0)
