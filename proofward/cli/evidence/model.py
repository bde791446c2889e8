"""`proofward model export`: the last confirmed model of a run or a kit, as a file to take home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.guard import GuardedGroup
from proofward.engines.operations.suggestions import Placeholder, command
from proofward.ledger.files import write_file

if TYPE_CHECKING:
    from proofward.report.handover.exported_model import ExportedModel

OUT = "model-round-{}"
SUFFIXES = {"safetensors": ".safetensors", "json": ".json"}


@click.group(cls=GuardedGroup)
def model() -> None:
    """Take a model home."""


@model.command()
@click.argument("source", metavar="RUN_OR_KIT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "kind", type=click.Choice(sorted(SUFFIXES)), required=True, help="Format of the file.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              show_default=f"{OUT.format('N')} with the format's ending", help="File to write.")  # fmt: skip
@click.option("--features", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Names, centres and spreads of the features, where the folder has none.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@JSON
def export(
    source: Path, kind: str, out: Path | None, features: Path | None, force: bool, as_json: bool
) -> None:
    """Write the last confirmed model of a run folder, or of the kit of a hospital, a verifier or the server.

    The file has the weights as exact integers and as floats, the features' names, units and scaling, the
    classes' names, and the ledger that it comes from. The ledger proves the weights; names and scaling are
    those of the folder. `proofward predict` uses it.
    """
    from proofward.cli.common.console import make_console
    from proofward.cli.common.kernels import load_kernels

    load_kernels(make_console(quiet=True))

    from proofward.report.handover.exported_model import WRITERS, ModelInvalid
    from proofward.report.handover.model_source import NoModel, NotASource, last_model

    with answering(as_json):
        try:
            found = last_model(source, features)
        except NotASource as error:
            raise click.UsageError(str(error)) from error
        except (NoModel, ModelInvalid) as error:
            raise Refused(str(error)) from error
        path = out or Path(f"{OUT.format(found.origin.round)}{SUFFIXES[kind]}")
        if path.exists() and not force:
            raise Refused(f"{path} is there already; --force replaces it")
        data = WRITERS[kind](found)
        write_file(path, data, path.with_name(f".{path.name}.writing"), mode=0o644)
        _tell(found, path, kind, as_json)


def _tell(found: ExportedModel, path: Path, kind: str, as_json: bool) -> None:
    origin, described = found.origin, found.description
    widths = "-".join(map(str, found.model.widths))
    plain = {
        "did": "exported", "file": str(path), "format": kind, "model": found.digest.hex(),
        "round": origin.round, "rounds": origin.rounds, "consortium": origin.consortium.hex(),
        "ledger": {"entries": origin.entries, "root": origin.root.hex()},
    }  # fmt: skip
    lines = [
        f"{path}: MLP {widths} after round {origin.round} of {origin.rounds}",
        f"classes: {described.classes[0]}, {described.classes[1]}; {len(described.columns)} features",
        f"model {found.digest.hex()}",
        f"consortium {origin.consortium.hex()}, {origin.entries} entries of the ledger",
        f"next: {command('predict', path, Placeholder('FILE.csv'))}",
    ]
    tell(plain, lines, as_json)
