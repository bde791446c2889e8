"""Commands that messages suggest can be pasted, whatever a path is called."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from proofward.engines.operations.suggestions import Placeholder, command, quoted

PACKAGE = Path(__file__).parents[2] / "proofward"


@pytest.mark.parametrize("name", ["kit", "sim run", "it's", 'a"b', "$HOME", "größe", "a;b", "`x`"])
def test_a_shell_reads_the_path_again(name):
    path = Path("/there") / name
    assert shlex.split(command("start", path, "--data", Placeholder("FILE.csv"))) == [
        "proofward", "start", str(path), "--data", "FILE.csv",
    ]  # fmt: skip


def test_a_plain_path_stays_plain():
    assert command("audit", Path("run-1/ledger")) == "proofward audit run-1/ledger"
    assert quoted(Placeholder("FILE with words")) == "FILE with words"


def test_a_path_is_no_option():
    assert command("start", Path("-x")) == "proofward start ./-x"


def test_no_message_puts_a_path_behind_a_command_by_itself():
    """A command of the project, or chmod, that is followed by a value in an f-string."""
    verbs = {path.stem.replace("_", "-") for path in (PACKAGE / "cli").rglob("*.py")}
    pattern = re.compile(r"(?:proofward|chmod)((?: [\w-]+)+) \{(?!quoted\(|command\()")
    found = [
        f"{path.relative_to(PACKAGE)}: {match.group()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for match in pattern.finditer(path.read_text())
        if match.group().startswith("chmod") or match.group(1).split()[0] in verbs | {"bundle", "consortium"}
    ]
    assert found == []
