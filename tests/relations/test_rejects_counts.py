"""Counts out of range, beyond the rows, or other than those in the ciphertext have no proof that is accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from proofward.field.goldilocks import random_field, to_field
from proofward.field.scalar import P
from proofward.lattice.parameters import RING_DEGREE
from proofward.proof.forms import Column
from proofward.relations.counting_rounds.counting_round import counting_round
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.proofs.counts_proof import verify_counts
from proofward.relations.proofs.measure import counting_plan
from proofward.relations.rules.counting import Counting
from tests.proof.cheats import Forger, Inventory, changing_entry, changing_message, refusal
from tests.proof.toy import seeded
from tests.relations.cases import ciphertext_of
from tests.relations.counting_cases import (
    COUNTING,
    COUNTS,
    ROWS,
    Counted,
    counted,
    honest_columns,
    says,
    statement_of,
)


class Pretends(Forger):
    """A forger whose lookups are counted as those of an honest prover."""

    fallback: ClassVar[dict[tuple[int, int], Any]] = {}


@pytest.fixture(autouse=True)
def honest() -> None:
    Pretends.fallback = honest_columns()


def refused_by(made: Counted, prover: type[Forger] = Pretends, ciphertext: Any = None) -> str:
    """The check that refuses what the prover says."""
    said = says(made, prover, ciphertext)
    return refusal(lambda: verify_counts(made.statement, *said))


def columns() -> list[Column]:
    statement = statement_of()
    counter = Inventory(counting_plan(statement).scheme)
    nothing = np.zeros_like(counted().ciphertext)
    counter.run(lambda party: counting_round(party, statement, nothing, lambda _: (), None) and None)
    return counter.columns


def test_a_forger_of_the_truth_is_accepted() -> None:
    verify_counts(statement_of(), *says(counted(), Pretends))


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_column() -> None:
    """But for the sharing polynomial, whose coefficients are free and are what the shares are bound to."""
    names = []
    for number, column in enumerate(columns()):
        if column.name.startswith("sharing coefficient"):
            continue
        position = ((2 * number + 1) << column.log_size) // 7 % (1 << column.log_size)
        forger = changing_entry((column.commitment, column.index), position, honest_columns())
        assert refused_by(counted(), forger) == "column queries", (column.name, position)
        names.append(column.name)
    assert len(names) == len(columns()) - 1 and {
        "counts, limb 0",
        "secret",
        "rooms of groups, limb 0",
    } <= set(names)


@pytest.mark.slow
def test_rejects_a_changed_message() -> None:
    plan = counting_plan(statement_of())
    count = plan.pads + 2 * plan.products
    for target in [*range(0, count, 37), count - 1]:
        assert refused_by(counted(), changing_message(target)) == "column queries", target
    verify_counts(statement_of(), *says(counted(), changing_message(count)))


@pytest.mark.parametrize("entry", [0, 3])
@pytest.mark.parametrize("count", [-1, 1 << 9, (1 << 9) + 3])
def test_rejects_counts_out_of_range(entry: int, count: int) -> None:
    """Encrypted as they are, and in the group's sum as they are."""
    counts = COUNTS.copy()
    counts[entry] = count
    assert refused_by(counted(counts)) == "column queries"


@pytest.mark.parametrize("rows", [ROWS - 1, ROWS - 4])
def test_rejects_a_group_of_more_than_the_rows(rows: int) -> None:
    """The room of the second group is negative; its limbs say that it is another."""
    assert refused_by(counted(COUNTS, statement_of(rows=rows))) == "column queries"


@pytest.mark.parametrize("more", [1, 32, P - 1])
def test_rejects_another_room_that_is_in_range(more: int) -> None:
    """Both are in their range, and the sum is not the rows."""

    class Widens(Pretends):
        def alter(self, column: Column, value: Any) -> Any:
            return to_field(np.array([0, 1])) if column.name.startswith("rooms") else value

    assert refused_by(counted(), Widens) == "column queries"


def test_rejects_counts_behind_the_last() -> None:
    """An added entry is not 0: whoever reads the sum would not see it, and the sum would not decode."""
    made = counted()
    error = made.witness.encryption.error.astype(np.int64)
    update = np.append(COUNTS, 1)
    words = ciphertext_of(made.statement, made.witness.encryption.secret.astype(np.int64), error, update)  # type: ignore[arg-type]
    assert refused_by(made, ciphertext=words) == "column queries"


@pytest.mark.parametrize("change", ["count", "error", "key"])
def test_rejects_another_ciphertext(change: str) -> None:
    """Of other counts in range, with an error out of range, under a key that is not small."""
    made = counted()
    key = made.witness.encryption
    secret, error, counts = key.secret.astype(np.int64), key.error.astype(np.int64), COUNTS.copy()
    if change == "count":
        counts[1] += 1
    elif change == "error":
        error[2] = 43
    else:
        secret[7] = 2
        made = replace(
            made, witness=replace(made.witness, encryption=replace(key, secret=secret.astype(np.int8)))
        )
    words = ciphertext_of(made.statement, secret, error, counts)  # type: ignore[arg-type]
    assert refused_by(made, ciphertext=words) == "column queries"


def other(**changes: Any) -> CountingStatement:
    return replace(statement_of(), **changes)


@pytest.mark.parametrize(
    "statement",
    [
        other(consortium=b"o" * 32), other(round=2), other(attempt=1), other(hospital="h2"), other(rows=ROWS + 1), other(beacon=b"o" * 32),
        other(dataset_root=b"o" * 32), other(model=b"o" * 32), other(counting=replace(COUNTING, description="others")),
        other(counting=replace(COUNTING, bits=8)), other(counting=replace(COUNTING, rounds=(1, 2))),
    ],
)  # fmt: skip
def test_rejects_other_statements(statement: CountingStatement) -> None:
    assert refusal(lambda: verify_counts(statement, *says(counted())))


def test_rejects_another_number_of_counts() -> None:
    statement = other(counting=Counting("scores", "what is counted", 6, 9, (1,), (3, 3), 1, True))
    assert refusal(lambda: verify_counts(statement, *says(counted()))) == "ciphertext"


def test_rejects_other_sealed_shares() -> None:
    ciphertext, digests, proof = says(counted())
    for wrong in ((digests[0], digests[2], digests[1]), digests[:2], (*digests[:2], b"1")):
        assert (
            refusal(lambda given=wrong: verify_counts(statement_of(), ciphertext, given, proof)) is not None
        )  # type: ignore[misc]


def test_a_share_of_another_key_does_not_match_the_binding() -> None:
    made = counted()
    ciphertext, digests, proof = says(made)
    binding = verify_counts(made.statement, ciphertext, digests, proof).share_binding
    assert not binding.matches(1, random_field(RING_DEGREE, seeded(1)), binding.values[0])
