"""Measuring a claim, and refusing a proof of wrong length, costs nothing that grows with what is claimed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from proofward.proof.errors import ProofRejected
from proofward.relations.enrolment import EnrolmentStatement, verify_enrolment
from tests.relations.cases import CONSORTIUM, config

MEGABYTE = 1 << 20


def peak_of(run: Callable[[], object]) -> int:
    """The most bytes that are in use at once while it runs."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def claim(rows: int) -> EnrolmentStatement:
    return EnrolmentStatement(CONSORTIUM, "hospital", rows, 30, config(widths=(30, 2), batch=16, epochs=1))


def test_measuring_a_large_enrolment_takes_no_memory() -> None:
    assert peak_of(claim(1000).plan) < MEGABYTE
    assert peak_of(claim(1_000_000).plan) < MEGABYTE
    # a table over all entries would take 16 bytes each
    assert claim(1_000_000).plan().values > 1 << 24


def test_rejects_a_small_proof_of_a_large_claim_at_once() -> None:
    statement = claim(1_000_000)

    def refused() -> None:
        with pytest.raises(ProofRejected, match="length: expected"):
            verify_enrolment(statement, bytes(100_000))

    assert peak_of(refused) < MEGABYTE
