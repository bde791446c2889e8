"""A consortium set up and run by its commands alone, as coordinator and sites would; a hospital comes to it later.

Its kits lie in a folder named to hurt, with modules planted in them that nobody may import. North runs from an
editable install, everybody else from a wheel's; one of either is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from proofward.cli.common.fingerprint import words
from proofward.data.wdbc import NORMALISATION
from proofward.encoding import decode
from proofward.engines.flare.condition.running import running
from proofward.engines.flare.kits.addresses import server_of
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.flare.supervisor import end_leftovers
from proofward.engines.local import free_port
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import AcceptedSet, EnrolmentVerdict
from proofward.ledger.database import Database
from proofward.ledger.seal import SEAL_NAME
from tests.flare.commands import proofward
from tests.flare.connect_proxy import ConnectProxy
from tests.flare.installations import NAME, Installation, from_finder, from_wheel, naming, plant, pythons
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow]
ROWS, ROUNDS = 24, 1
NAMES, NEW = ("north", "south", "west"), "east"
WAYS = {"north": "localhost", "west": "127.0.0.1", NEW: "::1", COORDINATOR: "::1"}
"""How they reach the server, whose certificate gRPC checks each time; north goes through a proxy, too."""
OWN_PROCESSES, KILLED = "north", ("north", "west")
"""Who verifies in processes of its own, and who dies in mid run."""


def write_records(path: Path, seed: int) -> None:
    """Records around the features' centres, larger where the label is 1."""
    lines = [",".join([*(name for name, _, _ in NORMALISATION), "label"])]
    for row in range(ROWS):
        label = (row + seed) % 2
        shift = (0.7 if label else -0.7) + 0.1 * ((row * 7 + seed) % 5 - 2) + 0.002 * row
        lines.append(
            ",".join([*(f"{centre + shift * spread:.6g}" for _, centre, spread in NORMALISATION), str(label)])
        )
    path.write_text("\n".join(lines) + "\n")


def recorded(ledger: Path) -> list[Envelope]:
    database = Database(ledger, writable=False)
    try:
        return [decode(database.entry(number), Envelope) for number in range(database.size())]
    finally:
        database.close()


def rotations(ledger: Path) -> list[str]:
    """Who has changed a key."""
    return [envelope.sender for envelope in recorded(ledger) if envelope.topic == "key-rotation"]


def judged(ledger: Path, hospital: str) -> int:
    """How many verifiers have accepted a hospital's enrolment."""
    records = [entry.record for entry in recorded(ledger)]
    return sum(isinstance(said, EnrolmentVerdict) and said.hospital == hospital and said.accepted for said in records)


def submissions(kit: Path) -> int:
    """How often the coordinator's process has submitted the job."""
    lines = (kit / "proofward" / "log.jsonl").read_text().splitlines()
    return sum(json.loads(line)["kind"] == "submitted" for line in lines)


def wait(reached, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, Installation]:
    """What each site runs from."""
    wheel = from_wheel(tmp_path_factory.mktemp("wheel"))
    return dict.fromkeys(("localhost", *NAMES, NEW, COORDINATOR), wheel) | {
        "north": from_finder(tmp_path_factory.mktemp("finder"))
    }


class Trial:
    """Kits of three hospitals that verify, and who was started."""

    def __init__(self, root: Path, installed: dict[str, Installation]) -> None:
        self.root, self.folder, self.port, self.metrics = root, root / NAME, free_port(), free_port()
        self.installed, self.told = installed, root / "imported"
        roles = [word for name in NAMES for word in ("--hospital", name, "--verifier", name)]
        servers = ("--server", f"localhost:{self.port}", "--server", "127.0.0.1", "--server", "::1")
        proofward("consortium", "init", self.folder, "--no-dp", "--title", "Trial", *servers, *roles,
                  "--rounds", ROUNDS, "--deadline", 600)  # fmt: skip
        self.kits = {path.name: path for path in sorted((self.folder / "kits").iterdir())}
        for kit in self.kits.values():
            plant(kit, self.told)
        self.started: list[Path] = []
        self.secret = root / "passphrase"
        self.secret.write_text("a passphrase\n")
        self.secret.chmod(0o600)
        self.ledger = self.kits["localhost"] / "proofward" / "ledger"

    def options(self, site: str) -> tuple:
        return ("--passphrase-file", self.secret) if site == "west" else ()

    def start(self, site: str, *more: object) -> None:
        self.started.append(self.kits[site])
        way = ("--server", WAYS[site]) if site in WAYS else ()
        words = ("--verification-workers", int(site == OWN_PROCESSES), *way, *self.options(site), *more)
        proofward("start", self.kits[site], "--detach", *words, by=self.installed[site])

    def kill(self, site: str) -> list[str]:
        """Ends everything that runs a site with SIGKILL, the supervisor first; what it ran by."""
        kit = self.kits[site]
        found, pid = pythons(kit), running(kit)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait(lambda: running(kit) is None, f"the end of {site}")
        end_leftovers(kit)
        return found

    def stop(self) -> None:
        for kit in self.started:
            proofward("stop", kit)

    def enrol(self, site: str, seed: int) -> None:
        write_records(self.root / f"{site}.csv", seed)
        proofward("enrol", self.kits[site], "--data", self.root / f"{site}.csv")

    def problems(self, site: str, code: int = 0) -> list[str]:
        """What `doctor` finds wrong."""
        words = ("--offline", "--json", *self.options(site))
        checks = json.loads(proofward("doctor", self.kits[site], *words, code=code))["checks"]
        return [check["name"] for check in checks if check["outcome"] == "problem"]

    def added(self) -> str:
        """Makes the kit of a hospital that comes later, with records; its key."""
        self.kits[NEW] = Path(json.loads(proofward("consortium", "add-site", self.folder, NEW, "--json"))["kit"])
        plant(self.kits[NEW], self.told)
        key = json.loads(proofward("join", self.kits[NEW], "--json"))["public_key"]
        self.enrol(NEW, 3)
        return key

    def scraped(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=PATIENCE) as answer:
            return answer.read().decode()


