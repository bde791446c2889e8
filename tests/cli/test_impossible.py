"""What can be known to be impossible is refused at `init`, `join` or `start`, with a sentence and a remedy."""

from __future__ import annotations

import datetime
import errno
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cryptography import x509

from proofward.engines.contract import AlreadyRunning
from proofward.engines.flare.condition.running import running
from proofward.engines.flare.kits.addresses import equip
from proofward.engines.flare.supervisor import claimed
from proofward.engines.local import SERVER
from proofward.engines.remote.agreement.names import RESERVED, VALUES
from tests.cli.test_doctor import kit_with_certificates

SITES = ("--hospital", "b", "--hospital", "c", "--verifier", "b", "--verifier", "c")
PROXIES = [
    spelling
    for name in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
    for spelling in (name, name.upper())
]


@pytest.fixture
def kit(consortium, tmp_path):
    shutil.copytree(consortium.kits["hospital-0"], tmp_path / "kit")
    return tmp_path / "kit"


def one_line(text: str) -> str:
    assert text.count("\n") == 1 and "Traceback" not in text, text
    return text


NAMES = [*sorted(RESERVED | VALUES), "~", "-h", "--", "0x1F", "ON", "Null", "a.", ".a", "a" * 300, "a/b", "..", "a%41", "a\\n", "$a", "1", "007", "1e3", "0x1f", "2024-01-01", "1-000", "-x", "--force", "a-",
         "A", "a_b", "a.b", "a b", "é", "", "a" * 41, "transport"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_cannot_work_are_refused_at_init(proofward, tmp_path, name):
    arguments = ("--no-dp", "--title", "T", "--server", "fl.example.org", *SITES, f"--hospital={name}", "--draft")
    result = proofward("consortium", "init", tmp_path / "c", *arguments)
    assert result.exit_code == 2 and "site name: expected lower-case letters" in result.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("name", ["a", "st-mary", "north2", "yes-hospital", "server1", "e3"])
def test_names_that_look_alike_work(proofward, tmp_path, name):
    arguments = ("--no-dp", "--title", "T", "--server", "fl.example.org", *SITES, "--hospital", name, "--draft")
    assert proofward("consortium", "init", tmp_path / "c", *arguments).exit_code == 0


@pytest.mark.parametrize("name", ["yes", "null", "1e3", "7", "0x7f", "10.0.1", "a.1e3", "-x"])
def test_servers_that_are_no_names(proofward, tmp_path, name):
    arguments = ("--no-dp", "--title", "T", f"--server={name}", *SITES, "--hospital", "a", "--draft")
    result = proofward("consortium", "init", tmp_path / "c", *arguments)
    assert result.exit_code == 2 and "server: expected a name" in result.stderr


@pytest.mark.slow
def test_a_kit_with_a_name_that_cannot_work(proofward, kit, started):
    (kit / "proofward" / "site").write_text("server")
    for command in (("join", kit), ("start", kit)):
        result = proofward(*command)
        assert result.exit_code == 1
        assert "server is a name that FLARE keeps for itself" in result.stdout + result.stderr
    assert started == []


def test_kits_are_valid_since_yesterday(consortium):
    now = datetime.datetime.now(datetime.UTC)
    for kit in consortium.kits.values():
        for path in (*kit.glob("startup/*.crt"), kit / "startup" / "rootCA.pem"):
            begin = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_before_utc
            assert 23 < (now - begin).total_seconds() / 3600 < 25


@pytest.mark.parametrize(("days", "words"), [((-9, -2), "ended on"), ((9, 20), "set this machine's clock")])
@pytest.mark.parametrize("command", ["join", "start"])
def test_certificates_out_of_time(proofward, kit, started, days, words, command):
    kit_with_certificates(kit, days)
    result = proofward(command, kit)
    assert result.exit_code == 1 and words in one_line(result.stdout + result.stderr)
    assert started == []


@pytest.mark.slow
def test_no_room_on_disk(proofward, kit, started, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 200_000))
    for command in ("join", "start"):
        result = proofward(command, kit)
        assert result.exit_code == 1 and "0.2 MB free" in one_line(result.stdout + result.stderr)
    arguments = ("--no-dp", "--title", "T", "--server", "fl.example.org", *SITES, "--hospital", "a", "--preset", "tiny")
    result = proofward("consortium", "init", tmp_path / "c", *arguments)
    assert result.exit_code == 1 and "no room on the disk" in one_line(result.stderr)
    assert started == [] and not (tmp_path / "c").exists()


