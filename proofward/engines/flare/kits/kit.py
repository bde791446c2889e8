"""A start-up kit on the machine where it runs: the local settings that make FLARE do only what is meant.

Written again at every start, since they hold absolute paths: nothing but ProofWard's two classes may run as
part of a job, no code travels with jobs, logs are not streamed to the server, stores lie in the kit.
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from proofward.engines.contract import ADMIN, CLIENT, SERVER, KitError
from proofward.engines.remote.agreement.certificates import Certificates
from proofward.engines.remote.carrying.messages import MAX_ANSWER_BYTES
from proofward.ledger.files import write_file

CONTROLLER = "proofward.engines.flare.controller.FederationController"
EXECUTOR = "proofward.engines.flare.executor.SiteExecutor"
COLLECTOR = "proofward.engines.flare.memory.ParentCollector"
SIGNATURE = "proofward.engines.flare.signature.FreshSignature"
LAUNCHER, SERVER_LAUNCHER, SITE_LAUNCHER = (
    "process_launcher",
    "proofward.engines.flare.launcher.ServerLauncher",
    "proofward.engines.flare.launcher.SiteLauncher",
)
DESCRIPTIONS = {SERVER: "fed_server.json", CLIENT: "fed_client.json", ADMIN: "fed_admin.json"}
"""FLARE's own description of a kit, by its kind."""
HEARTBEAT_TIMEOUT = 60
PORT_PATIENCE = 5.0


def kind_of(kit: Path) -> str:
    """SERVER, CLIENT or ADMIN; raises KitError."""
    for kind, name in DESCRIPTIONS.items():
        if (kit / "startup" / name).is_file():
            return kind
    raise KitError(
        f"{kit} is no start-up kit: it has no startup/fed_server.json, fed_client.json or fed_admin.json"
    )


def certificates_of(kit: Path) -> Certificates:
    """The kit's TLS certificate and key under FLARE's names, and the authority's certificate."""
    startup = kit / "startup"
    signs = (DESCRIPTIONS[SERVER], "server.crt")
    own = SERVER if any((startup / name).exists() for name in signs) else CLIENT
    return Certificates(startup / "rootCA.pem", startup / f"{own}.crt", startup / f"{own}.key")


def require_free(port: int) -> None:
    """Raises KitError when another process listens on a port of this machine."""
    try:
        with socket.create_server(("", port)):
            return
    except OSError as error:
        raise KitError(f"port {port}: {error.strerror}") from error


def await_free(port: int) -> None:
    """Waits for a port that a process just ended may hold for a moment; raises KitError."""
    until = time.monotonic() + PORT_PATIENCE
    while True:
        try:
            return require_free(port)
        except KitError:
            if time.monotonic() > until:
                raise
        time.sleep(0.2)


def configure(kit: Path) -> None:
    """Writes the local settings of a server's or site's kit; raises KitError."""
    local = kit / "local"
    try:
        resources = json.loads((local / "resources.json.default").read_text())
    except (OSError, ValueError) as error:
        words = f"{local / 'resources.json.default'} is missing or damaged"
        raise KitError(f"{words}: ask the coordinator for the kit again") from error
    settings = _server(resources, kit) if kind_of(kit) == SERVER else _client(resources)
    settings["class_list_enforcement_mode"] = "enforce"
    settings["allow_log_streaming"] = False
    _write(local / "resources.json", settings)
    _write(local / "comm_config.json", {"max_message_size": 2 * MAX_ANSWER_BYTES, "allow_adhoc_conns": False})
    _write(local / "authorization.json", _authorization())


def _write(path: Path, content: dict[str, Any]) -> None:
    data = (json.dumps(content, indent=1) + "\n").encode()
    write_file(path, data, path.with_suffix(".tmp"), mode=0o600)


def _server(resources: dict[str, Any], kit: Path) -> dict[str, Any]:
    storage = kit.resolve() / "storage"
    resources["class_allow_list"] = [CONTROLLER, COLLECTOR, SIGNATURE, SERVER_LAUNCHER]
    resources["servers"][0]["heart_beat_timeout"] = HEARTBEAT_TIMEOUT
    resources["snapshot_persistor"]["args"]["storage"]["args"]["root_dir"] = str(storage / "snapshots")
    kept = []
    for component in resources["components"]:
        if component["id"] == "log_receiver":
            continue
        if component["id"] == "job_manager":
            component["args"]["uri_root"] = str(storage / "jobs")
        if component["id"] == LAUNCHER:
            component["path"] = SERVER_LAUNCHER
        kept.append(component)
    kept.append({"id": "collector", "path": COLLECTOR, "args": {}})
    kept.append({"id": "signature", "path": SIGNATURE, "args": {}})
    resources["components"] = kept
    return resources


def _client(resources: dict[str, Any]) -> dict[str, Any]:
    resources["class_allow_list"] = [EXECUTOR, SITE_LAUNCHER]
    resources["components"] = [
        {**entry, "path": SITE_LAUNCHER} if entry["id"] == LAUNCHER else entry
        for entry in resources["components"]
        if entry["id"] != "site_log_streamer"
    ]
    return resources


def _authorization() -> dict[str, Any]:
    allowed = {
        "submit_job": "any", "clone_job": "none", "manage_job": "any", "download_job": "none", "view": "any",
        "operate": "any", "shell_commands": "none", "byoc": "none", "server-predeployed-flwr": "none",
    }  # fmt: skip
    nothing = {**dict.fromkeys(allowed, "none"), "view": "any"}
    permissions = {"project_admin": allowed, "org_admin": nothing, "lead": nothing, "member": nothing}
    return {"format_version": "1.0", "permissions": permissions}
