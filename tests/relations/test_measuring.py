"""Measuring a claim, and refusing a proof of wrong length, costs nothing that grows with what is claimed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from proofward.layers.arithmetic import sign_tables
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.arrangement import Arrangement
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.measure import check_provable
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, enrolment_plan, verify_enrolment
from proofward.relations.rules.config import RoundConfig
from tests.relations.cases import CONSORTIUM, Case

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


def test_whoever_verifies_fills_no_table_of_signs(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are as long as the largest columns that rules admit, 2^27 and more."""
    rules, statement, made = case.config, case.statement, case.result
    samples = rules.training.padded_steps(statement.rows) * rules.training.batch
    found = Arrangement.of(rules.model, rules.scales, samples, statement.layer_bounds())
    assert {len(limb.widths) for limb in (*found.hidden[0], found.head)} == {1, 2}  # both kinds of tables
    for name in ("_signs", "_signs_above"):
        monkeypatch.setattr(sign_tables, name, lambda bits: pytest.fail(f"signs of {bits} bits are filled in"))
    verify_round(statement, made.ciphertext, made.sealed_shares, made.proof)


def rules_of(network: Network) -> RoundConfig:
    scales = FixedPoint(1, 1, 10, 2, 1, 2, 12)
    return RoundConfig(network, scales, Training(batch=1, steps=1), 1 << 20, 3, 1, 100, False, 1, 2)


LONG = {"kind": "conv2d", "outputs": 1, "kernel": 64, "stride": 1, "padding": 32}
WIDE = {"kind": "conv2d", "outputs": 129, "kernel": 17, "stride": 1, "padding": 0}


@pytest.mark.parametrize(
    ("network", "size"),
    [
        # every layer's two axes have tables of 64 times 2^16 entries
        (chain((1, 60_000, 1), [LONG, LONG, {"kind": "linear", "outputs": 2}]), "entries of the axes' tables"),
        # 4.8 million weights, of which padding makes 2^26
        (chain((129, 17, 17), [WIDE, {"kind": "linear", "outputs": 2}]), "padded weights"),
    ],
)
def test_rules_are_refused_before_their_tables_are_filled(network: Network, size: str) -> None:
    def refused() -> None:
        with pytest.raises(ConfigurationError, match=f"^{size}: expected at most"):
            rules_of(network)

    assert peak_of(refused) < MEGABYTE
