"""Proofs of counts are accepted, reach the policy, and say nothing of the counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.goldilocks import random_field, to_field
from proofward.lattice.decoding import decode
from proofward.lattice.parameters import ciphertext_length
from proofward.lattice.sampler import MaskContext
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from proofward.relations.counting_rounds.counting_round import counting_round
from proofward.relations.proofs.counts_proof import check_counts, prove_counts, verify_counts
from proofward.relations.proofs.measure import blank_counts, check_countable, counting_plan
from proofward.relations.rules.counting import Counting, untrained
from tests.proof.cheats import Inventory
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import sealed
from tests.relations.counting_cases import COUNTING, COUNTS, ROWS, counted, says, statement_of
from tests.relations.test_soundness import check_challenges

ONE_GROUP = replace(COUNTING, groups=())
FREE = replace(COUNTING, within_rows=False)
WIDE = Counting("wide", "counts of more than one limb", 300, 31, (1,))


def some_counts(counting: Counting) -> np.ndarray:
    """Random counts with the largest one among them, where groups leave room for it."""
    counts = np.random.default_rng(1).integers(0, 3, counting.length).astype(np.int64)
    if not counting.within_rows:
        counts[-1] = counting.bound
    return counts


@pytest.mark.parametrize("counting", [COUNTING, ONE_GROUP, FREE, WIDE], ids=["groups", "one", "free", "wide"])
def test_counts_are_proved_and_decode(counting: Counting) -> None:
    statement, counts = statement_of(counting), some_counts(counting)
    made = prove_counts(statement, counts, seeded(1), sealed)
    found = verify_counts(statement, made.ciphertext, made.sealed_shares, made.proof)
    assert found.dataset_root == statement.dataset_root and found.proof_bytes == len(made.proof)
    assert all(found.share_binding.matches(own.holder, own.values, own.blind) for own in made.shares)
    key = counted(counts, statement)
    secret = to_field(key.witness.encryption.secret.astype(np.int64))
    context = MaskContext(statement.beacon, statement.round)
    sums = decode(
        context, key.ciphertext, secret, hospitals=1, parameters=counting.length, bound=counting.bound
    )  # fmt: skip
    assert np.array_equal(sums, counts)


@pytest.mark.slow
def test_the_reference_verifier_agrees() -> None:
    made = counted()
    said = says(made)
    with reference_arithmetic():
        verify_counts(made.statement, *said)


@pytest.mark.parametrize("counting", [COUNTING, FREE, WIDE])
def test_every_challenge_is_entered(counting: Counting) -> None:
    statement = statement_of(counting)
    plan = counting_plan(statement)
    counter = Inventory(plan.scheme)
    nothing = np.zeros(ciphertext_length(counting.length), dtype=np.uint64)
    counter.run(lambda party: counting_round(party, statement, nothing, lambda _: (), None) and None)
    check_challenges(counter, plan)


@pytest.mark.parametrize(
    "counting", [COUNTING, WIDE, Counting("most", "as many as may be", 1 << 20, 31, (1,), within_rows=True)]
)
def test_proofs_reach_a_hundred_bits(counting: Counting) -> None:
    rules = untrained(5, 2)
    check_countable(rules, counting)
    assert counting_plan(blank_counts(rules, counting, rules.most_rows)).soundness_bits >= 100


@pytest.mark.parametrize(
    ("counts", "rows"),
    [
        (COUNTS.astype(np.int32), ROWS),
        (COUNTS[:4], ROWS),
        (np.append(COUNTS[:4], -1), ROWS),
        (np.append(COUNTS[:4], 1 << 9), 1000),
        (COUNTS, ROWS - 1),
    ],
    ids=["type", "length", "negative", "too large", "more than the rows"],
)
def test_other_counts_are_not_proved(counts: np.ndarray, rows: int) -> None:
    with pytest.raises(WitnessError):
        prove_counts(statement_of(rows=rows), counts, seeded(1), sealed)


def test_small_counts_go_to_the_remainder_of_their_group() -> None:
    counting = replace(COUNTING, least_count=4)
    told = counting.told(np.array([3, 4, 2, 1, 0], dtype=np.int64))
    assert told.tolist() == [0, 4, 5, 0, 1]
    assert COUNTING.told(COUNTS).tolist() == COUNTS.tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"label": ""}, {"label": "x" * 101}, {"description": ""}, {"description": "\ud800"}, {"length": 1}, {"bits": 0}, {"bits": 32},
        {"rounds": ()}, {"rounds": (2, 2)}, {"rounds": (0,)}, {"rounds": [1]}, {"groups": (5,)}, {"groups": (2, 2)}, {"groups": (5, 0)},
        {"least_count": 0}, {"least_count": 1 << 10}, {"within_rows": 1},
    ],
)  # fmt: skip
def test_countings_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"counting.{next(iter(changes))}"):
        replace(COUNTING, **changes)


def test_the_plain_form_is_canonical() -> None:
    assert Counting.from_dict(COUNTING.to_dict()) == COUNTING
    for wrong in (None, {**COUNTING.to_dict(), "more": 1}, {**COUNTING.to_dict(), "rounds": 1}):
        with pytest.raises(ConfigurationError):
            Counting.from_dict(wrong)
    assert len({COUNTING.digest(), ONE_GROUP.digest(), FREE.digest(), WIDE.digest()}) == 4


@pytest.mark.parametrize(
    "changes", [{"beacon": b""}, {"model": b"1"}, {"dataset_root": b""}, {"round": -1}, {"rows": 0}, {"rows": 1 << 25}]
)  # fmt: skip
def test_statements_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        replace(statement_of(), **changes)


DIGESTS = (b"", b"1" * 32, b"2" * 32)


def simulated(seed: int, coins: bytes = COINS) -> tuple[np.ndarray, bytes]:
    """A conversation without counts or key, about a ciphertext of uniform words."""
    statement, rng = statement_of(), seeded(seed)
    ciphertext = random_field(counted().ciphertext.size, rng)
    party = Simulator(Coins(coins), counting_plan(statement), rng)
    told = party.run(
        lambda own: cast(Any, counting_round(own, statement, ciphertext, lambda _: DIGESTS, None)) and None
    )
    return ciphertext, told


def test_a_simulated_counting_round_is_accepted() -> None:
    statement, (ciphertext, told) = statement_of(), simulated(1)
    assert len(told) == pytest.approx(len(says(counted())[2]), rel=0.03)
    assert check_counts(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    for coins in (b"", b"other coins"):
        with pytest.raises(ProofRejected):
            check_counts(statement, ciphertext, DIGESTS, told, Coins(coins))
    with pytest.raises(ProofRejected):
        verify_counts(statement, ciphertext, DIGESTS, told)
