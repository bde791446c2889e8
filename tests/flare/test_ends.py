"""A federation on NVIDIA FLARE that the server has stopped for good: its job is not submitted again."""

from __future__ import annotations

import pytest

from proofward.engines.contract import HOME
from proofward.engines.flare.condition.health import health
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.requests import request_revocation
from proofward.federation.messages.consortium.rules import VERIFIER
from tests.flare.sites import consortium_of, over_and_not_submitted_again, small_scenario
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]
CAMPUS = {"hospital-1": "hospital-0", "hospital-2": "hospital-0"}


def test_the_coordinators_process_ends_and_status_says_how_all_stands(tmp_path):
    """Its members are all at one site, and every verifier leaves."""
    local = consortium_of(small_scenario(), tmp_path / "consortium", b"seed", CAMPUS)
    home = Home(local.kits["hospital-0"] / HOME)
    verifiers = [seat.member for seat in home.seats if seat.role == VERIFIER]
    assert len(verifiers) == 3
    for name in verifiers:
        request_revocation(home.member(name), name, "it leaves")
    try:
        local.start_all()
        local.wait(PATIENCE, poll=lambda: local.processes[COORDINATOR].poll() is not None)
        assert local.processes[COORDINATOR].returncode == 0
    finally:
        local.stop_all()
    assert over_and_not_submitted_again(local)
    server = health(local.kits[SERVER])
    assert not local.sealed and "halted" in {problem.check for problem in server.problems}
    reason = next(problem.sentence for problem in server.problems if problem.check == "halted")
    assert any(f"revoked: {name}" in reason for name in verifiers) or "enrolled-set" in reason