@pytest.mark.slow
def test_what_fits_no_more_while_kits_are_made_is_one_line(tmp_path):
    words = ["consortium", "init", str(tmp_path / "c"), "--no-dp", "--title", "T", "--server", "fl.example.org", *SITES,
             "--hospital", "a", "--preset", "tiny"]  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-P", "-m", "proofward", *words], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)),
        env={**os.environ, "NUMBA_DISABLE_JIT": "0"},
    )  # fmt: skip
    assert run.returncode == 1 and os.strerror(errno.EFBIG) in run.stderr
    assert "Traceback" not in run.stderr and 'File "' not in run.stderr


@pytest.mark.parametrize("command", ["join", "start"])
def test_a_kit_that_cannot_be_written_to(proofward, kit, started, monkeypatch, command):
    def refuse(
        dir: Path,
    ):  # a read-only disk does so to everybody; permissions would not stop an administrator
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    result = proofward(command, kit)
    text = one_line(result.stdout + result.stderr)
    assert result.exit_code == 1 and "Read-only" in text and "nothing can be written in" in text
    assert started == []


@pytest.mark.slow
def test_loose_permissions_stop_a_start(proofward, kit, started):
    (kit / "startup" / "client.key").chmod(0o644)
    result = proofward("start", kit)
    assert result.exit_code == 1 and "chmod" in one_line(result.stdout) and started == []
    assert proofward("join", kit).exit_code == 0
    assert proofward("start", kit).exit_code == 0 and len(started) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_in_the_environment_has_to_be_meant(proofward, kit, started, monkeypatch, name):
    equip(kit, ("fl.example.org",))
    monkeypatch.setenv(name, "http://me:secret@proxy.example.org:3128")
    result = proofward("start", kit)
    text = one_line(result.stdout)
    assert result.exit_code == 1 and f"{name}=http://...@proxy.example.org:3128" in text
    assert "secret" not in text and "--proxy none" in text and started == []
    assert proofward("start", kit, "--proxy", "none").exit_code == 0
    assert proofward("start", kit, "--proxy", "http://other:1").exit_code == 0
    for exception in ("fl.example.org", ".example.org", "a, EXAMPLE.org ", "*"):
        monkeypatch.setenv("no_proxy", exception)
        assert proofward("start", kit).exit_code == 0
    monkeypatch.setenv("no_proxy", "l.example.org")
    assert proofward("start", kit).exit_code == 1
    direct, through = started[0]._environment, started[1]._environment
    assert all(direct[used] == "" for used in ("grpc_proxy", "https_proxy", "http_proxy"))
    assert through["grpc_proxy"] == "http://other:1" and through["https_proxy"] == ""


def test_the_environments_proxy_is_not_for_this_machine(proofward, kit, started, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    assert proofward("start", kit).exit_code == 0 and started[0]._environment["https_proxy"] == ""


@pytest.mark.slow
def test_a_port_in_use(proofward, consortium, started):
    with socket.create_server(("", consortium.network.port)):
        result = proofward("start", consortium.kits[SERVER])
        assert result.exit_code == 1 and f"port {consortium.network.port}" in one_line(result.stdout)
        check = {
            check["name"]: check for check in proofward.json("doctor", consortium.kits[SERVER])["checks"]
        }
    assert started == [] and "--server NAME:PORT" in check["port"]["remedy"]


HOLD = """
import sys, time
from pathlib import Path
from proofward.engines.flare.supervisor import claimed
with claimed(Path(sys.argv[1])) as tell:
    tell()
    print("claimed", flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("copied", [False, True])
def test_a_kit_runs_once(proofward, kit, started, tmp_path, copied):
    other = kit
    if copied:
        other = tmp_path / "copy"
        shutil.copytree(kit, other)
    holder = subprocess.Popen([sys.executable, "-P", "-c", HOLD, kit], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"claimed\n"
        result = proofward("start", other)
        text = one_line(result.stdout)
        assert result.exit_code == 1 and ("a copy of" if copied else f"process {holder.pid} runs") in text
        assert started == []
    finally:
        holder.kill()
        holder.wait()
    assert proofward("start", other).exit_code == 0 and len(started) == 1


def test_two_of_one_process(kit):
    with claimed(kit), pytest.raises(AlreadyRunning), claimed(kit):
        pass
    with claimed(kit) as tell:  # what the second tried has left nothing behind
        tell()
        assert running(kit) == os.getpid()
    assert running(kit) is None


def test_records_may_come_later(proofward, kit, started):
    (kit / "proofward" / "members" / "hospital-0" / "dataset.npz").unlink()
    assert proofward("start", kit).exit_code == 0 and len(started) == 1


def test_the_servers_own_connections_use_no_proxy(proofward, consortium, started, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    assert proofward("start", consortium.kits[SERVER]).exit_code == 0
    assert started[0]._environment["https_proxy"] == ""