def test_from_init_to_the_audit(tmp_path, installed):
    """North changes its key; it and west die, south stops, all come back; east comes while all wait for west's records."""
    trial = Trial(tmp_path, installed)
    kits, ledger = trial.kits, trial.ledger
    sites = [name for name in kits if "@" not in name]
    assert sorted(sites) == sorted((*NAMES, "localhost"))
    for site in sites:
        proofward("join", kits[site], *trial.options(site))
    assert "enrol" in proofward("status", kits["north"], code=1)
    for seed, name in enumerate(("north", "south")):
        trial.enrol(name, seed)
    assert [trial.problems(site) for site in sites if site != "west"] == [[]] * 3
    assert trial.problems("west", code=1) == ["records of west"]
    with socket.create_server(("", trial.port)):
        assert f"port {trial.port}" in proofward("start", kits["localhost"], "--detach", code=1)
    assert "passphrase" in proofward("start", kits["west"], "--detach", code=1)
    members = [site for site in sites if site != "localhost"]
    with ConnectProxy() as proxy:
        try:
            trial.start("localhost", "--metrics", trial.metrics)
            through = ("--proxy", f"http://127.0.0.1:{proxy.port}")
            trial.start("north", *through)
            for site in ("south", "west", COORDINATOR):
                trial.start(site)
            proofward("start", kits["south"], code=1)  # it runs already
            wait(lambda: all((kits[site] / "proofward" / "rules").exists() for site in members), "everybody's key")
            fingerprint = json.loads(proofward("status", kits["west"], "--json", code=1))["consortium"]
            for site in members:
                proofward("confirm", kits[site], "--consortium", words(fingerprint))
            proofward("rotate-key", kits["north"], "--member", "north")
            wait(lambda: ledger.exists() and rotations(ledger), "a change of keys")
            proofward("stop", kits["south"])
            assert json.loads(proofward("status", kits["south"], "--json"))["process"] is None
            killed = {site: trial.kill(site) for site in KILLED}
            key = trial.added()
            trial.start("north", *through)
            for site in ("south", "west", NEW):  # all are taken into the next job
                trial.start(site)
            wait((kits[NEW] / "proofward" / "rules").exists, "the rules at the new site")
            proofward("confirm", kits[NEW], "--consortium", words(fingerprint))
            for name in ("north", "south"):
                proofward("admit", kits[name], NEW, "--key", key)
            wait(lambda: judged(ledger, NEW) >= 2, "the enrolment of the new hospital")
            assert not any(entry.topic == "enrolment-closed" for entry in recorded(ledger))
            trial.enrol("west", 2)
            assert trial.problems("west") == []
            wait((ledger / SEAL_NAME).exists, "the end")
            sites += [NEW]
            views = [json.loads(proofward("status", kits[site], "--json")) for site in sites]
            assert {view["consortium"] for view in views} == {fingerprint} and fingerprint
            assert re.search(r"^proofward_round(\{.*\})? [0-9.]+$", trial.scraped(), re.MULTILINE)
        finally:
            trial.stop()
    assert killed == {site: [str(installed[site].python)] for site in KILLED}
    assert not trial.told.exists(), trial.told.read_text()
    assert set(proxy.tunnels) == {f"localhost:{trial.port}"}
    assert {name: server_of(kits[name])[0] for name in WAYS} == WAYS
    assert rotations(ledger) == ["north"]
    sets = [entry.record.hospitals for entry in recorded(ledger) if isinstance(entry.record, AcceptedSet)]
    assert len(sets) == ROUNDS and set(sets[-1]) == {*NAMES, NEW}
    assert submissions(kits[COORDINATOR]) >= 2
    for kit in kits.values():
        for line in (kit / "proofward" / "log.jsonl").read_text().splitlines():
            assert json.loads(line)["kind"]
    outcome(trial, sites, fingerprint)


def outcome(trial: Trial, sites: list[str], fingerprint: str) -> None:
    """An audit, a pack for another, the same model everywhere, and no process that is left."""
    root, ledger = trial.root, trial.ledger
    audit = proofward("audit", ledger, "--consortium", fingerprint)
    assert f"admitted    {NEW}, by vote of north-verifier, south-verifier" in audit
    assert "The record is consistent." in audit and "Everybody kept the rules." in audit
    proofward("audit", ledger, "--consortium", "00" * 32, code=1)
    proofward("export-audit", trial.kits["localhost"], "--out", root / "pack.zip")
    for site in sites:
        model = root / f"{site}.safetensors"
        proofward("model", "export", trial.kits[site], "--to", "safetensors", "--out", model)
        assert model.read_bytes() == (root / f"{sites[0]}.safetensors").read_bytes()
    said = json.loads(proofward("predict", model, root / "north.csv", "--json"))
    assert len(said["predictions"]) == ROWS and said["round"] == ROUNDS and said["not_used"] == ["label"]
    left = naming(trial.folder)
    for pid in left:  # pragma: no cover
        os.kill(pid, signal.SIGKILL)
    assert left == []
