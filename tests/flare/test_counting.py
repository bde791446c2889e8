"""On NVIDIA FLARE, by commands alone: statistics before training, training with evaluations, an outside model.

What the three federations count is read at members' kits at the end, and is what the tables have.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest

from proofward.cli.common.fingerprint import words
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import free_port
from proofward.federation.history.state.history_state import CLOSED
from proofward.ledger.seal import SEAL_NAME
from tests.cli.own_evaluation import outside
from tests.cli.own_tables import CENTRE, COLUMNS, HOSPITALS, SPREAD, write_project, write_tables
from tests.flare.commands import proofward
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
ROWS = 80
SERVER = "localhost"


def read(*words_of: object) -> dict:
    return json.loads(proofward(*words_of, "--json"))


def wait(reached, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def over(kit: Path) -> bool:
    """Whether all members of a kit have followed to the end."""
    return all(member["phase"] == CLOSED for member in read("status", kit)["members"])


def federate(folder: Path, take_in) -> dict[str, Path]:
    """Joins, takes data in by `take_in(kit, site)`, compares, starts and stops all kits; the kits."""
    kits = {path.name: path for path in sorted((folder / "kits").iterdir())}
    sites = [name for name in kits if name != COORDINATOR]
    for site in sites:
        proofward("join", kits[site])
    for site in HOSPITALS:
        take_in(kits[site], site)
    started = []
    try:
        for site in (SERVER, *(name for name in kits if name != SERVER)):
            started.append(kits[site])
            proofward("start", kits[site], "--detach")
        members = [site for site in sites if site != SERVER]
        wait(lambda: all((kits[site] / "proofward" / "rules").exists() for site in members), "everybody's key")
        fingerprint = json.loads(proofward("status", kits["a"], "--json", code=1))["consortium"]
        for site in members:
            proofward("confirm", kits[site], "--consortium", words(fingerprint))
        wait((kits[SERVER] / "proofward" / "ledger" / SEAL_NAME).exists, "the end")
        for site in members:
            wait(lambda site=site: over(kits[site]), f"the end at {site}")
    finally:
        for kit in started:
            proofward("stop", kit)
    audit = proofward("audit", kits[SERVER] / "proofward" / "ledger", "--consortium", fingerprint)
    assert "The record is consistent." in audit and "Everybody kept the rules." in audit
    return kits


def at_once(path: Path) -> None:
    """On a port of its own, and without waiting for uploads' moments."""
    text = path.read_text().replace('server = "localhost"', f'server = "localhost"\nport = {free_port()}')
    path.write_text(text.replace("[model]", "[policy]\nupload_slot = 0\n[model]", 1))


def test_statistics_then_training_with_evaluations(tmp_path):
    tables = dict(zip(HOSPITALS, write_tables(tmp_path, rows=ROWS), strict=True))
    path = write_project(tmp_path, rounds=1)
    at_once(path)
    bounds = {"centre": "minimum = -6", "spread": "maximum = 26"}  # in place of what is to be counted
    lines = [bounds.get(line.split(" = ")[0], line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines).replace("[model]", "[validation]\nshare = 0.3\nbins = 16\nleast_count = 5\n[model]"))
    proofward("consortium", "statistics", path, "--kits")
    kits = federate(tmp_path / "statistics", lambda kit, site: proofward("enrol", kit, "--data", tables[site]))
    said = read("consortium", "statistics", path, "--from", kits["b"], "--write")
    assert said["rows"] == 3 * ROWS and said["hospitals"] == list(HOSPITALS)
    values = np.concatenate([np.loadtxt(table, delimiter=",", skiprows=1, usecols=0) for table in tables.values()])
    own = next(column for column in said["columns"] if column["name"] == "marker 0")
    assert abs(own["centre"] - values.mean()) <= own["precision"] * 1.000001
    folder = tmp_path / "training"
    folder.mkdir()
    (folder / "consortium.toml").write_text(path.read_text())
    proofward("consortium", "init", folder)
    kits = federate(folder, lambda kit, site: proofward("enrol", kit, "--data", tables[site]))
    (found,) = read("evaluate", kits["a"])["evaluations"]
    assert found["hospitals"] == list(HOSPITALS) and found["whole"]["records"] >= 60
    assert read("evaluate", kits[SERVER])["evaluations"] == [found]
    proofward("model", "export", kits["c"], "--to", "json", "--out", tmp_path / "model.json")
    card = (tmp_path / "model.json.card.md").read_text()
    assert f"{found['whole']['classes'][0]['auc']['value']:.4f}" in card and "not proved" in card


def test_an_outside_model(tmp_path):
    tables = dict(zip(HOSPITALS, write_tables(tmp_path, rows=ROWS), strict=True))
    weight = np.zeros((COLUMNS, 2))
    weight[:2, 1] = 1.2
    model = outside(tmp_path / "m.onnx", weight, np.zeros(2))
    path = write_project(tmp_path)
    at_once(path)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    path.write_text(path.read_text().replace("[model]", f'[outside_model]\ndigest = "{digest}"\nbins = 16\n[model]'))
    proofward("consortium", "init", tmp_path)
    kits = federate(tmp_path, lambda kit, site: proofward("count", kit, model, "--data", tables[site]))
    rows = [line.split(",") for table in tables.values() for line in table.read_text().splitlines()[1:]]
    sick = [float(row[0]) + float(row[1]) > 2 * CENTRE for row in rows]
    right = sum(own == (row[COLUMNS] == "M") for own, row in zip(sick, rows, strict=True))
    for site in ("a", SERVER):
        (found,) = read("evaluate", kits[site])["evaluations"]
        assert found["model"] == digest and found["whole"]["accuracy"]["count"] == right and SPREAD > 0
