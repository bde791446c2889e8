"""`proofward bench`: lists and runs the scripts in benchmarks/."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import click

from proofward.cli.common.console import FLAW, OK, print_json

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"


def scripts() -> dict[str, Path]:
    """The benchmarks of this checkout, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("[a-z]*.py"))}


def summary(path: Path) -> str:
    """First line of a script's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.option("--smallest", is_flag=True, help="Run at the smallest size, to see that it works.")
@click.option("--json", "as_json", is_flag=True, help="List as JSON; benchmarks print JSON anyway.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(name: str | None, smallest: bool, as_json: bool, arguments: tuple[str, ...]) -> None:
    """Run the benchmark NAME, or list all.

    ARGUMENTS are passed on to the script; `proofward bench NAME -- --help` describes them.
    """
    found = scripts()
    if not found:
        raise click.UsageError(f"no benchmarks in {FOLDER}: they are part of the source tree only")
    if name is None:
        if as_json:
            print_json({known: summary(path) for known, path in found.items()})
        else:
            width = max(map(len, found))
            for known, path in found.items():
                click.echo(f"{known:{width}}  {summary(path)}")
        return
    if name not in found:
        raise click.BadParameter(f"expected one of {', '.join(found)}", param_hint="NAME")
    command = [sys.executable, str(found[name]), *(["--smallest"] if smallest else []), *arguments]
    finished = subprocess.run(command, cwd=FOLDER.parent, check=False)
    raise SystemExit(OK if finished.returncode == 0 else FLAW)
