"""Six containers on a network without a way out: server, three hospitals, auditor and coordinator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from _container_engine import CLOSED, IMAGE, USER, EngineFailed, podman, progress, run, stopped
from _container_inside import routes

from proofward.data.wdbc import NORMALISATION
from proofward.ledger.seal import SEAL_NAME

NETWORK, SUBNET, SERVER = "proofward-trial", "10.89.177", "server"
HOSPITALS = ("hospital-a", "hospital-b", "hospital-c")
AUDITOR, COORDINATOR = "auditor", "coordinator"
KITS = {name: name for name in (SERVER, *HOSPITALS, AUDITOR)} | {COORDINATOR: "coordinator@proofward.local"}
LONGEST = 3600.0


def make_kits(folder: Path, rounds: int) -> Path:
    """Start-up kits of the six, owned by the containers' user; returns their folder."""
    roles = [part for name in HOSPITALS for part in ("--hospital", name, "--verifier", name)]
    terms = ["--no-dp", "--title", "Trial", "--server", SERVER, "--rounds", str(rounds), "--upload-slot", "0"]
    command = [sys.executable, "-m", "proofward", "consortium", "init", str(folder), *terms, *roles]
    run(*command, "--verifier", AUDITOR)
    kits = folder / "kits"
    for path in (folder, kits):
        path.chmod(0o711)
    for path in (kits, *kits.rglob("*")):
        os.chown(path, *map(int, USER.split(":")), follow_symlinks=False)
    return kits


def write_records(path: Path, seed: int, rows: int = 48) -> None:
    """Rows around the features' centres, larger where the label is 1; drawn from the seed."""
    drawn = np.random.default_rng(seed).normal(0, 0.3, (rows, len(NORMALISATION)))
    labels = np.arange(rows) % 2
    centres, spreads = (np.array([feature[index] for feature in NORMALISATION]) for index in (1, 2))
    values = centres + (1.4 * labels[:, None] - 0.7 + drawn) * spreads
    table = np.column_stack([values, labels])
    header = ",".join([*(name for name, _, _ in NORMALISATION), "label"])
    np.savetxt(path, table, fmt="%.6g", delimiter=",", header=header, comments="")
    path.chmod(0o644)


@contextmanager
def network() -> Iterator[None]:
    """An internal network of its own, removed afterwards with whatever is on it."""
    remove_all()
    podman("network", "create", "--internal", "--subnet", f"{SUBNET}.0/24", NETWORK)
    try:
        yield
    finally:
        remove_all()


def remove_all() -> None:
    """Containers and network of an earlier run."""
    podman("rm", "--force", "--ignore", *KITS, check=False)
    podman("network", "rm", "--force", NETWORK, check=False)


def once(kits: Path, name: str, *command: str, mounted: tuple[str, ...] = (), kit: str = "/kit") -> str:
    """Standard output of one command on a site's kit in a closed container without a network."""
    volumes = ("--volume", f"{kits / KITS[name]}:{kit}", *mounted)
    return podman("run", "--rm", *CLOSED, "--network", "none", *volumes, IMAGE, *command)


def start(kits: Path, name: str, number: int) -> None:
    """Starts a site's container in the background at an address of its own."""
    place = ("--network", NETWORK, "--ip", f"{SUBNET}.{10 + number}", "--add-host", f"{SERVER}:{SUBNET}.10")
    volume = ("--volume", f"{kits / KITS[name]}:/kit")
    command = ("start", "/kit", *(() if name == COORDINATOR else ("--unconfirmed",)))
    podman("run", "--detach", "--init", "--name", name, *CLOSED, *place, *volume, IMAGE, *command)


def federation(folder: Path, rounds: int) -> dict[str, Any]:
    """Runs it to its end, audits it without a network and stops all containers. Raises `EngineFailed`."""
    kits = make_kits(folder / "trial", rounds)
    begun = time.perf_counter()
    for name in (SERVER, *HOSPITALS, AUDITOR):
        once(kits, name, "join", "/kit")
    for seed, name in enumerate(HOSPITALS):
        records = folder / f"{name}.csv"
        write_records(records, seed)
        mounted = ("--volume", f"{records}:/data.csv:ro")
        once(kits, name, "enrol", "/kit", "--data", "/data.csv", mounted=mounted)
    progress("six kits have joined, three have enrolled")
    with network():
        closed = routes(NETWORK)
        for number, name in enumerate(KITS):
            start(kits, name, number)
        try:
            _wait(kits / KITS[SERVER] / "proofward" / "ledger" / SEAL_NAME)
            ended = stopped([name for name in KITS if name != COORDINATOR])
        except EngineFailed as error:
            logs = {name: podman("logs", "--tail", "20", name, check=False) for name in KITS}
            raise EngineFailed(f"{error}\n{json.dumps(logs, indent=1)}") from error
    audited = once(kits, SERVER, "audit", "/kit/proofward/ledger", "--json")
    return {
        "containers": len(KITS),
        "rounds": rounds,
        "seconds": round(time.perf_counter() - begun, 1),
        "network": closed,
        "ended": {name: {"code": code, "seconds": round(used, 1)} for name, (code, used) in ended.items()},
        "audit": summary(json.loads(audited)),
    }


def summary(audit: dict[str, Any]) -> dict[str, Any]:
    """How many checks an audit made, and those that did not hold."""
    failed = [f"{one['check']}: {one['subject']}" for one in audit["verdicts"] if not one["passed"]]
    return {"checks": audit["checks"], "consistent": audit["consistent"], "failed": failed}


def _wait(seal: Path) -> None:
    """Until the ledger is sealed, with a line whenever a container has something new to say."""
    said, end = "", time.monotonic() + LONGEST
    while not seal.exists():
        if time.monotonic() > end:
            raise EngineFailed(f"the federation did not end within {LONGEST:.0f} seconds")
        running = podman("ps", "--quiet", "--filter", f"network={NETWORK}").split()
        if len(running) < len(KITS) - 1:
            raise EngineFailed(f"{len(KITS)} containers were started and {len(running)} are left")
        lines = subprocess.run(["podman", "logs", "--tail", "1", SERVER], capture_output=True, text=True)
        told = lines.stdout.strip()
        if told and told != said:
            progress(f"server: {told}")
            said = told
        time.sleep(5)
