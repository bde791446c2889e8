"""Federations of real processes on NVIDIA FLARE, with mutual TLS on localhost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request

import pytest

from proofward.cli.run.demo_sites import read_ledger, terms_of
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.in_process import InProcessFederation
from proofward.engines.local import SERVER, LocalConsortium
from proofward.report.run_audit import RunAudit
from proofward.report.scenario import make_scenario
from tests.flare.connect_proxy import ConnectProxy
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]


def command(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "proofward", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip


def test_the_demonstration_ends_with_the_model_of_one_process(tmp_path):
    same = (
        "--hospitals",
        3,
        "--verifiers",
        4,
        "--rounds",
        3,
        "--preset",
        "tiny",
        "--repeatable",
        "--no-plot",
    )
    run = command("demo", "--engine", "flare", *same, "--run", tmp_path / "flare", "--json")
    assert run.returncode == 0, run.stderr
    one = command("demo", *same, "--run", tmp_path / "one", "--json")
    assert one.returncode == 0, one.stderr
    found, expected = json.loads(run.stdout), json.loads(one.stdout)
    assert found["finished"] and found["rounds"] == 3
    assert found["model"] == expected["model"] and found["consortium"] == expected["consortium"]
    files = [tmp_path / name / "model.safetensors" for name in ("flare", "one")]
    assert files[0].read_bytes() == files[1].read_bytes()
    audit = command("audit", tmp_path / "flare", "--json")
    assert audit.returncode == 0 and json.loads(audit.stdout)["failed"] == 0
    again = command("demo", "--engine", "flare", *same, "--run", tmp_path / "flare")
    assert again.returncode == 2
    private = tmp_path / "flare.private"
    assert not list((tmp_path / "flare").rglob("*.key")) and len(list(private.rglob("*.npz"))) == 3
    packed = command("export-audit", tmp_path / "flare", "--out", tmp_path / "pack", "--json")
    assert packed.returncode == 0 and json.loads(packed.stdout)["searched"]["records"] > 60
    assert command("audit", tmp_path / "pack").returncode == 0
    kits = [kit for kit in (private / "consortium" / "kits").iterdir() if kit.name not in (SERVER, COORDINATOR)]
    features = ("--features", tmp_path / "flare" / "features.json")
    taken = {}
    for source in (tmp_path / "flare", *kits):
        out = tmp_path / f"{source.name}.json"
        said = command("model", "export", source, "--to", "json", "--out", out, *features)
        assert said.returncode == 0, (source, said.stderr)
        taken[source.name] = out.read_bytes()
    assert len(taken) == 5 and len(set(taken.values())) == 1
    assert json.loads(taken["flare"])["model"] == expected["model"]


def test_a_site_behind_a_proxy_metrics_and_logs(tmp_path):
    scenario = make_scenario("tiny", 3, 1, 5, 4)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local = LocalConsortium(tmp_path / "consortium")
    local.create(terms_of(scenario, SERVER), scenario.plan.initial_model, records, b"seed")
    scraped = []

    def scrape() -> None:
        log = local.kits[SERVER] / "proofward" / "log.jsonl"
        if not scraped and log.exists() and '"round-opened"' in log.read_text():
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=PATIENCE) as answer:
                scraped.append(answer.read().decode())

    from proofward.engines.local import free_port

    metrics = free_port()
    with ConnectProxy() as proxy:
        local.site_options["hospital-1"] = ("--proxy", f"http://127.0.0.1:{proxy.port}")
        local.site_options[SERVER] = ("--metrics", str(metrics))
        try:
            local.start_all()
            local.wait(PATIENCE, scrape)
            status = command("status", local.kits["hospital-1"], "--json")
        finally:
            local.stop_all()
        assert set(proxy.tunnels) == {f"localhost:{local.network.port}"}
    assert status.returncode == 0 and "hospital-1" in status.stdout
    assert scraped and re.search(r"^proofward_round(\{.*\})? [0-9.]+$", scraped[0], re.M)
    rules = local.server.rules
    assert rules is not None
    plan = scenario.plan
    one = InProcessFederation(tmp_path / "one", plan, records, seed=b"seed")
    assert one.run().finished
    assert read_ledger(local.ledger, rules).history.model == one.aggregator.history.model
    assert all(verdict.passed for verdict in RunAudit(local.ledger).run())
    for kit in local.kits.values():
        for line in (kit / "proofward" / "log.jsonl").read_text().splitlines():
            assert json.loads(line)["kind"]
    assert not any(process.poll() is None for process in local.processes.values())


def test_a_socks_proxy_is_refused_with_what_to_do(tmp_path):
    scenario = make_scenario("tiny", 3, 1, 5, 4)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local = LocalConsortium(tmp_path / "consortium")
    local.create(terms_of(scenario, SERVER), scenario.plan.initial_model, records)
    run = command("start", local.kits["hospital-0"], "--proxy", "socks5h://127.0.0.1:9050")
    assert run.returncode == 1 and "HTTPTunnelPort" in run.stdout + run.stderr


def test_rounds_go_on_without_a_site_that_dies(tmp_path):
    scenario = make_scenario("tiny", 4, 1, 6, 5)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local = LocalConsortium(tmp_path / "consortium")
    local.create(terms_of(scenario, SERVER, deadline=30, upload_slot=0), scenario.plan.initial_model, records)
    log = local.server.root / "log.jsonl"

    def kill() -> None:
        if "hospital-2" in local.processes and log.exists() and '"enrolment-closed"' in log.read_text():
            local.kill("hospital-2")

    try:
        local.start_all()
        local.wait(PATIENCE, kill)
    finally:
        local.stop_all()
    assert "hospital-2" not in local.processes
    rules = local.server.rules
    assert rules is not None
    history = read_ledger(local.ledger, rules).history
    last = history.closed[-1]
    assert len(history.closed) == 1 and last.accepted is not None
    assert last.accepted.record.hospitals == ("hospital-0", "hospital-1", "hospital-3")
    assert all(verdict.passed for verdict in RunAudit(local.ledger).run())
