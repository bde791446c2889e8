"""What the program says of itself: commands and options in its messages exist, defaults are those of its help."""

from __future__ import annotations

import ast
import re

import pytest

from proofward.cli.main import main
from proofward.cli.project.consortium_file.reading import read_project
from tests.cli.conftest import Command
from tests.docs.blocks import ROOT, calls
from tests.docs.command_line import NotTheProgram, all_options, check

FOREIGN = {"--constraint", "--set", "--once", "--config", "--startup", "--value", "proofward bundle 1"}
"""In ProofWard's source: options of pip, of NVIDIA FLARE and of systemd's tools, the first line of a file."""
SOURCES = sorted((ROOT / "proofward").rglob("*.py"))


def texts(source: str) -> list[str]:
    """All strings but those within others; `$X` where a value is put in."""
    tree, found = ast.parse(source), []
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "$X" for part in node.values)
            found.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            found.append(node.value)
    return found


@pytest.mark.slow
def test_messages_name_what_is_there():
    known, commands, wrong, seen = all_options() | FOREIGN, "|".join(main.commands), [], 0
    for path in SOURCES:
        for text in texts(path.read_text()):
            for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+[a-z]", text):
                seen += 1
                if name not in known:
                    wrong.append(f"{path.name}: no command has {name}: {text[:80]!r}")
            for said in re.findall(rf"proofward (?:{commands})(?: [^`\n;:,()| ]+)*", text):
                if said.rstrip("\\n\"") in FOREIGN:
                    continue
                words = calls(re.sub(r"[\[\]'\"]", " ", said))
                try:
                    check([word.rstrip(".") for word in words[0]], whole=False)
                except NotTheProgram as error:
                    if not re.search(r" (and|goes|makes|to|again|of|what|that|is|wants|says|in)\b", said):
                        wrong.append(f"{path.name}: {said!r}: {error}")
    assert seen > 50 and wrong == []


@pytest.mark.parametrize("hospitals", [3, 5, 10])
def test_defaults_are_those_of_the_help(tmp_path, hospitals):
    proofward = Command()
    said = " ".join(proofward("consortium", "init", "--help").stdout.split())
    names = [f"h{number}" for number in range(hospitals)]
    sites = [word for name in names for word in ("--hospital", name, "--verifier", name)]
    options = ("--no-dp", "--title", "T", "--server", "fl.example.org", "--preset", "tiny", "--draft", *sites)
    assert proofward("consortium", "init", tmp_path / "c", *options).exit_code == 0
    project = read_project(tmp_path / "c" / "consortium.toml")
    for name in ("threshold", "accepting", "minimum", "abandoning"):
        examples = re.search(rf"--{name} .*?\[default: \(([^)]*)\)", said)[1]
        assert f"{getattr(project, name)} of {hospitals}" in examples, (name, examples)
    threshold = (hospitals - 1) // 2
    assert project.threshold == threshold and project.accepting == hospitals // 2 + 1
    assert project.minimum == max((hospitals + threshold) // 2 + 1, threshold + 2)
