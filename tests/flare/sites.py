"""Consortia of a scenario whose sites run as processes of this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proofward.cli.run.demos.sites import terms_of
from proofward.engines.contract import HOME
from proofward.engines.flare.condition.health import health
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER, LocalConsortium
from proofward.engines.remote.agreement.terms import Terms
from proofward.report.demonstrations.scenario import Scenario, make_scenario


def small_scenario(hospitals: int = 3, verifiers: int = 3, rounds: int = 1) -> Scenario:
    """Hospitals that verify too, with the smallest preset."""
    return make_scenario("tiny", hospitals, rounds, 5, verifiers)


def terms_at(scenario: Scenario, sites: Mapping[str, str], **terms: int) -> Terms:
    """Its terms, with the members of some sites at others: each site is three processes. terms: see `terms_of`."""
    usual = terms_of(scenario, SERVER, **terms)
    return replace(usual, seats=tuple(replace(seat, site=sites.get(seat.site, seat.site)) for seat in usual.seats))


def consortium_of(
    scenario: Scenario, folder: Path, seed: bytes | None = None, sites: Mapping[str, str] | None = None, **terms: int
) -> LocalConsortium:
    """Its kits, joined and enrolled; see `terms_at`. Each site verifies in its job's own process."""
    local = LocalConsortium(folder)
    local.options = ("--verification-workers", "0")
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local.create(terms_at(scenario, sites or {}, **terms), scenario.plan.initial_model, records, seed)
    return local


def over_and_not_submitted_again(local: LocalConsortium) -> bool:
    """Whether the coordinator's log says so: each job but the last died, as jobs may, and this one is over."""
    lines = (local.kits[COORDINATOR] / HOME / "log.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    once = kinds[-1] == "job over" and kinds.count("submitted") == kinds.count("job ended") + 1
    return once and health(local.kits[COORDINATOR]).job_over
