"""Terms as a plan for one process: the same members, thresholds and training, hence the same rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.engines.remote.agreement.terms import Terms
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER


def plan_of(terms: Terms, initial_weights: NDArray[np.int64] | None = None) -> Plan:
    """The plan; with the keys of its run folder, `RunFolder.rules` gives what `Terms.rules` gives.

    initial_weights: of the trusted first model that the terms name. What only machines apart need, deadline
    and upload slots, has no place in it.
    """
    return Plan(
        federation=terms.federation,
        hospitals=terms.named(HOSPITAL),
        verifiers=terms.named(VERIFIER),
        accepting_verdicts=terms.accepting_verdicts,
        minimum_updates=terms.minimum_updates,
        rounds=terms.rounds,
        config=terms.round_config,
        initial_weights=initial_weights,
        abandonments=terms.abandonments,
        aggregator=terms.aggregator.member,
        declarations=terms.declared,
        counting=terms.counted,
        stopping=terms.stops,
        attestation=terms.asked,
        chain=terms.anchored,
        committees=terms.drawn,
        scaling=terms.scaling,
    )
