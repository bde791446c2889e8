"""Small consortia with differential privacy."""

from __future__ import annotations

from dataclasses import replace

from proofward.engines.run_folder import Plan
from tests.federation.fakes import plan
from tests.relations.noise_cases import PRIVACY
from tests.relations.private_cases import full_batch


def private_plan(rounds: int = 2, hospitals: int = 4) -> Plan:
    """One verifier, t = 1, a step on all records a round."""
    agreed = plan(hospitals=hospitals, verifiers=1, rounds=rounds, threshold=1)
    rules = {"training": full_batch(), "clip_bound": PRIVACY.clip_bound, "privacy": PRIVACY}
    return replace(agreed, config=replace(agreed.config, **rules, least_rows=0, most_rows=0))
