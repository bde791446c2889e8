"""`proofward status`: kits in every state, without a process and beside one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from proofward.cli.common.fingerprint import groups
from proofward.engines.remote.overview import look
from tests.engines import remote_harness as harness
from tests.engines import remote_kits


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The homes of a federation that has come to its end."""
    root = tmp_path_factory.mktemp("status")
    with harness.Consortium(root, harness.agreement(rounds=1)) as consortium:
        consortium.start(*consortium.names)
        consortium.join(*consortium.names)
    return root


@pytest.fixture
def kit(finished, tmp_path):
    def take(site: str):
        return remote_kits.as_kit(finished / site, tmp_path / site)

    return take


@pytest.mark.slow
def test_a_site_that_has_seen_the_end(proofward, kit):
    found = proofward.json("status", kit("hospital-0"))
    assert found["exit"] == 0 and found["process"] is None and found["problems"] == []
    assert len(found["consortium"]) == 64 and found["lacking"] == []
    hospital = next(member for member in found["members"] if member["role"] == "hospital")
    assert hospital["phase"] == "closed" and hospital["enrolled"] and hospital["key"] == "plain"
    text = proofward("status", kit("hospital-1"))
    assert text.exit_code == 0 and groups(found["consortium"]) in text.stdout


def test_the_server(proofward, kit):
    found = proofward.json("status", kit(harness.SERVER))
    ledger = found["ledger"]
    assert found["exit"] == 0 and ledger["phase"] == "closed" and ledger["rounds_closed"] == ledger["rounds"] == 1
    assert ledger["waits_for"] == [] and ledger["faults"] == [] and ledger["incoming_bytes"] == 0


@pytest.mark.slow
def test_what_needs_the_operator_is_said_and_only_here(proofward, kit):
    place = kit("hospital-0")
    folder = place / "proofward" / "members" / "hospital-0"
    position = look(place / "proofward").members[0]
    facts = {
        "halted": b"aggregate-model\naggregator\nab\ncd",
        f"unable/{position.round}/{position.attempt}": b"row 7 is out of range",
        "unable/1/99": b"an old story",
    }
    with sqlite3.connect(folder / "state.sqlite") as database:  # a copy, which a member would not start from
        database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
    database.close()
    found = proofward.json("status", place)
    assert found["exit"] == 1 and len(found["problems"]) == 2
    assert "aggregate-model" in found["problems"][0]["sentence"]
    assert "row 7 is out of range" in found["problems"][1]["sentence"]
    (folder / "identity.key").unlink()
    assert any(problem["check"] == "no-key" for problem in proofward.json("status", place)["problems"])


@pytest.mark.slow
def test_before_everybody_has_joined(proofward, tmp_path):
    harness.set_up(tmp_path, harness.agreement())
    remote_kits.as_kit(tmp_path / harness.SERVER, tmp_path / "kit")
    (tmp_path / "kit" / "proofward" / "joins").mkdir()
    found = proofward.json("status", tmp_path / "kit")
    assert found["consortium"] == "" and "hospital-0" in found["lacking"]
    assert "not everybody has joined yet" in proofward("status", tmp_path / "kit").stdout


def test_what_is_no_kit(proofward, tmp_path):
    result = proofward("status", tmp_path)
    assert result.exit_code == 2 and "no start-up kit" in result.stderr
    assert proofward("status", tmp_path / "nothing").exit_code == 2


def test_nothing_is_written(proofward, kit):
    place = kit("hospital-2")
    before = {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}
    assert proofward("status", place).exit_code == 0
    after = {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}
    assert {path: data for path, data in after.items() if not path.name.endswith(("-shm", "-wal"))} == before


@pytest.mark.slow
def test_the_whole_consortium_in_one_table(proofward, finished, tmp_path):
    for name in ("hospital-0", "hospital-1", harness.SERVER):
        remote_kits.as_kit(finished / name, tmp_path / "kits" / name)
    report = proofward.json("consortium", "status", tmp_path)
    assert report["exit"] == 0 and report["problems"] == 0 and len(report["sites"]) == 3
    (tmp_path / "kits" / "hospital-0" / "startup" / "client.crt").write_bytes(b"junk")
    (tmp_path / "kits" / "empty").mkdir()
    report = proofward.json("consortium", "status", tmp_path)
    assert report["exit"] == 1 and report["problems"] == 2
    text = proofward("consortium", "status", tmp_path)
    assert text.exit_code == 1 and "TO DO  hospital-0: the TLS certificate: " in text.stdout
    assert "client.crt is damaged; put it back from a copy" in text.stdout
    assert "closed" in text.stdout
    assert proofward("consortium", "status", tmp_path / "kits").exit_code == 2


@pytest.mark.slow
def test_a_kit_as_working_folder(kit):
    """Its folder `proofward` is not imported in place of the package; `make .venv/.ready` renews old installs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-m", "proofward", "status", "."], cwd=kit("hospital-0"), env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0 and "hospital-0" in run.stdout, run.stderr
