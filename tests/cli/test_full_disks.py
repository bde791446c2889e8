"""A disk that is full or read-only: every command that writes says so in one line, and leaves nothing half done."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from proofward.data.columns.schema import FEATURES_NAME, Feature, Schema
from proofward.engines.flare.kits.provision import AUTHORITY, HOME

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NAME = "hospital-0"
FINGERPRINT = "ab" * 32
FULL, READ_ONLY = errno.ENOSPC, errno.EROFS
SITES = [word for name in "abc" for word in ("--hospital", name, "--verifier", name)]


@pytest.fixture
def kit(consortium, tmp_path):
    """A hospital's kit without keys and records, beside a file of records."""
    kit = tmp_path / "kit"
    shutil.copytree(consortium.kits[NAME], kit)
    shutil.rmtree(kit / HOME / "members")
    names = [f"feature-{number}" for number in range(1, 5)]
    (kit / HOME / FEATURES_NAME).write_bytes(Schema(tuple(Feature(name, 0.0, 1.0) for name in names)).to_bytes())
    rows = [f"{row % 2},{row % 3},{row % 5},{row % 7},{-row}" for row in range(30)]
    (tmp_path / "records.csv").write_text("\n".join([",".join(["label", *names]), *rows]) + "\n")
    return kit


def break_disk(monkeypatch, folder: Path, number: int) -> None:
    """From now on nothing can be written under the folder."""

    def guard(real, writes):
        def called(path, *rest, **more):
            if isinstance(path, str | os.PathLike) and Path(path).is_relative_to(folder) and writes(*rest, **more):
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *rest, **more)

        return called

    opened = guard(io.open, lambda mode="r", *_, **__: bool(set(mode) & set("wax+")))
    monkeypatch.setattr(os, "open", guard(os.open, lambda flags, *_, **__: bool(flags & WRITING)))
    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(builtins, "open", opened)
    for name in ("mkdir", "replace", "rename", "link", "symlink", *(("chmod", "unlink") if number == READ_ONLY else ())):
        monkeypatch.setattr(os, name, guard(getattr(os, name), lambda *_, **__: True))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(result, number: int) -> None:
    said = result.stdout + result.stderr
    assert result.exit_code == 1, said
    assert os.strerror(number) in said and said.count("\n") == 1 and "Traceback" not in said, said


@pytest.mark.slow
@pytest.mark.parametrize("number", [FULL, READ_ONLY])
@pytest.mark.parametrize("command", ["join", "enrol", "confirm", "revoke"])
def test_a_kit_on_such_a_disk(proofward, kit, monkeypatch, tmp_path, command, number):
    words = {
        "join": ("join", kit),
        "enrol": ("enrol", kit, "--data", tmp_path / "records.csv"),
        "confirm": ("confirm", kit, "--consortium", FINGERPRINT),
        "revoke": ("revoke", kit, NAME, "--as", NAME, "--reason", "left", "--yes"),
    }[command]
    if command != "join":
        assert proofward("join", kit).exit_code == 0
    (kit / HOME / "confirmed").unlink(missing_ok=True)
    before = contents(kit)
    with monkeypatch.context() as broken:
        break_disk(broken, kit, number)
        refused(proofward(*words), number)
    assert contents(kit) == before
    assert proofward(*words).exit_code == 0


@pytest.mark.parametrize("command", ["join", "enrol", "confirm"])
def test_a_disk_that_fills_up_meanwhile(proofward, kit, monkeypatch, tmp_path, command):
    """The first bytes find room, the file as a whole does not: none stands under its name."""
    words = {
        "join": ("join", kit),
        "enrol": ("enrol", kit, "--data", tmp_path / "records.csv"),
        "confirm": ("confirm", kit, "--consortium", FINGERPRINT),
    }[command]
    if command != "join":
        assert proofward("join", kit).exit_code == 0
    (kit / HOME / "confirmed").unlink(missing_ok=True)

    def full(descriptor):
        raise OSError(FULL, os.strerror(FULL))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        refused(proofward(*words), FULL)
    left = {"join": "identity.key", "enrol": "dataset.npz", "confirm": "confirmed"}[command]
    assert list(kit.rglob(left)) == []
    assert proofward(*words).exit_code == 0


@pytest.mark.slow
def test_what_only_reads_works_on_a_read_only_disk(proofward, kit, monkeypatch, tmp_path):
    assert proofward("join", kit).exit_code == 0
    break_disk(monkeypatch, kit, READ_ONLY)
    said = proofward.json("status", kit)
    assert said["exit"] == 1 and [problem["check"] for problem in said["problems"]] == ["no-records"]
    assert proofward("check-data", kit, "--data", tmp_path / "records.csv").exit_code == 0
    checks = {check["name"]: check for check in proofward.json("doctor", kit, "--offline")["checks"]}
    assert checks["folder"]["outcome"] == "problem" and "Read-only" in json.dumps(checks["folder"])


@pytest.mark.parametrize("number", [FULL, READ_ONLY])
def test_the_coordinators_folder(proofward, consortium, monkeypatch, tmp_path, number):
    folder = tmp_path / "coordinator"
    folder.mkdir()
    arguments = ("--no-dp", "--title", "T", "--server", "fl.example.org", *SITES, "--preset", "tiny", "--draft")
    break_disk(monkeypatch, folder, number)
    refused(proofward("consortium", "init", folder, *arguments), number)
    assert contents(folder) == {}
    shutil.copytree(consortium.folder / AUTHORITY, tmp_path / "c" / AUTHORITY)
    said = proofward("certificates", "renew", tmp_path / "c")
    assert said.exit_code == 0, said.stderr
    shutil.rmtree(tmp_path / "c" / "renewed")
    break_disk(monkeypatch, tmp_path / "c", number)
    refused(proofward("certificates", "renew", tmp_path / "c"), number)
