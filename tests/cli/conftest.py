"""One honest run for all tests of the commands, and the commands called in this process."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proofward.cli.main import main
from proofward.engines.flare.condition import certificate
from proofward.engines.flare.supervisor import Supervisor
from proofward.engines.local import LocalConsortium
from tests.cli.local_kits import local_consortium
from tests.remembered import remembered_proofs

parsed_key = lru_cache(maxsize=256)(load_pem_private_key)
"""A key is looked at once, whether it is one: that takes long, and many tests copy one kit."""


class Command:
    """Calls `proofward`; a traceback is never an answer."""

    def __call__(self, *arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def json(self, *arguments: object) -> dict:
        """The document printed, with the exit code under "exit"."""
        result = self(*arguments, "--json")
        return {**json.loads(result.stdout), "exit": result.exit_code}


@pytest.fixture(scope="session")
def proofward() -> Command:
    return Command()


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """The tests of a command audit the same few runs again and again, and look at the same few kits' keys."""
    with remembered_proofs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate, "load_pem_private_key", parsed_key)
        yield


@pytest.fixture(scope="session")
def demo_run(proofward, tmp_path_factory) -> tuple[Path, dict]:
    """The folder and the metrics of a run of three hospitals and two rounds, which all workers share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, said = shared / "demo" / "run", shared / "demo" / "said.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            folder.parent.mkdir()
            tiny = ("--preset", "tiny", "--hospitals", 3, "--rounds", 2)
            said.write_text(json.dumps(proofward.json("demo", *tiny, "--run", folder)))
    return folder, json.loads(said.read_text())


@pytest.fixture(scope="session")
def consortium(tmp_path_factory) -> LocalConsortium:
    """Kits of three hospitals, to be read and copied."""
    return local_consortium(tmp_path_factory.mktemp("kits") / "consortium")


@pytest.fixture
def started(monkeypatch):
    """Kits whose FLARE process would have been started."""
    found = []
    monkeypatch.setattr(Supervisor, "run", lambda self: found.append(self))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return found
