"""kill -9 at any moment: everything acknowledged is there, the ledger opens, and goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proofward.ledger.audit import verify_all
from proofward.ledger.log import Log
from proofward.ledger.objects import ObjectStore
from tests.ledger.conftest import SIGNER, entry

CHILD = """
import os, sys
from pathlib import Path
from proofward.ledger.log import Log
from tests.ledger.conftest import SIGNER, entry
directory = Path(sys.argv[1])
with Log(directory, SIGNER.verifier, SIGNER, create=True) as log:
    store = log.objects
    while True:
        index = log.size
        store.put(entry(index, "object"))
        log.append(entry(index))
        os.write(1, f"{index}\\n".encode())
"""


def run_and_kill(directory: Path, delay: float) -> list[int]:
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory)],
        stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return [int(line) for line in (first + rest).split()]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX systems")
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    directory = tmp_path / "ledger"
    size = 0
    for delay in (0.0, 0.013, 0.031, 0.05, 0.0071, 0.1):
        acknowledged = run_and_kill(directory, delay)
        assert acknowledged == list(range(size, size + len(acknowledged)))
        with Log(directory, SIGNER.verifier, SIGNER) as log:
            assert log.size - (acknowledged[-1] + 1) in (0, 1)
            size = log.size
            assert list(log.entries()) == [entry(index) for index in range(size)]
        store = ObjectStore(directory / "objects")
        for index in range(size):
            data = entry(index, "object")
            assert store.get(hashlib.sha256(data).digest()) == data
    unfinished = store.path(bytes(32)).with_name(".writing-1-x")
    unfinished.parent.mkdir(exist_ok=True)  # where an object begins with these digits
    unfinished.write_bytes(b"half")
    Log(directory, SIGNER.verifier, SIGNER).seal()
    assert [finding for finding in verify_all(directory, SIGNER.verifier) if not finding.passed] == []


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX systems")
def test_killed_during_creation(tmp_path: Path) -> None:
    """A file without tables, as a crash before the first transaction leaves it, is made into a log."""
    directory = tmp_path / "ledger"
    directory.mkdir()
    (directory / "ledger.db").write_bytes(b"")
    with Log(directory, SIGNER.verifier, SIGNER, create=True) as log:
        log.append(entry(0))
        assert log.size == 1
