"""Small consortia with differential privacy."""

from __future__ import annotations

from dataclasses import replace

from proofward.engines.run_folder import Plan
from tests.federation.fakes import plan
from tests.relations.noise_cases import PRIVACY
from tests.relations.private_cases import full_batch


def private_plan(rounds: int = 2) -> Plan:
    """Four hospitals, one verifier, t = 1."""
    return made_private(plan(hospitals=4, verifiers=1, rounds=rounds, threshold=1))


def made_private(agreed: Plan) -> Plan:
    """The plan with noise, and a step on all records a round."""
    rules = {"training": full_batch(), "clip_bound": PRIVACY.clip_bound, "privacy": PRIVACY}
    return replace(agreed, config=replace(agreed.config, **rules, least_rows=0, most_rows=0))
