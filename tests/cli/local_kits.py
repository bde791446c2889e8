"""Kits of a small consortium on this machine, none of them started."""

from __future__ import annotations

from pathlib import Path

from proofward.cli.run.demos.sites import terms_of
from proofward.engines.local import SERVER, LocalConsortium
from proofward.report.demonstrations.scenario import make_scenario


def local_consortium(folder: Path) -> LocalConsortium:
    """Three hospitals with records, joined."""
    scenario = make_scenario("tiny", 3, 1, 0, 4)
    local = LocalConsortium(folder)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local.create(terms_of(scenario, SERVER), scenario.plan.initial_model, records)
    return local
