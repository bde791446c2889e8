"""The job that FLARE runs: which classes, at how many sites at least. No code, no data, no secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from proofward.engines.flare.kits.kit import CONTROLLER, EXECUTOR
from proofward.engines.flare.wire import TASK
from proofward.ledger.files import make_directory

NAME = "proofward"


def build_job(folder: Path, sites: int = 1) -> Path:
    """Writes the job's definition under `folder`; its path, for `submit_job`. sites: fewest to begin with."""
    server = {
        "format_version": 2,
        "workflows": [{"id": "federation", "path": CONTROLLER, "args": {}}],
        "components": [],
    }
    client = {
        "format_version": 2,
        "executors": [{"tasks": [TASK], "executor": {"path": EXECUTOR, "args": {}}}],
        "components": [],
        "task_request_interval": 0.2,
    }
    meta = {"name": NAME, "resource_spec": {}, "min_clients": sites, "deploy_map": {"app": ["@ALL"]}}
    config = folder / NAME / "app" / "config"
    make_directory(config)
    _write(folder / NAME / "meta.json", meta)
    _write(config / "config_fed_server.json", server)
    _write(config / "config_fed_client.json", client)
    return folder / NAME


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")
