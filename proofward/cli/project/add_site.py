"""`proofward consortium add-site`: a start-up kit for one more hospital, by the same authority."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell, tighten
from proofward.cli.common.usual import PROJECT_FILE
from proofward.ledger.files import sync_directory

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.engines.contract import Engine
    from proofward.engines.remote.agreement.terms import Terms

FRESH = ".adding"


@click.command(name="add-site")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name", metavar="NAME")
@JSON
def add_site(folder: Path, name: str, as_json: bool) -> None:
    """Write DIR/kits/NAME, the kit of one more hospital, with the authority's key in DIR/authority.

    The terms and the consortium stay as they are. The hospital takes part once its key is made, as many
    verifiers as accept a proof have voted for it with `proofward admit`, and its records are enrolled. It
    holds no shares of others' keys and verifies nothing.
    """
    from proofward.cli.common.engine import installed
    from proofward.cli.project.consortium_file.reading import require_consortium
    from proofward.engines.contract import HOME, KITS
    from proofward.engines.operations.suggestions import Placeholder, command
    from proofward.engines.registry import engine_of_authority
    from proofward.engines.remote.agreement.home import Home

    with answering(as_json):
        require_consortium(folder)
        engine = installed(engine_of_authority(folder))
        project, terms = _agreed(folder)
        earlier = _issued(folder, engine)
        _require_free_name(folder, name, terms, earlier)
        added = {path.name for path in (folder / KITS).glob("*") if Home(path / HOME).added}
        hospitals = {*terms.named("hospital"), *added}
        if len(hospitals) >= (most := terms.check().most_hospitals):
            raise Refused(f"there are {len(hospitals)} hospitals, and one sum holds at most {most} updates")
        kit = _provisioned(folder, engine, project, terms, name)
        admit = command("admit", Placeholder("KIT"), name, "--key", Placeholder("KEY"))
        lines = [
            f"{kit}: the kit of {name}, with the terms {terms.digest.hex()}",
            "It holds the private key of its site: hand it over in person or over an encrypted channel,",
            "and delete your copy. Move the authority off this machine again.",
            f"next, at {name}: proofward join KIT, enrol KIT --data FILE.csv, start KIT, confirm KIT",
            f"      at {terms.accepting_verdicts} verifiers at least: {admit},",
            f"      with the key that `join` shows at {name}, told by telephone or in person.",
        ]
        tell({"did": "provisioned", "site": name, "kit": str(kit), "terms": terms.digest.hex(),
              "needed": terms.accepting_verdicts}, lines, as_json)  # fmt: skip


def _agreed(folder: Path) -> tuple[Project, Terms]:
    """The project of a folder, and the terms that its kits have; raises Refused."""
    from proofward.cli.common.expected_kernels import expect_kernels
    from proofward.cli.project.consortium_file.first_model import read_first_model
    from proofward.cli.project.consortium_file.reading import read_project
    from proofward.cli.project.tables.table import ProjectError
    from proofward.engines.contract import HOME, KITS
    from proofward.engines.remote.agreement.home import Home, HomeError

    path = folder / PROJECT_FILE
    expect_kernels()
    try:
        project = read_project(path)
        chosen = project.first_model_beside(path)
        data = b"" if chosen is None else read_first_model(chosen, project.config())
        terms = project.terms(project.object_of(data))
    except ProjectError as error:
        raise Refused(f"{path}: {error}; `consortium init` has written another one") from error
    for kit in sorted((folder / KITS).glob("*")):
        try:
            known = Home(kit / HOME).terms.digest
        except HomeError:
            continue
        if known != terms.digest:
            found = f"{kit} has the terms {known.hex()}, and {path} makes {terms.digest.hex()}"
            raise Refused(f"{found}: put back the file from which the kits were made")
    return project, terms


def _issued(folder: Path, engine: Engine) -> list[str]:
    """Names for which the authority has made a certificate; raises Refused."""
    from proofward.engines.contract import RenewalRefused

    try:
        return list(engine.authority(folder).sites)
    except RenewalRefused as error:
        raise Refused(str(error)) from error


def _require_free_name(folder: Path, name: str, terms: Terms, earlier: list[str]) -> None:
    from proofward.engines.contract import KITS
    from proofward.engines.remote.agreement.names import fault_of_name
    from proofward.federation.messages.consortium.rules import RulesError, check_name

    if fault := fault_of_name(name):
        raise Refused(f"no site can have this name: {fault}")
    try:
        check_name(name)
    except RulesError as error:
        raise Refused(f"no site can have this name: {error}") from error
    taken = {*earlier, *(word for seat in terms.seats for word in (seat.member, seat.site))}
    if name in taken or (folder / KITS / name).exists():
        raise Refused(f"{name} is a site or member of this consortium already: choose another name")


def _provisioned(folder: Path, engine: Engine, project: Project, terms: Terms, name: str) -> Path:
    """Makes the kit beside its place, and moves it there with what the authority has to remember of it."""
    from proofward.data.image_schema import kit_files
    from proofward.engines import contract as kits
    from proofward.engines.remote.agreement.home import Home

    engine.require_room(folder, 1)
    fresh = folder / FRESH
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700)
        shutil.copytree(folder / kits.AUTHORITY, fresh / kits.AUTHORITY)
        network = kits.Network(project.server, project.port, project.servers)
        made = engine.add_site(fresh, network, terms, name)
        Home(made / kits.HOME).write_all(kit_files(project.schema))
        tighten(fresh)
        (folder / kits.KITS).mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(fresh / kits.AUTHORITY, folder / kits.AUTHORITY, dirs_exist_ok=True)
        tighten(folder / kits.AUTHORITY)
        os.replace(made, folder / kits.KITS / name)
        sync_directory(folder / kits.KITS)
    except kits.ProvisioningFailed as error:
        raise Refused(f"no kit can be made of this: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / kits.KITS / name
