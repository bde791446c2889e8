"""Statements at random, honest-looking and absurd, with junk as proof: refused by name, and nothing escapes."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofward.federation.history.proving.judging import Unable, judged
from proofward.federation.history.proving.proof_jobs import RoundJob
from proofward.federation.history.proving.proofs import RelationProofs, judge_round
from proofward.lattice.parameters import ciphertext_length
from proofward.layers.basics.errors import TrainingError
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.errors import ProofRejected
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement

pytestmark = pytest.mark.slow

MODEST = st.integers(1, 70)
NUMBER = st.one_of(
    st.integers(-(1 << 70), 1 << 70), st.integers(-2, 40), st.sampled_from([1 << bit for bit in range(0, 64, 3)])
)
ANYTHING = st.one_of(NUMBER, st.none(), st.booleans(), st.text(max_size=3), st.floats(), st.lists(NUMBER, max_size=2))


@st.composite
def plain_configs(draw: st.DrawFn) -> dict:
    """A configuration as rules have it, with one to three values replaced by others."""
    widths = (draw(MODEST), *draw(st.lists(MODEST, max_size=2)), 2)
    config = RoundConfig(
        mlp(widths), FixedPoint(), Training(1, 4, steps=draw(st.integers(1, 30))), 1 << 18, 5, 2, 100
    )
    plain = config.to_dict()
    places = [(name, None) for name in plain] + [
        (name, inner) for name, part in plain.items() if isinstance(part, dict) for inner in part
    ]
    for name, inner in draw(st.lists(st.sampled_from(places), min_size=0, max_size=3)):
        if inner is None:
            plain[name] = draw(ANYTHING)
        elif isinstance(plain[name], dict):
            plain[name] = {**plain[name], inner: draw(ANYTHING)}
    return plain


@given(
    plain=plain_configs(), rows=st.one_of(st.integers(1, 100), st.integers(1, 1 << 24), NUMBER),
    number=NUMBER, attempt=NUMBER, shift=st.one_of(st.just(0), NUMBER), digest=st.binary(min_size=31, max_size=33),
    weight=st.sampled_from([0, 1 << 20, -(1 << 40), (1 << 63) - 1, -(1 << 63)]), junk=st.binary(max_size=2000),
)  # fmt: skip
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_statement_is_refused_by_name(plain, rows, number, attempt, shift, digest, weight, junk) -> None:
    started, system = time.process_time(), RelationProofs()
    outcomes = []
    try:
        config = RoundConfig.from_dict(plain)
        parameters = config.model.parameters
        enrolment = EnrolmentStatement(bytes(32), "h", rows, config.model.features, config)
        outcomes.append(judged(system.verify_enrolment, enrolment, junk))
        statement = RoundStatement(
            consortium=digest.ljust(32, b"x")[:33], config=config, round=number, attempt=attempt, hospital="h", rows=rows,
            weight_shift=shift, beacon=bytes(32), dataset_root=bytes(32),
            initial_weights=np.full(parameters, weight, np.int64),
        )  # fmt: skip
        ciphertext = bytes(8 * ciphertext_length(parameters))
        outcomes.append(judge_round(system, RoundJob("", statement, (b"",) * config.holders, ciphertext, junk)))
    except TrainingError as error:
        outcomes.append(error)
    assert outcomes and time.process_time() - started < 5
    assert all(isinstance(outcome, ProofRejected | TrainingError) for outcome in outcomes), outcomes
    assert not any(isinstance(outcome, Unable) for outcome in outcomes)
