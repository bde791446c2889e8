"""A proof holds for its own statement only: every public field is bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.networks.initial_weights import initial_weights
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import verify_enrolment
from tests.proof.cheats import refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, sealed


def other_weights(case: Case) -> dict[str, object]:
    return {"initial_weights": initial_weights(case.config.model, case.config.scales, b"other")}


def one_other_weight(case: Case) -> dict[str, object]:
    weights = case.statement.initial_weights.copy()
    weights[-1] += 1
    return {"initial_weights": weights}


OTHER = {
    "replay in another round": lambda case: {"round": 2},
    "replay in another attempt": lambda case: {"attempt": 1},
    "another weight shift": lambda case: {"weight_shift": 1},
    "replay of a proof under another beacon": lambda case: {"beacon": b"d" * 32},
    "wrong hospital": lambda case: {"hospital": "h2"},
    "wrong consortium": lambda case: {"consortium": b"e" * 32},
    "wrong model weights": other_weights,
    "one wrong weight": one_other_weight,
    "wrong rows, same padding": lambda case: {"rows": 12},
    "wrong rows, other padding": lambda case: {"rows": 40},
    "fewer rows": lambda case: {"rows": 10},
    "wrong dataset root": lambda case: {"dataset_root": case.result.dataset.root},
    "other clip bound": lambda case: {"config": config(clip=4097)},
    "other rate": lambda case: {"config": config(rate=2)},
    "other epochs": lambda case: {"config": config(epochs=3)},
    "other threshold": lambda case: {"config": config(threshold=2)},
    "other holders": lambda case: {"config": config(holders=4)},
    "lower policy": lambda case: {"config": config(security=39)},
    "higher policy": lambda case: {"config": config(security=60)},
}


@pytest.mark.parametrize("name", OTHER)
def test_rejects_a_round_under_another_statement(case: Case, name: str) -> None:
    statement = replace(case.statement, **OTHER[name](case))
    with pytest.raises(ProofRejected):
        verify_round(statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof)


def test_statements_are_bound_before_anything_else(case: Case) -> None:
    transcripts = {
        replace(case.statement, **OTHER[name](case)).transcript(case.result.ciphertext) for name in OTHER
    }
    transcripts.add(case.statement.transcript(case.result.ciphertext))
    assert len(transcripts) == len(OTHER) + 1


def test_rejects_another_ciphertext(case: Case) -> None:
    (digests, proof), honest = (case.result.sealed_shares, case.result.proof), case.result.ciphertext
    other = prove_round(case.statement, case.secret, seeded(77), sealed).ciphertext
    plus_one, last = honest.copy(), honest.copy()
    plus_one[0] += np.uint64(1)
    last[-1] ^= np.uint64(1 << 18)
    for ciphertext in (other, plus_one, last, np.zeros_like(honest)):
        assert refusal(lambda: verify_round(case.statement, ciphertext, digests, proof)) != "ciphertext"


def test_rejects_ciphertexts_that_are_not_canonical(case: Case) -> None:
    (digests, proof), honest = (case.result.sealed_shares, case.result.proof), case.result.ciphertext
    large = honest.copy()
    large[3] = np.uint64((1 << 64) - 1)
    for ciphertext in (honest[:-1], honest.astype(np.int64), large, honest.reshape(1, -1)):
        assert refusal(lambda: verify_round(case.statement, ciphertext, digests, proof)) == "ciphertext"


def test_rejects_another_proof_of_the_same_case(case: Case) -> None:
    other = prove_round(case.statement, case.secret, seeded(77), sealed)
    assert refusal(
        lambda: verify_round(case.statement, case.result.ciphertext, other.sealed_shares, other.proof)
    )
    verify_round(case.statement, other.ciphertext, other.sealed_shares, other.proof)


def test_rejects_a_proof_of_the_other_relation(case: Case) -> None:
    assert refusal(
        lambda: verify_round(
            case.statement, case.result.ciphertext, case.result.sealed_shares, case.enrolment_proof
        )
    )
    assert refusal(lambda: verify_enrolment(case.enrolment, case.result.proof))


@pytest.mark.parametrize(
    "change",
    [
        {"consortium": b"e" * 32},
        {"hospital": "h2"},
        {"hospital": "h"},
        {"rows": 10},
        {"rows": 12},
        {"rows": 17},
        {"config": config(clip=4097)},
        {"config": config(security=60)},
    ],
    ids=str,
)
def test_rejects_an_enrolment_under_another_statement(case: Case, change: dict[str, object]) -> None:
    with pytest.raises(ProofRejected):
        verify_enrolment(replace(case.enrolment, **change), case.enrolment_proof)
    verify_enrolment(case.enrolment, case.enrolment_proof)
