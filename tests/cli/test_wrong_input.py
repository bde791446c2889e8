"""Every command with a file or folder of the wrong kind: wrong use, in one sentence, and nothing raw."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from proofward.cli.main import main
from tests.cli.test_guard import COMMANDS

NO_PLACE = (("demo",), ("bench",), ("consortium", "schema"), ("presets", "list"), ("attest", "demo"),
            ("witness", "key"))  # fmt: skip
TAKES_A_PLACE = [(path, command) for path, command in COMMANDS if path not in NO_PLACE]
IDS = [" ".join(path) for path, _ in TAKES_A_PLACE]
READS_A_PROJECT = {("simulate",), ("check-data",)}
"""A file is there a project that has to be corrected."""


def arguments(command: click.Command, first: str, other: str) -> list[str]:
    """The least that a command has to be given, with `first` as its place."""
    found = []
    for parameter in command.params:
        value = other if isinstance(parameter.type, click.Path) else "x"
        if isinstance(parameter, click.Option) and parameter.required:
            found += [parameter.opts[0], value]
        elif isinstance(parameter, click.Argument):
            found.append(
                first
                if not any(
                    isinstance(p, click.Argument) for p in command.params[: command.params.index(parameter)]
                )
                else value
            )
    return found


@pytest.mark.parametrize(("path", "command"), TAKES_A_PLACE, ids=IDS)
@pytest.mark.parametrize("what", ["nowhere", "file", "empty", "other"])
def test_the_wrong_thing(tmp_path, path, command, what):
    place, file = tmp_path / what, tmp_path / "garbage"
    file.write_bytes(b"\x00garbage\xff" * 20)
    if what == "file":
        place.write_bytes(b"# Words\n" * 9)
    elif what != "nowhere":
        place.mkdir()
        if what == "other":
            (place / "private-name.txt").write_text("private words")
    given = [*path, *arguments(command, str(place), str(file))]
    plain, document = (CliRunner().invoke(main, [*given, *more]) for more in ((), ("--json",)))
    for result in (plain, document):
        refusal = path in READS_A_PROJECT and what == "file"
        expected = {1, 2} if refusal else {2}
        assert result.exit_code in expected, result.output
        for raw in ("Traceback", "unexpected", ".py", "private-", "Errno"):
            assert raw not in result.output
        assert "Error: " in result.stderr or "refused: " in result.stderr or result is document
    assert plain.stdout == ""
    if any("--json" in parameter.opts for parameter in command.params):
        assert json.loads(document.stdout)
