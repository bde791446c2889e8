"""How FLARE's processes are started, so that they import nothing but what is installed.

FLARE's own script puts an empty entry into PYTHONPATH, and its launcher runs `python -m` in the kit: both
make the kit a place to import from. Here they are started as `operations.isolation` says, in a working folder
with nothing in it.
"""

from __future__ import annotations

from pathlib import Path

from proofward.engines.contract import HOME, SERVER, KitError
from proofward.engines.flare.kits.kit import kind_of
from proofward.engines.operations.isolation import interpreter
from proofward.engines.remote.agreement.home import Home
from proofward.ledger.files import make_directory

EMPTY = "empty"
CUSTOM = Path("local", "custom")
MODULES = {True: "nvflare.private.fed.app.server.server_train",
           False: "nvflare.private.fed.app.client.client_train"}  # fmt: skip


def empty_folder(home: Path) -> Path:
    """The working folder of the processes: one with nothing in it, or KitError."""
    folder = home / EMPTY
    make_directory(folder)
    folder.chmod(0o700)
    if strange := sorted(path.name for path in folder.iterdir()):
        raise KitError(f"{folder} has to be empty and holds {', '.join(strange)}: move that elsewhere")
    return folder


def code_in(kit: Path) -> str:
    """A place in the kit from which FLARE's processes could import and where something lies, or ""."""
    home = kit / HOME
    for folder in (kit / CUSTOM, home / EMPTY):
        if folder.exists() and (folder.name != EMPTY or any(folder.iterdir())):
            return str(folder)
    return ""


def flare_command(kit: Path) -> list[str]:
    """The command of the kit's FLARE process, a server's or a site's; raises KitError, HomeError.

    `kit` is absolute: `supervisor.flare_processes` finds the process by it.
    """
    server = kind_of(kit) == SERVER
    site = Home(kit / HOME).site
    name = "fed_server.json" if server else "fed_client.json"
    own = ["org=consortium"] if server else [f"uid={site}", f"org={organisation(site)}"]
    settings = ["secure_train=true", *own, "config_folder=config"]
    return interpreter("-m", MODULES[server], "-m", str(kit), "-s", name, "--set", *settings)


def organisation(site: str) -> str:
    """A site's organisation in FLARE's certificates, whose names have no hyphens."""
    return site.replace("-", "_")
