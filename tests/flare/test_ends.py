"""A job that the server ends for good on NVIDIA FLARE is not submitted again: ended by vote, or stopped."""

from __future__ import annotations

import json

import pytest

from proofward.engines.contract import HOME
from proofward.engines.flare.health import health
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER
from proofward.engines.remote.agreement.end_requests import request_end
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.requests import request_revocation
from proofward.federation.messages.rules import VERIFIER
from proofward.report.run_audit import RunAudit
from tests.flare.sites import consortium_of, small_scenario
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "stopped"])
def test_the_coordinators_process_ends_and_status_says_how_all_stands(tmp_path, ended):
    local = consortium_of(small_scenario(), tmp_path / "consortium", b"seed")
    (kit, verifier), *others = [
        (kit, seat.member)
        for kit in local.kits.values()
        for seat in Home(kit / HOME).seats
        if seat.role == VERIFIER
    ]
    folders = [Home(place / HOME).member(name) for place, name in ((kit, verifier), *others)]
    for folder in folders:
        if ended:
            request_end(folder, "a trial", at_once=True)
        else:
            request_revocation(folder, folder.name, "it leaves")
    try:
        local.start_all()
        local.wait(PATIENCE, poll=lambda: local.processes[COORDINATOR].poll() is not None)
        assert local.processes[COORDINATOR].returncode == 0
    finally:
        local.stop_all()
    lines = (local.kits[COORDINATOR] / HOME / "log.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds[-1] == "job over" and kinds.count("submitted") == 1, kinds
    assert health(local.kits[COORDINATOR]).job_over
    server = health(local.kits[SERVER])
    if ended:
        assert local.sealed and server.over and server.problems == ()
        assert server.view.ledger is not None and "before a round was closed: a trial" in server.view.ledger.end
        assert all(verdict.passed for verdict in RunAudit(local.ledger).run())
    else:
        assert not local.sealed and "halted" in {problem.check for problem in server.problems}
        reason = next(problem.sentence for problem in server.problems if problem.check == "halted")
        assert f"revoked: {verifier}" in reason or "enrolled-set" in reason
