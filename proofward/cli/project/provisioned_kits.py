"""Start-up kits made all at once, and to whom each goes."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from proofward.cli.common.answering import Refused, tighten
from proofward.engines.contract import AUTHORITY, KITS, Engine
from proofward.ledger.files import make_directory, sync_directory

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.engines.remote.agreement.terms import Terms

FRESH = ".provisioning"


def provision(
    engine: Engine, folder: Path, project: Project, terms: Terms, chosen: bytes, before: list[Path]
) -> Path | None:
    """Makes everything beside its place and moves it there once it is complete; where earlier kits went."""
    from proofward.data.image_schema import kit_files
    from proofward.engines.contract import Network, ProvisioningFailed, home_of
    from proofward.engines.remote.agreement.home import Home

    fresh = folder / FRESH
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        network = Network(project.server, project.port, project.servers)
        kits = engine.provision(fresh, network, terms, project.object_of(chosen))
    except ProvisioningFailed as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise Refused(f"the engine {engine.name} makes no kits of this: {error}") from error
    for site in {seat.site for seat in terms.seats}:  # verifiers and the server export models, too
        Home(home_of(kits[site])).write_all(kit_files(project.schema))
    tighten(fresh)
    aside = None
    if before:
        aside = folder / f"replaced-{datetime.datetime.now():%Y-%m-%d-%H%M%S-%f}"
        make_directory(aside)
        for path in before:
            os.replace(path, aside / path.name)
    for name in (AUTHORITY, KITS):
        os.replace(fresh / name, folder / name)
    fresh.rmdir()
    sync_directory(folder)
    return aside


def provisioned(folder: Path, terms: Terms) -> tuple[list[dict[str, object]], list[str]]:
    """The kits that lie in a folder, as plain values and as lines that say to whom each goes, and how."""
    kits = sorted((folder / KITS).iterdir())
    listed: list[dict[str, object]] = [
        {
            "site": kit.name,
            "path": str(kit),
            "members": [{"name": seat.member, "role": seat.role} for seat in terms.at(kit.name)],
        }
        for kit in kits
    ]
    lines = ["kits, and to whom each goes:"]
    for kit in kits:
        roles = ", ".join(f"{seat.role} {seat.member}" for seat in terms.at(kit.name))
        lines.append(f"  {kit}: {roles or 'the coordinator, who opens the federation'}")
    lines += [
        "Each holds the private key of its site: hand it over in person or over a channel that is encrypted",
        "to its operator (scp, an encrypted medium; no e-mail), and delete your copy.",
        f"{folder / AUTHORITY} can make certificates of any site: move it to a medium that is kept offline.",
    ]
    return listed, lines
