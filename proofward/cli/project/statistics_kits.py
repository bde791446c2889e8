"""Start-up kits of a federation that counts: the sites of a consortium's file, before they train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from proofward.cli.common.answering import Refused, tell, tighten
from proofward.cli.common.engine import installed
from proofward.cli.project.provisioned_kits import provision, provisioned
from proofward.cli.project.statistics_terms import statistics_layout, statistics_project, statistics_terms
from proofward.cli.project.words.terms import in_words
from proofward.data.columns.statistics_layout import schema_of
from proofward.engines.contract import AUTHORITY, KITS
from proofward.engines.operations.suggestions import command
from proofward.engines.registry import ENGINES
from proofward.ledger.files import make_directory

FOLDER = "statistics"


def make_kits(path: Path, bins: int, least_count: int, engine_name: str, as_json: bool) -> None:
    """Beside the file `path`, in the folder FOLDER; raises Refused, WrongThing, OSError."""
    engine = ENGINES[engine_name]
    installed(engine)
    project = statistics_project(path)
    layout = statistics_layout(project, bins, least_count)
    terms, schema, folder = statistics_terms(project, layout), schema_of(layout), path.parent / FOLDER
    if (folder / KITS).exists() or (folder / AUTHORITY).exists():
        raise Refused(f"{folder} has kits already, which were perhaps handed out: move it aside for new ones")
    engine.require_room(folder, len(project.sites) + 2)
    make_directory(folder)
    folder.chmod(0o700)
    counted = replace(project, features=schema.features, notation=schema.notation)
    provision(engine, folder, counted, terms, b"", [])
    tighten(folder)
    kits, listed = provisioned(folder, terms)
    after = command("consortium", "statistics", path, "--from", folder / KITS / project.server)
    plain = {"did": "provisioned", "terms": terms.digest.hex(), "layout": layout.digest.hex(), "kits": kits,
             "authority": str(folder / AUTHORITY)}  # fmt: skip
    lines = [
        *in_words(terms, project.servers, project.port),
        "",
        *listed,
        "next, at every site but the coordinator's: proofward join KIT",
        "      at every hospital:                   proofward enrol KIT --data FILE.csv",
        "      then everywhere:                     proofward start KIT",
        f"Once it is over, with the kit of any member: {after} --write",
    ]
    tell(plain, lines, as_json)
