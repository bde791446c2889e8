"""A federation on NVIDIA FLARE goes on without a site that has died."""

from __future__ import annotations

import pytest

from proofward.cli.run.demos.sites import read_ledger
from proofward.engines.contract import HOME
from proofward.engines.flare.condition.health import health
from proofward.engines.flare.executor import REQUEST_TIMEOUT
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER
from proofward.engines.remote.agreement.end_requests import request_end
from proofward.engines.remote.agreement.home import Home
from proofward.federation.messages.consortium.rules import VERIFIER
from proofward.report.audits.run_audit import RunAudit
from tests.flare.sites import consortium_of, over_and_not_submitted_again, small_scenario
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]
REST = ("hospital-0", "hospital-1", "hospital-3")
CAMPUS = {"hospital-1": "hospital-0", "hospital-3": "hospital-0"}
DEADLINE = int(REQUEST_TIMEOUT) + 15
"""A site of which a message is lost says it again after this time, and must not be late with it."""


def test_rounds_go_on_without_a_site_that_dies_until_the_rest_ends_them(tmp_path):
    """The other hospitals are at one site. The coordinator's process ends with the federation."""
    scenario = small_scenario(4, 4, rounds=9)
    local = consortium_of(scenario, tmp_path / "consortium", sites=CAMPUS, deadline=DEADLINE, upload_slot=0)
    log, asked = local.server.root / "log.jsonl", []

    def kill_and_end() -> None:
        said = log.read_text() if log.exists() else ""
        if "hospital-2" in local.processes and '"enrolment-closed"' in said:
            local.kill("hospital-2")
        if not asked and '"round-opened"' in said:
            home = Home(local.kits["hospital-0"] / HOME)
            asked.extend(seat.member for seat in home.seats if seat.role == VERIFIER)
            for verifier in asked:
                request_end(home.member(verifier), "a trial", at_once=False)

    try:
        local.start_all()
        coordinator = local.processes[COORDINATOR]
        local.wait(PATIENCE, kill_and_end, poll=lambda: local.sealed and coordinator.poll() is not None)
        assert local.processes[COORDINATOR].returncode == 0
        processes = dict(local.processes)
    finally:
        local.stop_all()
    assert not any(process.poll() is None for process in processes.values()) and len(processes) == 3
    assert "hospital-2" not in local.processes and len(asked) == 3
    rules = local.server.rules
    assert rules is not None
    closed = [state.accepted for state in read_ledger(local.ledger, rules).history.closed]
    assert closed and all(found is not None and found.record.hospitals == REST for found in closed)
    assert all(verdict.passed for verdict in RunAudit(local.ledger).run())
    assert over_and_not_submitted_again(local)
    server = health(local.kits[SERVER])
    assert local.sealed and server.over and server.problems == ()
    assert server.view.ledger is not None and "a trial" in server.view.ledger.end
