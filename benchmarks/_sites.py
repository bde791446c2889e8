"""Consortia of a benchmark on FLARE, with fewer processes at the smallest size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proofward.cli.run.demos.sites import terms_of
from proofward.engines.local import SERVER, LocalConsortium
from proofward.engines.remote.agreement.terms import Terms
from proofward.report.demonstrations.scenario import Scenario

TOGETHER: Mapping[str, str] = {"hospital-2": "hospital-0"}
"""Who is at whose site at the smallest size: a site is three processes, which mostly import modules."""


def terms(scenario: Scenario, smallest: bool, server: str = SERVER, **given: int) -> Terms:
    """Those of a scenario; at the smallest size two hospitals share a site. given: see `terms_of`."""
    usual = terms_of(scenario, server, **given)
    if not smallest:
        return usual
    return replace(
        usual, seats=tuple(replace(seat, site=TOGETHER.get(seat.site, seat.site)) for seat in usual.seats)
    )


def fewest_processes(local: LocalConsortium) -> None:
    """Proofs are checked in the process of each site's job. To be called before the kits are made."""
    local.options = ("--verification-workers", "0")
