"""The measures of a round's proof: its code, pads, columns and proven bits, before a byte of it is read.

They depend on the rules and on the number of rows only, so they are kept and used again. A statement is plain
data and knows nothing of its script; this module joins the two.
"""

from __future__ import annotations

import numpy as np

from proofward.lattice.parameters import ciphertext_length
from proofward.proof.counter import Counter, Plan
from proofward.proof.party import Party
from proofward.relations.round_statement import RoundStatement
from proofward.relations.training_round import training_round

_MOST_PLANS = 64
_plans: dict[tuple[bytes, int, int], Plan] = {}


def round_plan(statement: RoundStatement) -> Plan:
    """The measures of a round's proof; raises SoundnessBelowPolicy where the policy cannot be met."""
    key = (statement.config.digest(), statement.rows, statement.weight_shift)
    if key not in _plans:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[key] = _measure(statement)
    return _plans[key]


def _measure(statement: RoundStatement) -> Plan:
    config = statement.config
    nothing = np.zeros(ciphertext_length(config.model.parameters), dtype=np.uint64)

    def script(party: Party) -> None:
        training_round(party, statement, nothing, lambda _: (), None)

    plan = Counter(config.code(statement.rows)).run(script)
    plan.soundness.require(config.security_bits)
    return plan
