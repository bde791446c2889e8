"""One honest run for all tests of the commands, and the commands called in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proofward.cli.main import main
from proofward.engines.flare.supervisor import Supervisor
from tests.remembered import remembered_proofs


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
    """The tests of a command audit the same few runs again and again."""
    with remembered_proofs():
        yield


@pytest.fixture(scope="session")
def demo_run(proofward, tmp_path_factory) -> tuple[Path, dict]:
    """The folder and the metrics of a run of three hospitals and two rounds."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    tiny = ("--preset", "tiny", "--hospitals", 3, "--rounds", 2)
    return folder, proofward.json("demo", *tiny, "--run", folder)


@pytest.fixture
def started(monkeypatch):
    """Kits whose FLARE process would have been started."""
    found = []
    monkeypatch.setattr(Supervisor, "run", lambda self: found.append(self))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return found
