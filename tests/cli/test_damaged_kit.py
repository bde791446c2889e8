"""`start` on a kit with a file that is missing or damaged says which file, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from proofward.engines.flare.kits.files import REMEDY
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.local import SERVER

FILES = {
    "hospital-0": (
        "startup/fed_client.json", "startup/server_addresses.json", "startup/rootCA.pem",
        "startup/client.crt", "startup/client.key", "local/resources.json.default", "proofward/site",
        "proofward/terms",
    ),
    SERVER: (
        "startup/fed_server.json", "startup/rootCA.pem", "startup/server.crt", "startup/server.key",
        "local/resources.json.default", "proofward/terms",
    ),
    COORDINATOR: (
        "startup/fed_admin.json", "startup/rootCA.pem", "startup/client.crt", "startup/client.key",
        "proofward/site",
    ),
}  # fmt: skip
RAW = ("Errno", "Traceback", "codec", "Expecting", "cryptography", "unexpected", "<class")
OPTIONAL = ("startup/server_addresses.json",)
"""A kit of an earlier release has none."""

DESCRIBES = ("startup/fed_client.json", "startup/fed_server.json", "startup/fed_admin.json")
"""Without it, a folder is no kit."""


def spoil(path: Path, how: str) -> None:
    if how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(b"\xff\x00{garbage")
    else:
        path.unlink()
        if how == "folder":
            path.mkdir(0o700)


@pytest.mark.parametrize("how", ["gone", "empty", "garbage", "folder"])
@pytest.mark.parametrize(("site", "name"), [(site, name) for site in FILES for name in FILES[site]])
def test_rejects_a_damaged_kit(proofward, consortium, started, tmp_path, site, name, how):
    kit = Path(shutil.copytree(consortium.kits[site], tmp_path / "a kit"))
    spoil(kit / name, how)
    result = proofward("start", kit)
    if how == "gone" and name in OPTIONAL:
        assert result.exit_code == 0 and len(started) == 1
        return
    assert result.exit_code == 1 and started == [], result.output
    assert result.output.count("\n") == 1 and not [raw for raw in RAW if raw in result.output], result.output
    assert Path(name).name in result.output
    if name not in DESCRIBES:
        assert REMEDY in result.output
        checks = {check["name"]: check for check in proofward.json("doctor", kit, "--offline")["checks"]}
        check = checks["certificate" if name.endswith((".pem", ".crt", ".key")) else "kit"]
        assert name in check["detail"] and check["remedy"] == REMEDY


def test_several_damaged_files_are_named_at_once(proofward, consortium, started, tmp_path):
    kit = Path(shutil.copytree(consortium.kits["hospital-0"], tmp_path / "kit"))
    for names in (("rootCA.pem", "client.crt"), ("server_addresses.json", "fed_client.json")):
        for name in names:
            spoil(kit / "startup" / name, "empty")
        output = proofward("start", kit).output
        assert output.count("\n") == 1 and all(f"{name} is damaged" in output for name in names)


@pytest.mark.parametrize("how", ["gone", "empty", "garbage"])
def test_rejects_a_damaged_protocol_key(proofward, consortium, started, tmp_path, how):
    kit = Path(shutil.copytree(consortium.kits["hospital-0"], tmp_path / "a kit"))
    spoil(kit / "proofward/members/hospital-0/identity.key", how)
    result = proofward("start", kit)
    assert result.exit_code == 1 and started == [] and not [raw for raw in RAW if raw in result.output]
    if how == "gone":
        assert f"proofward join '{kit}'" in result.output
    else:
        assert "members/hospital-0/identity.key" in result.output and "from a copy" in result.output


def test_rejects_a_certificate_for_another_key(proofward, consortium, started, tmp_path):
    kit = Path(shutil.copytree(consortium.kits["hospital-0"], tmp_path / "kit"))
    shutil.copy(consortium.kits["hospital-1"] / "startup/client.key", kit / "startup/client.key")
    result = proofward("start", kit)
    assert result.exit_code == 1 and "for another key than the one in" in result.output and started == []


def test_an_error_of_the_system_is_a_sentence(proofward, consortium, started, tmp_path):
    kit = Path(shutil.copytree(consortium.kits["hospital-0"], tmp_path / "kit"))
    spoil(kit / "local/resources.json", "folder")
    result = proofward("start", kit)
    assert result.exit_code == 1 and "Is a directory" in result.output and "Errno" not in result.output
