"""A hospital's own counts, published beside its proof: they are those that are encrypted, or it is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import mlp
from proofward.proof.transcript import Coins
from proofward.relations.evaluations.count_header import (
    COUNT_BYTES,
    MARK,
    counts_in_header,
    counts_to_header,
    published_in,
)
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.evaluation_proof import check_evaluation, prove_evaluation, verify_evaluation
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.scores.score_layout import ScoreLayout
from tests.proof.cheats import Recorder, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations import noisy_count_cases
from tests.relations.cases import sealed
from tests.relations.evaluation_cases import DIGESTS, enrolled, evaluated, says, simulated, statement_of
from tests.relations.test_rejects_levels import GROUPED


def public(classes: int = 2, left_out: int = 0) -> EvaluationStatement:
    layout = ScoreLayout(classes, 6, 1, GROUPED.subgroups)
    return statement_of(mlp((5, 4, classes)), layout=layout, left_out=left_out)


def proved(statement: EvaluationStatement, publish: bool = True) -> Any:
    secret = enrolled(statement.config.model)[1]
    return prove_evaluation(statement, secret, seeded(1), sealed, publish=publish)


@pytest.mark.parametrize(("classes", "left_out"), [(2, 0), (3, 0), (2, 3)])
def test_published_counts_are_accepted_and_read(classes: int, left_out: int) -> None:
    statement = public(classes, left_out)
    made = proved(statement)
    found = verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)
    assert shown(statement, made.proof) == tuple(made.counts.tolist())
    assert found.proof_bytes == len(made.proof) and found.soundness_bits >= 40
    assert "published counts" in str(found.soundness)
    if classes == 2 and not left_out:
        with reference_arithmetic():
            verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)


def shown(statement: EvaluationStatement, proof: bytes) -> tuple[int, ...]:
    return published_in(proof, statement.counting.length, statement.counting.left_out)


def test_without_it_a_proof_is_what_it_was() -> None:
    statement = public()
    made = proved(statement, publish=False)
    assert shown(statement, made.proof) == () and MARK not in made.proof
    assert evaluation_plan(statement).soundness.bits >= evaluation_plan(with_counts(statement, made.counts)).soundness.bits


def with_counts(statement: EvaluationStatement, counts: Any) -> EvaluationStatement:
    return replace(statement, published=tuple(int(count) for count in counts))


@cache
def columns(classes: int) -> dict[tuple[int, int], Any]:
    made = evaluated(public(classes))
    says(replace(made, statement=with_counts(made.statement, made.counts)), Recorder)
    return dict(Recorder.last.columns)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("entry", ["histogram", "confusion", "level", "last"])
def test_rejects_published_counts_that_are_not_the_encrypted_ones(classes: int, entry: str) -> None:
    """Of an honest ciphertext and proof, with one count more than there is, in any block."""
    made = evaluated(public(classes))
    size = sum(made.statement.layout.parts)
    place = {"histogram": 3, "confusion": size - 1, "level": size + 2, "last": len(made.counts) - 1}[entry]
    told = made.counts.copy()
    told[place] += 1
    statement = with_counts(made.statement, told)
    forged = says(replace(made, statement=statement), replacing_columns({}, columns(classes)))
    words, digests, proof = forged
    whole = counts_to_header(statement.published) + proof
    assert refusal(lambda: verify_evaluation(made.statement, words, digests, whole)) == "column queries"


def test_rejects_other_counts_beside_a_proof_and_none() -> None:
    """They are part of the statement, so the proof of some is no proof of others."""
    statement = public()
    made = proved(statement)
    start = len(MARK)
    other = bytearray(made.proof)
    other[start] += 1
    size = start + COUNT_BYTES * statement.counting.length
    beyond = MARK + b"\xff" * (size - start) + made.proof[size:]
    for wrong in (bytes(other), made.proof[size:], made.proof[: size - 1], beyond, MARK):
        assert refusal(lambda given=wrong: verify_evaluation(statement, made.ciphertext, made.sealed_shares, given))  # type: ignore[misc]
    kept = proved(statement, publish=False)
    added = counts_to_header(tuple(kept.counts.tolist())) + kept.proof
    assert refusal(lambda: verify_evaluation(statement, kept.ciphertext, kept.sealed_shares, added))


def test_nothing_is_published_beside_noise_and_nothing_that_is_no_vector() -> None:
    statement = public()
    for told in ((1,), (-1,) * statement.counting.length, (1 << 20,) * statement.counting.length):
        with pytest.raises(ConfigurationError, match="published count"):
            replace(statement, published=told)
    noisy = noisy_count_cases.honest(noisy_count_cases.EVALUATION)
    with pytest.raises(ConfigurationError, match="none beside noise"):
        with_counts(noisy.statement, noisy.counts)
    words, digests, proof = noisy_count_cases.proof_of(noisy)
    added = counts_to_header((1,) * noisy.statement.counting.length) + proof
    check = refusal(lambda: verify_evaluation(noisy.statement, words, digests, added))
    assert check == "published counts"


def test_headers_are_read_as_they_are_written() -> None:
    counts = (0, 5, (1 << 31) - 1)
    assert counts_in_header(counts_to_header(counts) + b"proof", 3) == (counts, b"proof")
    assert counts_to_header(()) == b"" and counts_in_header(b"proof", 3) == ((), b"proof")
    with pytest.raises(ValueError, match="expected 3"):
        counts_in_header(counts_to_header(counts)[:-1], 3)


def test_a_simulated_proof_shows_the_counts_and_nothing_else() -> None:
    """Without records or key, of a uniform ciphertext, for whatever counts are published."""
    made = evaluated(public())
    statement, words, told = simulated(with_counts(public(), np.arange(len(made.counts))), made.ciphertext.size)
    assert check_evaluation(statement, words, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
