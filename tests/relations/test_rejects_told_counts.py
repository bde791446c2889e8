"""Forged counts of levels: what is told is neither all of a level nor nothing, or not what was counted.

The product of hidden bits and counts holds in its own sumcheck; its factors are not those of the columns.
"""

from __future__ import annotations

from unittest import mock

import numpy as np

from proofward.relations.evaluations.inequalities import Block, Inequalities
from proofward.relations.evaluations.level_counts import LevelCounts
from proofward.relations.evaluations.told_levels import TOLD, Levels
from proofward.relations.proofs.evaluation_proof import verify_evaluation
from tests.proof.cheats import refusal, summing_other_columns
from tests.relations.cases import Signed
from tests.relations.evaluation_cases import LAYOUT, Evaluated, evaluated, says
from tests.relations.test_rejects_levels import GROUPED, block, honest, named, public, with_counts

BINS = LAYOUT.bins
CELLS, BITS = "multiplicities of cells of levels", "bits of levels, limb 0"
LARGEST = 1
"""The level whose counts are forged: of the first subgroup, with some records."""


def refused(made: Evaluated, columns: dict[str, Signed]) -> bool:
    """Of a prover that has these columns in the sumcheck of what is told."""
    prover = summing_other_columns(columns, honest())
    with prover.during(LevelCounts, "prove"):
        said = says(made, prover)
    return refusal(lambda: verify_evaluation(made.statement, *said)) == "column queries"


def test_rejects_a_record_that_is_told_in_another_cell_of_its_level() -> None:
    """As many records as counted, all of them, one in another bin."""
    counts, change = evaluated(public()).counts, np.zeros(GROUPED.length, dtype=np.int64)
    own = counts[block(LARGEST + 1)]
    cell = int(own[: 2 * BINS].argmax())
    other = cell + 1 if cell % BINS < BINS - 1 else cell - 1
    table = named(CELLS)
    for at, step in ((cell, -1), (other, 1)):
        change[block(LARGEST + 1)][at] += step
        change[block(LARGEST + 1)][2 * BINS + at // (BINS // 2)] += step
        table[(LARGEST + 1) * 2 * BINS + at] += step
    assert own[cell] and refused(with_counts(change), {CELLS: table})


def test_rejects_a_level_of_which_nothing_is_told_though_its_bit_says_so() -> None:
    """The bit is 1, as it should be, and counts as 0 in the product: enough records are not told as it is."""
    counts, change = evaluated(public()).counts, np.zeros(GROUPED.length, dtype=np.int64)
    change[block(LARGEST + 1)] = -counts[block(LARGEST + 1)]
    bits, (truly, rows) = named(BITS), (Levels.told, Inequalities.values)
    bits[LARGEST] = 0

    def told(levels: Levels, sizes: Signed, records: int) -> tuple[Signed, Signed]:
        found, left = truly(levels, sizes, records)
        reason = 2 * levels.count
        found[reason : reason + 3] = 0, 1, 0
        return found, left

    def values(inequalities: Inequalities) -> Signed:
        about = inequalities.blocks[TOLD]
        known = about.values().copy()
        known[LARGEST] = 0
        own = Block(about.size, lambda: known, about.inner)
        return rows(Inequalities({**inequalities.blocks, TOLD: own}, inequalities._constants, inequalities._entries))

    with mock.patch.object(Levels, "told", told), mock.patch.object(Inequalities, "values", values):
        made = with_counts(change)
        assert counts[block(LARGEST + 1)].any() and refused(made, {BITS: bits})
