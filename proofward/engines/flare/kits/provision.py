"""FLARE's provisioning, driven from the terms: a start-up kit for every site, certificates of one authority.

The authority's key stays in `authority/` of the folder, which FLARE writes readable by everybody and with
every site's key in it: it is made owner-only here, and belongs off the network once the kits are handed out.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proofward.engines.contract import AUTHORITY, HOME, KITS, Network, ProvisioningFailed
from proofward.engines.flare.kits.addresses import equip
from proofward.engines.flare.kits.isolation import organisation
from proofward.engines.remote.agreement.home import ADDED, Home
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.consortium.rules import AGGREGATOR
from proofward.ledger.files import make_directory

VALID_DAYS = 730
COORDINATOR = "coordinator@proofward.local"
ADDRESSES_PROPERTY = "proofward_addresses"
"""Of the server in FLARE's project description: all names and IP addresses that its certificate is for."""
CERTIFICATES = "proofward.engines.flare.kits.backdated.BackdatedCertBuilder"
PROJECT_STATE = Path("proofward") / "state" / "cert.json"
"""Below AUTHORITY: the authority's key, and each site's key and certificate."""


def project(name: str, network: Network, sites: Sequence[str]) -> dict[str, Any]:
    """FLARE's project description."""
    participants: list[dict[str, Any]] = [
        {"name": network.server, "type": "server", "org": "consortium", "fed_learn_port": network.port,
         "admin_port": network.port, ADDRESSES_PROPERTY: list(network.hosts)},
        {"name": COORDINATOR, "type": "admin", "org": "consortium", "role": "project_admin"},
    ]  # fmt: skip
    participants += [{"name": site, "type": "client", "org": organisation(site)} for site in sites]
    builder = "nvflare.lighter.impl."
    return {
        "api_version": 3,
        "name": name,
        "description": name,
        "participants": participants,
        "builders": [
            {
                "path": builder + "workspace.WorkspaceBuilder",
                "args": {"template_file": ["master_template.yml"]},
            },
            {
                "path": builder + "static_file.StaticFileBuilder",
                "args": {"config_folder": "config", "scheme": "grpc"},
            },
            {"path": CERTIFICATES, "args": {"root_valid_days": 5 * VALID_DAYS}},
            {"path": builder + "signature.SignatureBuilder"},
        ],
    }


def _last_line(words: str) -> str:
    """What FLARE's provisioning said last, which is the error; a traceback stands before it."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"


README = """This is a start-up kit of a ProofWard consortium. It holds a private TLS key: keep it to yourself.

    proofward join KIT      makes the protocol keys here, and shows what is joined (not for the coordinator)
    proofward enrol KIT     takes the records in (hospitals)
    proofward doctor KIT    checks ports, certificates, clock, versions, disk
    proofward start KIT     runs it; stop, status and the rest: proofward --help, docs/deploy.md

Nothing else starts it: FLARE's own scripts would not apply its settings.
"""


def provision(
    folder: Path, name: str, network: Network, terms: Terms, model: bytes, seed: bytes | None = None
) -> dict[str, Path]:
    """Writes `folder`/kits/SITE for every site and the coordinator; returns the kits' paths by name.

    `model` is a trusted first model, for the aggregator, or b"" for one that the members draw. `seed` is only
    for repeatable runs. Raises ProvisioningFailed.
    """
    sites = sorted({seat.site for seat in terms.seats if seat.role != AGGREGATOR})
    produced = _produced(folder, project(name, network, sites))
    kits = {}
    for kit in sorted(produced.iterdir()):
        target = folder / KITS / kit.name
        make_directory(target.parent)
        shutil.move(kit, target)
        kits[kit.name] = target
        own_model = model if model and kit.name == terms.aggregator.site else None
        _furnish(target, network, terms, own_model, seed)
    _close(folder)
    return kits


def provision_added(
    folder: Path, name: str, network: Network, terms: Terms, sites: Sequence[str], site: str
) -> Path:
    """Writes `folder`/kits/SITE for one more hospital, with the authority that lies in the folder.

    sites: all for which the authority has made certificates before; their keys and certificates stay as they
    are. The terms do not name the new one: see `Home.added`. Raises ProvisioningFailed.
    """
    produced = _produced(folder, project(name, network, [*sites, site]))
    target = folder / KITS / site
    make_directory(target.parent)
    shutil.move(produced / site, target)
    shutil.rmtree(produced)
    _furnish(target, network, terms)
    Home(target / HOME).write(ADDED, b"")
    _close(folder)
    return target


def _produced(folder: Path, described: dict[str, Any]) -> Path:
    """Where FLARE's provisioning has written the kits of a project; raises ProvisioningFailed."""
    from nvflare.lighter.constants import CtxKey
    from nvflare.lighter.prov_utils import prepare_builders
    from nvflare.lighter.provision import prepare_project
    from nvflare.lighter.provisioner import Provisioner

    authority = folder / AUTHORITY
    make_directory(authority)
    folder.chmod(0o700)  # before there is a key in it
    authority.chmod(0o700)
    words = io.StringIO()
    with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
        try:
            builders = prepare_builders(described)
            done = Provisioner(str(authority), builders).provision(prepare_project(described))
        except Exception as error:
            raise ProvisioningFailed(str(error) or type(error).__name__) from error
    if done.get(CtxKey.BUILD_ERROR):
        raise ProvisioningFailed(_last_line(words.getvalue()))
    return Path(str(done[CtxKey.CURRENT_PROD_DIR]))


def _furnish(
    target: Path, network: Network, terms: Terms, model: bytes | None = None, seed: bytes | None = None
) -> None:
    """Makes FLARE's kit one of ours."""
    (target / "readme.txt").write_text(README)
    # They would run it without our settings, and import from the kit's folder.
    for script in ("start.sh", "sub_start.sh", "stop_fl.sh", "fl_admin.sh"):
        (target / "startup" / script).unlink(missing_ok=True)
    equip(target, network.hosts)
    Home.create(target / HOME, target.name, terms, model, seed)


def _close(folder: Path) -> None:
    """Takes everything in a folder from group and others."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)
        else:
            path.chmod(0o600)
