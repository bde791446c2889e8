"""Every column, message and array element of the toy relation, changed by a prover who forges the rest."""

from __future__ import annotations

import pytest

from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter, Plan
from proofward.proof.errors import ProofRejected
from proofward.proof.prover import Prover
from proofward.proof.transcript import Label, Transcript
from proofward.proof.verifier import Verifier
from tests.proof import committed
from tests.proof.cheats import (
    FalseProducts,
    FarFromCode,
    Forger,
    Inventory,
    Recorder,
    changing_array,
    changing_entry,
    changing_message,
    refusal,
)
from tests.proof.toy import seeded, toy, toy_witness

CODE = CodeParameters(log_k=6, log_n=9, queries=48, openings=1)
PLAN = Counter(Ligero(CODE)).run(lambda party: toy(party, None))
WITNESS = (*toy_witness(3), toy_witness(3)[1] ** 2)


def told(prover: type[Prover]) -> bytes:
    return prover(Transcript(b"toy"), PLAN, seeded(1)).run(lambda party: toy(party, WITNESS))


def verify(proof: bytes) -> None:
    Verifier(Transcript(b"toy"), PLAN, proof).run(lambda party: toy(party, None), 20)


@pytest.fixture(scope="module")
def honest() -> dict:  # type: ignore[type-arg]
    verify(told(Recorder))
    return dict(Recorder.last.columns)


def test_accepts_a_forger_with_nothing_to_forge() -> None:
    verify(told(Forger))
    assert told(Forger) == told(Prover)


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_column(honest) -> None:  # type: ignore[no-untyped-def]
    counter = Inventory(Ligero(CODE))
    counter.run(lambda party: toy(party, None))
    assert [column.name for column in counter.columns[:4]] == ["a", "b", "c", "d"]
    for column in counter.columns:
        size = 1 << column.log_size
        for position in {0, 1, size // 2, size - 1}:
            forger = changing_entry((column.commitment, column.index), position, honest)
            assert refusal(lambda: verify(told(forger))) == "column queries", (column.name, position)


@pytest.mark.slow
def test_rejects_every_changed_message() -> None:
    for target in range(PLAN.pads + 2 * PLAN.products):
        assert refusal(lambda: verify(told(changing_message(target)))) == "column queries", target


LENGTHS = {
    Label.LINEAR: CODE.k + CODE.dimension,
    Label.QUADRATIC: 2 * CODE.dimension - CODE.k,
    Label.EVALUATIONS: 4,
    Label.COMBINED_ROW: CODE.dimension,
}


@pytest.mark.slow
@pytest.mark.parametrize("label", LENGTHS)
def test_rejects_changed_elements_of_every_array(label: Label) -> None:
    checks = set()
    for position in range(0, LENGTHS[label], max(1, LENGTHS[label] // 10)):
        for plane in (0, 1):
            proof = told(changing_array(label, position, plane))
            checks.add(refusal(lambda: verify(proof)))
    assert checks <= {
        "linear constraints",
        "combined row at the out-of-domain point",
        "column queries",
    }


@pytest.mark.parametrize("prover", [FalseProducts, FarFromCode])
def test_rejects_false_products_and_words_far_from_the_code(prover: type[Prover]) -> None:
    assert refusal(lambda: verify(told(prover))) == "column queries"


@pytest.mark.parametrize("plan", [PLAN, committed.PLAN], ids=["in the clear", "committed"])
def test_the_honest_prover_sends_no_proof_of_a_false_statement(plan: Plan) -> None:
    a, b, c, d = WITNESS
    wrong = c.copy()
    wrong[0] += 1
    party = Prover(Transcript(b"toy"), plan, seeded(1))
    with pytest.raises(ProofRejected, match="linear constraints"):
        party.run(lambda own: toy(own, (a, b, wrong, d)))
