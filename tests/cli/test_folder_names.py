"""Folders of any name: every command on a kit works in them, and says their name in one piece."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from proofward.engines.flare.kits.provision import HOME
from proofward.engines.flare.supervisor import Supervisor

NAMES = ["-x", "--json", "a\nb", "a\rb", "a\tb", "%s%41", "$HOME `id`", "it's \"hers\"", "[red]x[/]", "\\n", "\u00fc\u4e2d",
         "\x1b[31m", "~", "*", "a" * 200, "b'x'"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_kit_in_such_a_folder(proofward, consortium, tmp_path, monkeypatch, name):
    kit = tmp_path / name
    shutil.copytree(consortium.kits["hospital-0"], kit)
    started = []
    monkeypatch.setattr(Supervisor, "run", lambda self: started.append(self))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    assert proofward("join", "--", name).exit_code == 0
    said = proofward.json("status", kit)
    assert said["exit"] == 0 and said["problems"] == []
    for command in (("doctor", "--offline"), ("status",), ("confirm", "--consortium", "ab" * 32)):
        result = proofward(*command, "--", name)
        assert result.exit_code in (0, 1) and "fault of ProofWard" not in result.stderr, result.stderr
    assert proofward("start", "--", name).exit_code == 0 and len(started) == 1
    (kit / HOME / "members" / "hospital-0" / "identity.key").unlink()
    refused = proofward("start", kit)
    assert refused.exit_code == 1 and "no key" in refused.stdout


@pytest.mark.parametrize("name", ["-x", "a\nb", "%s", "~", "it's"])
def test_a_consortium_in_such_a_folder(proofward, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    sites = [word for site in "abc" for word in ("--hospital", site, "--verifier", site)]
    options = ("--no-dp", "--title", "T", "--server", "fl.example.org", *sites, "--preset", "tiny", "--draft")
    said = proofward("consortium", "init", *options, "--", name)
    assert said.exit_code == 0 and (tmp_path / name / "consortium.toml").exists()


def test_a_leading_dash_is_an_option_and_said_to_be_one(proofward, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = proofward("status", "-x")
    assert result.exit_code == 2 and "No such option" in result.stderr


@pytest.mark.slow
def test_bytes_that_are_no_text(consortium, tmp_path):
    kit = os.fsencode(tmp_path) + b"/k\xff"
    shutil.copytree(consortium.kits["hospital-0"], os.fsdecode(kit))
    for command in ("status", "doctor"):
        run = subprocess.run([sys.executable, "-P", "-m", "proofward", command, kit], capture_output=True, check=False)
        assert run.returncode in (0, 1) and b"fault of ProofWard" not in run.stderr, run.stderr
