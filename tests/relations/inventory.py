"""The columns that a round's proof commits to, by name and place."""

from __future__ import annotations

import numpy as np

from proofward.relations.measure import round_plan
from proofward.relations.training_round import training_round
from tests.proof.cheats import Inventory
from tests.relations.cases import Case


def columns(case: Case) -> list:  # type: ignore[type-arg]
    """Those of the tableau that the round itself commits to, in the order of their declaration."""
    counter = Inventory(round_plan(case.statement).code)
    nothing = np.zeros_like(case.result.ciphertext)
    counter.run(lambda party: training_round(party, case.statement, nothing, lambda _: (), None) and None)
    return [column for column in counter.columns if column.tableau > 0]
