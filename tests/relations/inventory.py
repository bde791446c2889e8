"""The columns that a round's proof commits to, by name and place."""

from __future__ import annotations

import re

from proofward.relations.proofs.measure import round_plan, round_script
from tests.proof.cheats import Inventory
from tests.relations.cases import Case


def columns(case: Case) -> list:  # type: ignore[type-arg]
    """Those of the tableau that the round itself commits to, in the order of their declaration."""
    counter = Inventory(round_plan(case.statement).scheme)
    counter.run(round_script(case.statement))
    return [column for column in counter.columns if column.commitment > 0]


def one_of_each_kind(columns: list) -> list:  # type: ignore[type-arg]
    """A fixed sample: of the columns whose names differ in numbers alone, layers' and limbs', one or another."""
    kinds: dict[str, list] = {}  # type: ignore[type-arg]
    for column in columns:
        kinds.setdefault(re.sub(r"\d+", "", column.name), []).append(column)
    return [own[number % len(own)] for number, own in enumerate(kinds.values())]
