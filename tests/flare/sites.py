"""Consortia of a scenario whose sites run as processes of this machine."""

from __future__ import annotations

from pathlib import Path

from proofward.cli.run.demo_sites import terms_of
from proofward.engines.local import SERVER, LocalConsortium
from proofward.report.scenario import Scenario, make_scenario


def small_scenario(hospitals: int = 3, verifiers: int = 3, rounds: int = 1) -> Scenario:
    """Hospitals that verify too, with the smallest preset."""
    return make_scenario("tiny", hospitals, rounds, 5, verifiers)


def consortium_of(scenario: Scenario, folder: Path, seed: bytes | None = None, **terms: int) -> LocalConsortium:
    """Its kits, joined and enrolled. terms: see `terms_of`. Each site verifies in its job's own process."""
    local = LocalConsortium(folder)
    local.options = ("--verification-workers", "0")
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local.create(terms_of(scenario, SERVER, **terms), scenario.plan.initial_model, records, seed)
    return local
