"""A consortium set up and run by its commands alone, as coordinator and sites would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from proofward.cli.common.fingerprint import words
from proofward.data.wdbc import NORMALISATION
from proofward.encoding import decode
from proofward.engines.local import free_port
from proofward.federation.messages.envelope import Envelope
from proofward.ledger.database import Database
from proofward.ledger.seal import SEAL_NAME
from tests.flare.commands import proofward
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]
ROWS, ROUNDS = 24, 3


def write_records(path: Path, seed: int) -> None:
    """Records around the features' centres, larger where the label is 1."""
    lines = [",".join([*(name for name, _, _ in NORMALISATION), "label"])]
    for row in range(ROWS):
        label = (row + seed) % 2
        shift = (0.7 if label else -0.7) + 0.1 * ((row * 7 + seed) % 5 - 2)
        lines.append(
            ",".join([*(f"{centre + shift * spread:.6g}" for _, centre, spread in NORMALISATION), str(label)])
        )
    path.write_text("\n".join(lines) + "\n")


def rotated(ledger: Path, member: str) -> bool:
    database = Database(ledger, writable=False)
    try:
        found = [decode(database.entry(number), Envelope) for number in range(database.size())]
    finally:
        database.close()
    return any(envelope.topic == "key-rotation" and envelope.sender == member for envelope in found)


def wait(reached, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def test_from_init_to_the_audit(tmp_path):
    folder, port = tmp_path / "consortium", free_port()
    names = ("north", "south", "west")
    roles = [word for name in names for word in ("--hospital", name)]
    judges = [word for name in (*names, "auditor") for word in ("--verifier", name)]
    proofward("consortium", "init", folder, "--title", "Trial", "--server", f"localhost:{port}", *roles, *judges,
              "--rounds", ROUNDS, "--deadline", 120)  # fmt: skip
    kits = {path.name: path for path in sorted((folder / "kits").iterdir())}
    sites = [name for name in kits if "@" not in name]
    assert sorted(sites) == sorted((*names, "auditor", "localhost"))
    secret = tmp_path / "passphrase"
    secret.write_text("a passphrase\n")
    secret.chmod(0o600)
    for site in sites:
        proofward("join", kits[site], *(("--passphrase-file", secret) if site == "west" else ()))
    for number, name in enumerate(names):
        assert "enrol" in proofward("status", kits[name], code=1)
        write_records(tmp_path / f"{name}.csv", number)
        proofward("enrol", kits[name], "--data", tmp_path / f"{name}.csv")
    for site in sites:
        options = ("--passphrase-file", secret) if site == "west" else ()
        checks = json.loads(proofward("doctor", kits[site], "--offline", "--json", *options))
        assert checks["problems"] == 0
    started = []
    with socket.create_server(("", port)):
        assert f"port {port}" in proofward("start", kits["localhost"], "--detach", code=1)
    assert "passphrase" in proofward("start", kits["west"], "--detach", code=1)
    try:
        for site in ("localhost", *(name for name in kits if name != "localhost")):
            options = ("--passphrase-file", secret) if site == "west" else ()
            started.append(site)
            proofward("start", kits[site], "--detach", "--verification-workers", 0, *options)
        proofward("start", kits["north"], code=1)  # it runs already
        members = [site for site in sites if site != "localhost"]
        wait(lambda: all((kits[site] / "proofward" / "rules").exists() for site in members), "everybody's key")
        read_out = json.loads(proofward("status", kits["auditor"], "--json", code=1))["consortium"]
        for site in members:
            proofward("confirm", kits[site], "--consortium", words(read_out))
        ledger = kits["localhost"] / "proofward" / "ledger"
        log = kits["localhost"] / "proofward" / "log.jsonl"
        wait(lambda: log.exists() and '"round-opened"' in log.read_text(), "a round")
        proofward("rotate-key", kits["north"], "--member", "north")
        wait(lambda: rotated(ledger, "north"), "a change of keys")
        proofward("stop", kits["south"])
        assert json.loads(proofward("status", kits["south"], "--json"))["process"] is None
        proofward("start", kits["south"], "--detach", "--verification-workers", 0)
        wait((ledger / SEAL_NAME).exists, "the end")
        views = [json.loads(proofward("status", kits[site], "--json")) for site in sites]
        assert len({view["consortium"] for view in views}) == 1 and views[0]["consortium"]
        fingerprint = views[0]["consortium"]
    finally:
        for site in started:
            proofward("stop", kits[site])
    proofward("audit", ledger, "--consortium", fingerprint)
    proofward("export-audit", kits["localhost"], "--out", tmp_path / "pack.zip")
    for site in sites:
        model = tmp_path / f"{site}.safetensors"
        proofward("model", "export", kits[site], "--to", "safetensors", "--out", model)
        assert model.read_bytes() == (tmp_path / f"{sites[0]}.safetensors").read_bytes()
    said = json.loads(proofward("predict", model, tmp_path / "north.csv", "--json"))
    assert len(said["predictions"]) == ROWS and said["round"] == ROUNDS and said["not_used"] == ["label"]
    proofward("audit", ledger, "--consortium", "00" * 32, code=1)
    left = subprocess.run(
        ["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False
    ).stdout.split()
    for pid in left:  # pragma: no cover
        os.kill(int(pid), signal.SIGKILL)
    assert left == []
