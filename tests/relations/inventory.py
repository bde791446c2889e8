"""The columns that a round's proof commits to, by name and place."""

from __future__ import annotations

from proofward.relations.measure import round_plan, round_script
from tests.proof.cheats import Inventory
from tests.relations.cases import Case


def columns(case: Case) -> list:  # type: ignore[type-arg]
    """Those of the tableau that the round itself commits to, in the order of their declaration."""
    counter = Inventory(round_plan(case.statement).code)
    counter.run(round_script(case.statement))
    return [column for column in counter.columns if column.tableau > 0]
