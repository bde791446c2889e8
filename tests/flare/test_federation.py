"""Federations of real processes on NVIDIA FLARE, with mutual TLS on localhost.

The same bits come out of one process and of FLARE where the randomness is the same. Keys, nonces, secrets of
beacons and masks are drawn at random by every party, so two runs train on other batches from another first
model. With a seed in their place all of it is equal, and so must the models be.
"""

from __future__ import annotations

import json

import pytest

from proofward.cli.run.demo_sites import read_ledger
from proofward.engines.contract import HOME
from proofward.engines.flare.health import health
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER
from proofward.engines.remote.agreement.end_requests import request_end
from proofward.engines.remote.agreement.home import Home
from proofward.federation.messages.rules import VERIFIER
from proofward.report.run_audit import RunAudit
from tests.cli.conftest import Command
from tests.flare.sites import consortium_of, over_and_not_submitted_again, small_scenario
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]
REST = ("hospital-0", "hospital-1", "hospital-3")
CAMPUS = {"hospital-1": "hospital-0", "hospital-3": "hospital-0"}


def test_the_demonstration_ends_with_the_model_of_one_process(tmp_path):
    command = Command()
    same = ("--hospitals", 3, "--verifiers", 3, "--rounds", 2, "--preset", "tiny", "--repeatable", "--no-plot")
    found = command.json("demo", "--engine", "flare", *same, "--run", tmp_path / "flare")
    expected = command.json("demo", *same, "--run", tmp_path / "one")
    assert found["exit"] == expected["exit"] == 0
    assert found["finished"] and found["rounds"] == 2
    assert found["model"] == expected["model"] and found["consortium"] == expected["consortium"]
    files = [tmp_path / name / "model.safetensors" for name in ("flare", "one")]
    assert files[0].read_bytes() == files[1].read_bytes()
    histories = []
    for name in ("flare", "one"):
        replayed = RunAudit(tmp_path / name)
        assert all(verdict.passed for verdict in replayed.run()) and replayed.history is not None
        histories.append(replayed.history)
    models = [[state.model for state in history.closed] for history in histories]
    assert models[0] == models[1] and len(set(models[0])) == 2
    assert histories[0].rules.data == histories[1].rules.data
    audit = command.json("audit", tmp_path / "flare")
    assert audit["exit"] == 0 and audit["failed"] == 0
    again = command("demo", "--engine", "flare", *same, "--run", tmp_path / "flare")
    assert again.exit_code == 2
    private = tmp_path / "flare.private"
    assert not list((tmp_path / "flare").rglob("*.key")) and len(list(private.rglob("*.npz"))) == 3
    packed = command.json("export-audit", tmp_path / "flare", "--out", tmp_path / "pack")
    assert packed["exit"] == 0 and packed["searched"]["records"] > 60
    assert command("audit", tmp_path / "pack").exit_code == 0
    kits = [kit for kit in (private / "consortium" / "kits").iterdir() if kit.name not in (SERVER, COORDINATOR)]
    features = ("--features", tmp_path / "flare" / "features.json")
    taken = {}
    for source in (tmp_path / "flare", *kits):
        out = tmp_path / f"{source.name}.json"
        said = command("model", "export", source, "--to", "json", "--out", out, *features)
        assert said.exit_code == 0, (source, said.stderr)
        taken[source.name] = out.read_bytes()
    assert len(taken) == 4 and len(set(taken.values())) == 1
    assert json.loads(taken["flare"])["model"] == expected["model"]


def test_rounds_go_on_without_a_site_that_dies_until_the_rest_ends_them(tmp_path):
    """The other hospitals are at one site. The coordinator's process ends with the federation."""
    scenario = small_scenario(4, 4, rounds=9)
    local = consortium_of(scenario, tmp_path / "consortium", sites=CAMPUS, deadline=30, upload_slot=0)
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
        local.wait(PATIENCE, kill_and_end, poll=lambda: local.processes[COORDINATOR].poll() is not None)
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
