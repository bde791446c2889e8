"""How a table's file is written, as commands are told: delimiter, sheet, key; where not as agreed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.console import WrongThing

if TYPE_CHECKING:
    from proofward.data.tables.table_file import TableFile

    _Text = click.ParamType[str]
else:
    _Text = click.ParamType

FORMATS = ("CSV", "Excel", "Parquet", "HDF5")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}


class Delimiter(_Text):
    """A name of DELIMITERS or the character itself; becomes the character."""

    name = "delimiter"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What stands for it in help texts."""
        return f"[{'|'.join(sorted(DELIMITERS))}|CHARACTER]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The character; fails for more than one, and for what stands in cells and around them."""
        found = DELIMITERS.get(value, value)
        if len(found) != 1 or found.isalnum() or found in "\"'\r\n.+-_\0":
            names = ", ".join(sorted(DELIMITERS))
            self.fail(f"{value!r} is neither {names} nor one character between cells", param, ctx)
        return found


OPTIONS = (
    click.option("--delimiter", type=Delimiter(), help="What parts the cells of a CSV file.",
                 show_default="the file's line sep=, else comma; semicolon with decimal commas"),
    click.option("--sheet", metavar="NAME", help="The sheet of an Excel file.", show_default="the only one"),
    click.option("--key", metavar="NAME", help=f"The table in a file of {FORMATS[-1]}.",
                 show_default="the only one"),
)  # fmt: skip
NAMES = ("delimiter", "sheet", "key")


def table_options(command: Callable[..., None]) -> Callable[..., None]:
    """These options, for a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def table_file(path: Path, options: Mapping[str, Any], alone: bool = True) -> TableFile:
    """The file with what the options say of it.

    alone: whether they are of this file only; raises FileRefused then for those of another format.
    Raises WrongThing for what is no table. A table that lies beside images is looked at when it is read.
    """
    from proofward.data.tables.refusal import NoTable
    from proofward.data.tables.table_file import TableFile

    file = TableFile(path, **{name: options.get(name) or "" for name in NAMES})
    try:
        if path.exists():
            file.check_kind()
    except NoTable as error:
        raise WrongThing(f"{path}: {error}") from error
    if alone:
        file.check_options()
    return file
