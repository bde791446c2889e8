"""Whatever admissible records and weights are, there is an honest proof, and it is accepted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import FixedPoint
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.proof.toy import seeded
from tests.relations.cases import CONSORTIUM, Case, config, sealed, statement_of

ROWS = 6
RULES = {
    "usual": config(widths=(4, 4, 2), batch=2, steps=3),
    "fast": config(widths=(3, 2, 3, 2), batch=2, steps=2, rate=512),
    "logistic": config(widths=(4, 2), batch=4, steps=3, rate=64),
    "narrow ranges": config(widths=(3, 4, 2), batch=2, steps=2, scales=FixedPoint(3, 4, 20, 4, 2, 2, 8)),
    "three classes": config(widths=(4, 4, 3), batch=2, steps=3),
    "five classes in narrow ranges": config(
        widths=(3, 4, 5), batch=2, steps=2, scales=FixedPoint(3, 4, 20, 4, 2, 2, 8)
    ),
}


def statement(name: str, seed: int) -> tuple[RoundStatement, object]:
    """A round on records at the ends of their range, from weights of which most are at the limit."""
    rules, random = RULES[name], np.random.default_rng(seed)
    low, high = rules.scales.input_range
    features = random.choice([low, high], (ROWS, rules.model.features))
    classes = rules.model.head.classes
    kinds = [random.integers(0, classes, ROWS), np.zeros(ROWS, np.int64), np.full(ROWS, classes - 1)]
    labels = kinds[seed % 3]
    if seed % 4 == 3:
        features[:] = features[0]
    limit = rules.weight_limit
    weights = random.choice([-limit, limit, limit, 0, 1], rules.model.parameters).astype(np.int64)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", ROWS, rules.model.features, rules)
    _, secret = prove_enrolment(enrolled, features, labels, seeded(seed))
    return replace(statement_of(rules, ROWS, secret.root), initial_weights=weights), secret


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_a_round_at_the_extremes_is_proved(name: str, seed: int) -> None:
    about, secret = statement(name, seed)
    made = prove_round(about, secret, seeded(seed), sealed)  # type: ignore[arg-type]
    verify_round(about, made.ciphertext, made.sealed_shares, made.proof)


def test_weights_beyond_the_limit_are_refused_before_anything_is_trained(case: Case) -> None:
    limit = case.config.weight_limit
    for value in (limit + 1, -limit - 1):
        weights = case.statement.initial_weights.copy()
        weights[3] = value
        with pytest.raises(ConfigurationError, match="initial_weights"):
            replace(case.statement, initial_weights=weights)
