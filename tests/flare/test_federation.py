"""Federations of real processes on NVIDIA FLARE, with mutual TLS on localhost.

The same bits come out of one process and of FLARE where the randomness is the same. Keys, nonces, secrets of
beacons and masks are drawn at random by every party, so two runs train on other batches from another first
model. With a seed in their place all of it is equal, and so must the models be.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from proofward.cli.kit.data_file import DataFile
from proofward.cli.project.project_file import read_project
from proofward.cli.run.demo_sites import read_ledger
from proofward.cli.run.simulate import hospital_files, plan_of_project, read_tables
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.in_process import InProcessFederation
from proofward.engines.local import SERVER, LocalConsortium, free_port
from proofward.report.run_audit import RunAudit
from tests.cli.conftest import Command
from tests.cli.own_tables import write_project, write_tables
from tests.flare.commands import proofward
from tests.flare.connect_proxy import ConnectProxy
from tests.flare.sites import consortium_of, small_scenario
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]
SEED = b"the same for both engines"


def test_the_demonstration_ends_with_the_model_of_one_process(tmp_path):
    command = Command()
    same = ("--hospitals", 3, "--verifiers", 4, "--rounds", 2, "--preset", "tiny", "--repeatable", "--no-plot")
    found = command.json("demo", "--engine", "flare", *same, "--run", tmp_path / "flare")
    expected = command.json("demo", *same, "--run", tmp_path / "one")
    assert found["exit"] == expected["exit"] == 0
    assert found["finished"] and found["rounds"] == 2
    assert found["model"] == expected["model"] and found["consortium"] == expected["consortium"]
    files = [tmp_path / name / "model.safetensors" for name in ("flare", "one")]
    assert files[0].read_bytes() == files[1].read_bytes()
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
    assert len(taken) == 5 and len(set(taken.values())) == 1
    assert json.loads(taken["flare"])["model"] == expected["model"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A run with a seed: one site behind a proxy, metrics of the server; read while it goes on and afterwards."""
    folder = tmp_path_factory.mktemp("run")
    path = write_project(folder, rounds=2, hidden="[4]", batch=4, steps=4)
    project, files = read_project(path), write_tables(folder, rows=30)
    plan = plan_of_project(project, path)
    tables = read_tables(
        project, plan.config, {name: DataFile(file) for name, file in hospital_files(project, list(map(str, files))).items()}
    )
    records = {name: (table.records.features, table.records.labels) for name, table in tables.items()}
    local = LocalConsortium(folder / "consortium")
    local.options = ("--verification-workers", "0")
    local.create(project.terms(), plan.initial_model, records, SEED)
    scraped, metrics = [], free_port()

    def scrape() -> None:
        log = local.kits[SERVER] / "proofward" / "log.jsonl"
        if not scraped and log.exists() and '"round-opened"' in log.read_text():
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=PATIENCE) as answer:
                scraped.append(answer.read().decode())

    with ConnectProxy() as proxy:
        local.site_options["b"] = ("--proxy", f"http://127.0.0.1:{proxy.port}")
        local.site_options[SERVER] = ("--metrics", str(metrics))
        try:
            local.start_all()
            local.wait(PATIENCE, scrape)
            status = proofward("status", local.kits["b"], "--json")
        finally:
            processes = dict(local.processes)
            local.stop_all()
        yield SimpleNamespace(local=local, plan=plan, records=records, scraped=scraped, status=status,
                              tunnels=set(proxy.tunnels), processes=processes, folder=folder)  # fmt: skip


def test_the_same_bits_in_process_and_on_flare(run):
    rules = run.local.server.rules
    assert rules is not None
    apart = read_ledger(run.local.ledger, rules)
    together = InProcessFederation(run.folder / "run", run.plan, run.records, seed=SEED)
    result = together.run()
    assert result.finished and together.rules.data == rules.data
    assert apart.history.model == together.aggregator.history.model
    assert apart.weights.tobytes() == result.weights.tobytes() and apart.weights.any()
    models = [[state.model for state in history.closed] for history in (apart.history, together.aggregator.history)]
    assert models[0] == models[1] and len(set(models[0])) == 2
    assert all(verdict.passed for verdict in RunAudit(run.local.ledger).run())


def test_a_site_behind_a_proxy_metrics_and_logs(run):
    assert run.tunnels == {f"localhost:{run.local.network.port}"}
    assert json.loads(run.status) and "b" in run.status
    assert run.scraped and re.search(r"^proofward_round(\{.*\})? [0-9.]+$", run.scraped[0], re.M)
    for kit in run.local.kits.values():
        for line in (kit / "proofward" / "log.jsonl").read_text().splitlines():
            assert json.loads(line)["kind"]
    assert len(run.processes) == len(run.local.kits)
    assert not any(process.poll() is None for process in run.processes.values())


def test_a_socks_proxy_is_refused_with_what_to_do(run):
    said = proofward("start", run.local.kits["a"], "--repeatable", "--proxy", "socks5h://127.0.0.1:9050", code=1)
    assert "HTTPTunnelPort" in said


def test_rounds_go_on_without_a_site_that_dies(tmp_path):
    local = consortium_of(small_scenario(4, 4), tmp_path / "consortium", deadline=60, upload_slot=0)
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
