"""Federations of real processes on NVIDIA FLARE, with mutual TLS on localhost.

The same bits come out of one process and of FLARE where the randomness is the same. Keys, nonces, secrets of
beacons and masks are drawn at random by every party, so two runs train on other batches from another first
model. With a seed in their place all of it is equal, and so must the models be.
"""

from __future__ import annotations

import json

import pytest

from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER
from proofward.report.audits.run_audit import RunAudit
from tests.cli.conftest import Command

pytestmark = [pytest.mark.slow]


def test_the_demonstration_ends_with_the_model_of_one_process(tmp_path):
    command = Command()
    same = ("--hospitals", 3, "--verifiers", 3, "--rounds", 2, "--preset", "tiny", "--repeatable", "--no-plot")
    found = command.json("demo", "--engine", "flare", *same, "--run", tmp_path / "flare")
    expected = command.json("demo", *same, "--run", tmp_path / "one")
    assert found["exit"] == expected["exit"] == 0
    assert found["finished"] and found["rounds"] == 2
    assert found["model"] == expected["model"] and found["consortium"] == expected["consortium"]
    files = [tmp_path / name / "model.safetensors" for name in ("flare", "one")]
    assert files[0].read_bytes() == files[1].read_bytes()
    histories = []
    for name in ("flare", "one"):
        replayed = RunAudit(tmp_path / name)
        assert all(verdict.passed for verdict in replayed.run()) and replayed.history is not None
        histories.append(replayed.history)
    models = [[state.model for state in history.closed] for history in histories]
    assert models[0] == models[1] and len(set(models[0])) == 2
    assert histories[0].rules.data == histories[1].rules.data
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
    assert len(taken) == 4 and len(set(taken.values())) == 1
    assert json.loads(taken["flare"])["model"] == expected["model"]
