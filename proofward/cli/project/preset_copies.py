"""`proofward presets`: the presets in a list, and copies of their files to be edited."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.guard import GuardedGroup


@click.group(cls=GuardedGroup)
def presets() -> None:
    """Networks with a training to start from: list them, copy their files."""


@presets.command(name="list")
@JSON
def list_presets(as_json: bool) -> None:
    """List the presets, a line each."""
    from proofward.models.presets import PRESET_FILES

    width = max(map(len, PRESET_FILES))
    plain = {
        name: {"summary": file.summary, "inputs": list(file.inputs)} for name, file in PRESET_FILES.items()
    }
    tell(plain, [f"{name:{width}}  {file.summary}" for name, file in PRESET_FILES.items()], as_json)


@presets.command()
@click.argument("name")
@click.argument("out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@JSON
def copy(name: str, out: Path, force: bool, as_json: bool) -> None:
    """Write the file of the preset NAME to FILE, to be edited.

    `consortium init --preset FILE`, `inspect FILE` and others take it wherever they take a preset's name. Its
    tables [model], [training] and [scales] are those of consortium.toml.
    """
    from proofward.ledger.files import write_out
    from proofward.models.presets import FOLDER, PRESET_FILES

    if name not in PRESET_FILES:
        raise click.BadParameter(f"expected one of {', '.join(PRESET_FILES)}", param_hint="NAME")
    with answering(as_json):
        if out.exists() and not force:
            raise Refused(f"{out} is there already; --force replaces it")
        try:
            write_out(out, (FOLDER / f"{name}.toml").read_bytes())
        except OSError as error:
            raise Refused(f"{out}: {error.strerror}") from error
        tell({"did": "copied", "preset": name, "file": str(out)}, [f"{out}: the preset {name}"], as_json)
