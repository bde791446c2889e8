"""A hospital comes to a federation that runs on NVIDIA FLARE, by the commands of coordinator and sites alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proofward.cli.common.fingerprint import words
from proofward.encoding import decode
from proofward.engines.local import free_port
from proofward.federation.messages.catalogue import AcceptedSet, EnrolmentVerdict
from proofward.federation.messages.envelope import Envelope
from proofward.ledger.database import Database
from proofward.ledger.seal import SEAL_NAME
from tests.flare.commands import proofward
from tests.flare.test_consortium import wait, write_records

pytestmark = [pytest.mark.slow]
NAMES, NEW = ("north", "south", "west"), "east"
START = ("--detach", "--verification-workers", 0)


def recorded(ledger: Path) -> list[Envelope]:
    database = Database(ledger, writable=False)
    try:
        return [decode(database.entry(number), Envelope) for number in range(database.size())]
    finally:
        database.close()


def judged(ledger: Path, hospital: str) -> int:
    """How many verifiers have accepted a hospital's enrolment."""
    records = [entry.record for entry in recorded(ledger)]
    return sum(isinstance(said, EnrolmentVerdict) and said.hospital == hospital and said.accepted for said in records)


def test_a_fourth_hospital_is_admitted_while_the_federation_waits_for_records(tmp_path):
    folder, port = tmp_path / "consortium", free_port()
    roles = [word for name in NAMES for word in ("--hospital", name, "--verifier", name)]
    proofward("consortium", "init", folder, "--title", "Trial", "--server", f"localhost:{port}", *roles,
              "--rounds", 1, "--deadline", 600)  # fmt: skip
    kits = {path.name: path for path in sorted((folder / "kits").iterdir())}
    for number, name in enumerate(("localhost", *NAMES)):
        proofward("join", kits[name])
        if name in NAMES:
            write_records(tmp_path / f"{name}.csv", number)
        if name in ("north", "south"):  # the others wait for the records of west
            proofward("enrol", kits[name], "--data", tmp_path / f"{name}.csv")
    started = []
    try:
        for name in ("localhost", *(other for other in kits if other != "localhost")):
            started.append(kits[name])
            proofward("start", kits[name], *START)
        wait(lambda: all((kits[name] / "proofward" / "rules").exists() for name in NAMES), "everybody's key")
        fingerprint = json.loads(proofward("status", kits["north"], "--json", code=1))["consortium"]
        for name in NAMES:
            proofward("confirm", kits[name], "--consortium", words(fingerprint))
        ledger = kits["localhost"] / "proofward" / "ledger"
        kit = Path(json.loads(proofward("consortium", "add-site", folder, NEW, "--json"))["kit"])
        key = json.loads(proofward("join", kit, "--json"))["public_key"]
        write_records(tmp_path / "new.csv", 3)
        proofward("enrol", kit, "--data", tmp_path / "new.csv")
        started.append(kit)
        proofward("start", kit, *START)
        wait((kit / "proofward" / "rules").exists, "the rules at the new site")
        proofward("confirm", kit, "--consortium", words(fingerprint))
        for name in ("north", "south"):
            proofward("admit", kits[name], NEW, "--key", key)
        wait(lambda: judged(ledger, NEW) >= 2, "the enrolment of the new hospital")
        assert not any(entry.topic == "enrolment-closed" for entry in recorded(ledger))
        proofward("enrol", kits["west"], "--data", tmp_path / "west.csv")
        wait((ledger / SEAL_NAME).exists, "the end")
    finally:
        for kit in started:
            proofward("stop", kit)
    sets = [entry.record.hospitals for entry in recorded(ledger) if isinstance(entry.record, AcceptedSet)]
    assert sets and set(sets[-1]) == {*NAMES, NEW}
    audit = proofward("audit", ledger, "--consortium", fingerprint)
    assert f"admitted    {NEW}, by vote of north-verifier, south-verifier" in audit
    assert "The record is consistent." in audit and "Everybody kept the rules." in audit
