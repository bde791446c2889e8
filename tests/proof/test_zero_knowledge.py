"""Conversations tell nothing: uniform whatever the witness, like a simulator's; every mask is needed for that."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from tests.proof.conversations import (
    FEW,
    MANY,
    PLAN,
    ROWS,
    WITNESS_ROWS,
    conversation,
    sample_of,
    witness,
)
from tests.proof.masks import (
    MASKS,
    WithoutBlinding,
    WithoutSalts,
    rows_of_kind,
    without_rows,
)
from tests.proof.tableaux import tableau_rows
from tests.proof.toy import seeded, toy
from tests.proof.uniformity import COINS, LIMIT, Sample, differences, flaws, score


@pytest.fixture(scope="module")
def zeros() -> Sample:
    return sample_of(witness("zeros"), MANY)


@pytest.fixture(scope="module")
def extremes() -> Sample:
    return sample_of(witness("extremes"), MANY, first=1000)


@pytest.fixture(scope="module")
def simulated() -> Sample:
    told = [
        Simulator(Coins(COINS), PLAN, seeded(2000 + i)).run(lambda party: toy(party, None))
        for i in range(MANY)
    ]
    return Sample.of(told, lambda party: toy(party, None), PLAN)


@pytest.mark.slow
def test_conversations_are_uniform(zeros: Sample, extremes: Sample, simulated: Sample) -> None:
    assert len(zeros.kinds) == 1 + 1 + 4 + sum(tableau_rows(PLAN)) + 4
    assert {"padded message", "linear test polynomial", "combined row", "row 0 of data"} <= zeros.kinds.keys()
    for sample in (zeros, extremes, simulated):
        assert flaws(sample) == {}


def test_conversations_do_not_tell_two_witnesses_apart(
    zeros: Sample, extremes: Sample, simulated: Sample
) -> None:
    assert differences(zeros, extremes) == {}
    assert differences(zeros, simulated) == {}
    assert differences(extremes, simulated) == {}


def test_no_word_of_a_conversation_stands_in_it_twice(zeros: Sample) -> None:
    words = np.concatenate(list(zeros.kinds.values()), axis=1)
    for told in words:
        assert np.unique(told).size == told.size


def test_words_are_not_correlated_across_conversations(zeros: Sample) -> None:
    for kind in ("padded message", "combined row", "linear test polynomial"):
        values = zeros.kinds[kind].astype(np.float64) / 2.0**64 - 0.5
        normalised = values / np.sqrt((values**2).sum(axis=0))
        neighbours = (normalised[:, 1:] * normalised[:, :-1]).sum(axis=0)
        # a correlation of n pairs has variance 1 / n
        assert abs(score(float((neighbours**2).sum() * MANY), neighbours.size)) < LIMIT


def row_name(row: int) -> str:
    """The kind of word that the first plane of a row over E is."""
    return f"row {WITNESS_ROWS + 2 * row} of witness"


@pytest.mark.slow
@pytest.mark.parametrize("known", ["zeros", "extremes"])
@pytest.mark.parametrize("mask", MASKS)
def test_detects_a_missing_mask_of_the_opening(mask: str, known: str) -> None:
    found = flaws(sample_of(witness(known), FEW, without_rows(mask)))
    assert {row_name(MASKS[mask])} <= found.keys() and "repeat" in found[row_name(MASKS[mask])]
    others = {name for name in found if not name.startswith("row ")}
    # the upper halves of p and q have no other mask
    assert others <= {"linear test polynomial", "quadratic test quotient"}


@pytest.mark.slow
@pytest.mark.parametrize("pads", ["PAD", "LEFT", "RIGHT"])
@pytest.mark.parametrize("data_only", [False, True])
def test_detects_missing_pads(pads: str, data_only: bool) -> None:
    found = flaws(sample_of(witness("extremes"), FEW, without_rows(pads, data_only)))
    assert "padded message" in found and "repeat" in found["padded message"]
    if not data_only:
        assert {row_name(row) for row in rows_of_kind(ROWS, pads)} <= found.keys()


def test_messages_without_pads_tell_the_witness() -> None:
    """Without pads the first message is the lookups' denominator, which depends on the witness alone."""
    told = {
        kind: {conversation(witness(kind), seed, without_rows("PAD", True))[64:80] for seed in range(3)}
        for kind in ("zeros", "extremes")
    }
    assert {kind: len(values) for kind, values in told.items()} == {"zeros": 1, "extremes": 1}
    assert told["zeros"] != told["extremes"]


@pytest.mark.slow
def test_detects_missing_blinding() -> None:
    found = flaws(sample_of(witness("extremes"), FEW, WithoutBlinding))
    assert {f"row {row} of data" for row in range(tableau_rows(PLAN)[0])} <= found.keys()


@pytest.mark.slow
def test_detects_missing_salts() -> None:
    found = flaws(sample_of(witness("extremes"), FEW, WithoutSalts))
    assert found.keys() == {"salts of data", "salts of witness"}
