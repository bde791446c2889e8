"""Rounds beside a validation part: honest ones pass, and one that trains on a row of it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.field import reference_arithmetic
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Coins
from proofward.relations.proofs.prove import check_round, prove_round, verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import CONSORTIUM, Case, config, records, round_witness, sealed, statement_of
from tests.relations.test_rejects_cheats import stopped
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

pytestmark = pytest.mark.slow
ROWS, SHARE = 11, 250_000
DRAWN_BY = b"v" * 32


def stated(rules, root: bytes) -> RoundStatement:
    plain = replace(rules, training=replace(rules.training, validation_share=0))
    return replace(
        statement_of(plain, ROWS, root), config=rules, weight_shift=rules.weight_shift(ROWS),
        validation_beacon=DRAWN_BY,
    )  # fmt: skip


@pytest.fixture(scope="module")
def held() -> Case:
    """Eleven rows of which three are held out: 16 samples of 8 rows in four steps."""
    rules = config()
    rules = replace(rules, least_rows=0, most_rows=0, training=replace(rules.training, validation_share=SHARE))
    features, labels = records(rules, ROWS)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", ROWS, features.shape[1], rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(1))
    statement = stated(rules, secret.root)
    made = prove_round(statement, secret, seeded(1001), sealed)
    return Case(rules, features, labels, enrolled, proof, secret, statement, made)


def test_accepts_an_honest_round(held: Case) -> None:
    """The reference verifier says the same."""
    assert held.config.training.steps_for(ROWS) == 4 and len(held.statement.arc.held_out) == 3
    result = held.result
    verify_round(held.statement, result.ciphertext, result.sealed_shares, result.proof)
    with reference_arithmetic():
        verify_round(held.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_a_simulated_round_is_accepted(held: Case) -> None:
    statement, ciphertext, told = simulated_round(held, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40


def test_the_weight_is_that_of_the_rows_that_are_trained_on(held: Case) -> None:
    assert held.statement.rule.weight == (8 << 10) >> held.statement.weight_shift


@pytest.mark.parametrize("cheat", ["row", "shift"])
def test_rejects_a_row_of_the_part_in_a_batch(held: Case, cheat: str) -> None:
    batches = held.statement.schedule().copy()
    if cheat == "row":
        batches[0, 0] = held.statement.arc.held_out[0]
    else:
        batches = (batches + 1) % ROWS
    witness, encryption = round_witness(held, seeded(3), batches=batches)
    assert stopped(held, witness, encryption.ciphertext)


def test_rejects_another_validation_beacon(held: Case) -> None:
    other, result = replace(held.statement, validation_beacon=b"w" * 32), held.result
    with pytest.raises(ProofRejected):
        verify_round(other, result.ciphertext, result.sealed_shares, result.proof)


def test_the_statement_names_a_beacon_exactly_where_rules_have_a_share(held: Case) -> None:
    rules = config()
    with pytest.raises(ConfigurationError, match="validation_beacon: expected 0 bytes"):
        replace(statement_of(rules), validation_beacon=DRAWN_BY)
    with pytest.raises(ConfigurationError, match="validation_beacon: expected 32 bytes"):
        replace(held.statement, validation_beacon=b"")
    assert statement_of(rules).arc is None
    changed = held.statement.transcript(held.result.ciphertext)
    other = replace(held.statement, validation_beacon=b"w" * 32).transcript(held.result.ciphertext)
    assert changed != other
