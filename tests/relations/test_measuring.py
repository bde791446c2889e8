"""Measuring a claim, and refusing a proof of wrong length, costs nothing that grows with what is claimed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from proofward.layers.errors import ConfigurationError
from proofward.layers.model import FixedPoint, Training
from proofward.layers.network import mlp
from proofward.proof.errors import ProofRejected
from proofward.relations.config import RoundConfig
from proofward.relations.enrolment import EnrolmentStatement, enrolment_plan, verify_enrolment
from proofward.relations.measure import check_provable
from tests.relations.cases import CONSORTIUM

MEGABYTE = 1 << 20
TRAINING = Training(rate=1, batch=16, steps=8)
RULES = RoundConfig(mlp((30, 2)), FixedPoint(), TRAINING, 2048, 3, 1, 100)


def peak_of(run: Callable[[], object]) -> int:
    """The most bytes that are in use at once while it runs."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def claim(rows: int) -> EnrolmentStatement:
    return EnrolmentStatement(CONSORTIUM, "hospital", rows, 30, RULES)


def test_measuring_a_large_enrolment_takes_no_memory() -> None:
    assert peak_of(lambda: enrolment_plan(claim(1000))) < MEGABYTE
    assert peak_of(lambda: enrolment_plan(claim(1_000_000))) < MEGABYTE
    # a table over all entries would take 16 bytes each
    assert enrolment_plan(claim(1_000_000)).values > 1 << 24


def test_rejects_a_small_proof_of_a_large_claim_at_once() -> None:
    statement = claim(1_000_000)

    def refused() -> None:
        with pytest.raises(ProofRejected, match="length: expected"):
            verify_enrolment(statement, bytes(100_000))

    assert peak_of(refused) < MEGABYTE


def test_measuring_a_large_round_takes_no_memory() -> None:
    assert peak_of(lambda: check_provable(RULES, 1_000_000)) < 2 * MEGABYTE


def test_a_claim_beyond_the_rules_is_refused_before_it_is_measured() -> None:
    def refused() -> None:
        with pytest.raises(ConfigurationError, match="rows: expected 16 to 1000000"):
            claim(1 << 40)

    assert peak_of(refused) < MEGABYTE
