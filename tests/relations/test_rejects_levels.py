"""Subgroups of a proved evaluation: parts of the whole and nothing else, of levels that a hospital signs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from proofward.layers.subgroup import Subgroup
from proofward.relations.evaluation_proof import verify_evaluation
from tests.proof.cheats import Forger, Recorder, refusal
from tests.relations.evaluation_cases import LAYOUT, evaluated, says, statement_of

BINS = LAYOUT.bins


class Pretends(Forger):
    """A forger whose lookups are counted as those of an honest prover where they cannot be counted."""

    fallback: ClassVar[dict[tuple[int, int], Any]] = {}


GROUPED = replace(LAYOUT, subgroups=(Subgroup("sex", ("f", "m"), 0),))
SIZE = 2 * BINS + 4


@pytest.mark.parametrize("cheat", ["a count below 0", "more than there are", "a cell without records", "another table"])
def test_rejects_levels_that_are_no_parts_of_the_whole(cheat: str) -> None:
    """The committed histograms are the false ones, except where the confusion table alone is another."""
    statement = statement_of(layout=GROUPED)
    says(evaluated(statement), Recorder)
    Pretends.fallback = dict(Recorder.last.columns)
    verify_evaluation(statement, *says(evaluated(statement), Pretends))
    known = evaluated(statement).counts
    own = known[SIZE : SIZE + 2 * BINS]
    place = {"a cell without records": known[: 2 * BINS].argmin(), "more than there are": own.argmax()}.get(cheat, 0)
    step = {"a count below 0": -1 - int(own[0]), "more than there are": 7}.get(cheat, 1)
    change = np.zeros(GROUPED.length, dtype=np.int64)
    if cheat != "another table":
        change[SIZE + place] = step
    change[SIZE + 2 * BINS + place // (BINS // 2)] = step
    made = evaluated(statement, change=change)
    said = says(replace(made, witness=replace(made.witness, counts=made.counts)), Pretends)
    assert refusal(lambda: verify_evaluation(statement, *said)) == "column queries"


def test_a_hospital_may_say_which_records_are_of_a_level() -> None:
    """What is signed and not proved: all records of the first level are told as those of the second."""
    statement = statement_of(layout=GROUPED)
    first = evaluated(statement).counts[SIZE : 2 * SIZE]
    change = np.concatenate([np.zeros(SIZE, dtype=np.int64), -first, first])
    made = evaluated(statement, change=change)
    verify_evaluation(statement, *says(replace(made, witness=replace(made.witness, counts=made.counts))))
