"""`proofward consortium schema`: what consortium.toml may hold, as a JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import Refused, answering
from proofward.cli.common.usual import PROJECT_FILE

if TYPE_CHECKING:
    from proofward.models.keys import Json

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@click.command(name="schema")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write it there, for an editor; a file that is there is replaced.",
              show_default="standard output")  # fmt: skip
def consortium_schema(out: Path | None) -> None:
    """Print the JSON schema of consortium.toml: every key with its limits, its default and a sentence.

    It is draft 2020-12, made of what the reader of the file itself goes by. An editor completes and checks
    the file by it. What depends on several values together `proofward consortium check` says.
    """
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    from proofward.ledger.files import write_out

    with answering(False):
        try:
            write_out(out, text.encode())
        except OSError as error:
            raise Refused(f"{out}: {error.strerror}") from error
    click.echo(f"{out}: the schema of {PROJECT_FILE}")


def schema() -> Json:
    """The JSON schema of consortium.toml."""
    from proofward.cli.project.consortium_file.keys import TOP

    words = "What a consortium agrees on; `proofward consortium init` makes kits from it."
    return {"$schema": DRAFT, "title": PROJECT_FILE, "description": words, **TOP.schema()}
