"""One small federation over `engines/remote` and one run in one process, with stand-ins for the proofs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proofward.engines.flare.condition import certificate
from proofward.engines.in_process import InProcessFederation
from proofward.engines.operations.event_log import EventLog
from tests.engines import remote_harness as harness
from tests.engines import remote_kits
from tests.federation.fakes import FakeProofs, datasets


@pytest.fixture(scope="session", autouse=True)
def parsed_keys() -> Iterator[None]:
    """All tests look at the same few kits: a key is looked at once, whether it is one, since that takes long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate, "load_pem_private_key", lru_cache(maxsize=64)(load_pem_private_key))
        yield


@pytest.fixture(scope="session")
def finished_sites(tmp_path_factory) -> Path:
    """ROOT/SITE of a federation of one round that has come to its end, each with a log."""
    root = tmp_path_factory.mktemp("console-sites")
    with harness.Consortium(root, harness.agreement(rounds=1)) as consortium:
        log = EventLog(root / "hospital-0" / "home" / "log.jsonl")
        consortium.note = log.note
        consortium.start("hospital-0")
        del consortium.note
        consortium.start(*(name for name in consortium.names if name != "hospital-0"))
        consortium.join(*consortium.names)
    return root


@pytest.fixture
def kit(finished_sites, tmp_path):
    """Copies of the finished kits."""

    def take(site: str) -> Path:
        return remote_kits.as_kit(finished_sites / site, tmp_path / site)

    return take


@pytest.fixture
def new_kit(tmp_path) -> Path:
    """The server's kit before everybody has joined."""
    harness.set_up(tmp_path / "new", harness.agreement())
    place = remote_kits.as_kit(tmp_path / "new" / harness.SERVER, tmp_path / "kit")
    (place / "proofward" / "joins").mkdir()
    return place


@pytest.fixture
def coordinator(finished_sites, tmp_path) -> Path:
    """A kit without members."""
    place = remote_kits.as_kit(finished_sites / harness.AUDITOR, tmp_path / "coordinator")
    (place / "startup" / "fed_client.json").unlink()
    (place / "startup" / "fed_admin.json").write_text(json.dumps({"admin": {"host": "server.invalid", "port": 8002}}))
    (place / "proofward" / "site").write_text("coordinator")
    for name in ("rules", "members"):
        path = place / "proofward" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return place


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory) -> Path:
    """A run's folder: three hospitals, two rounds, in one process."""
    folder = tmp_path_factory.mktemp("console-run") / "run"
    agreed = harness.agreement()
    result = InProcessFederation(folder, agreed, datasets(agreed), seed=b"console", proofs=FakeProofs()).run()
    assert result.finished
    curves = {"loss": [0.9, 0.5, 0.4], "accuracy": [0.5, 0.75, 0.875], "auc": [0.5, 0.8, 0.9]}
    figures = {"held_out": {"rows": 40, "trained_on": False, "also_trained_on": 0, "by_round": curves},
               "auc_by_round": {"proofward": [0.8, 0.9], "alone: hospital-0": [0.6, 0.7], "alone: hospital-1": [0.7, 0.8]}}  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(figures))
    return folder


@pytest.fixture
def run(whole_run, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(whole_run, tmp_path / "run"))
