"""Help everywhere, and the benchmarks."""

from __future__ import annotations

import json

import pytest

from proofward import __version__
from proofward.cli.run import bench


@pytest.mark.parametrize("command", [(), ("demo",), ("audit",), ("verify",), ("inspect",), ("bench",)])
def test_help(proofward, command):
    result = proofward(*command, "--help")
    assert result.exit_code == 0 and "Usage:" in result.stdout


def test_version(proofward):
    assert __version__ in proofward("--version").stdout


def test_unknown_command(proofward):
    assert proofward("no-such").exit_code == 2


def test_benchmarks_are_listed(proofward):
    names = set(bench.scripts())
    assert {"accuracy", "ledger"} <= names
    listed = proofward("bench").stdout.splitlines()
    assert {line.split()[0] for line in listed} == names and all(len(line.split()) > 2 for line in listed)
    assert set(json.loads(proofward("bench", "--json").stdout)) == names


def test_benchmarks_run_with_their_arguments(proofward, tmp_path, monkeypatch):
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    script = '"""Doc."""\nimport sys\nsys.exit(0 if sys.argv[1:] == ["--smallest", "--size", "3"] else 5)\n'
    (folder / "one.py").write_text(script)
    monkeypatch.setattr(bench, "FOLDER", folder)
    assert proofward("bench", "one", "--smallest", "--size", "3").exit_code == 0
    assert proofward("bench", "one").exit_code == 1
    assert proofward("bench", "two").exit_code == 2
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    assert proofward("bench").exit_code == 2
