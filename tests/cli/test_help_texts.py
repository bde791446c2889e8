"""Help texts retype no value: defaults, limits and numbers are made from what the commands take them from."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import proofward.cli
from proofward.cli.common import usual
from proofward.cli.main import main
from proofward.cli.project.consortium_file.project import Project, Site
from proofward.engines.registry import ENGINES, USUAL
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER

SOURCES = sorted(Path(proofward.cli.__file__).parent.rglob("*.py"))
RETYPED = re.compile(r"\bdefault|\bunless given\b|\bif not given\b|\botherwise\b|\bat least\b|\bat most\b", re.IGNORECASE)
DIGIT = re.compile(r"\d")
LEAST_OPTIONS = 80


def walk(command: click.Command, path: str = "proofward") -> Iterator[tuple[str, click.Command]]:
    """All commands, by what one types."""
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from walk(inner, f"{path} {name}")


COMMANDS = dict(walk(main))
OPTIONS = {f"{path} {option.opts[0]}": option for path, command in COMMANDS.items()
           for option in command.params if isinstance(option, click.Option)}  # fmt: skip


def retyped(text: str) -> list[str]:
    """What a help text says of a default or a limit."""
    return RETYPED.findall(text)


def takes_something(option: click.Option) -> bool:
    """Whether the option has a value by itself, other than that of a switch."""
    default = option.to_info_dict()["default"]
    return not option.is_flag and default is not None and default != ()


def written(tree: ast.AST) -> Iterator[str]:
    """The texts that stand as `help` in the source, without what f-strings put in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "help":
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def help_of(path: str) -> str:
    command = COMMANDS[path]
    with click.Context(command, info_name=path, terminal_width=400) as context:
        return command.get_help(context)


def test_the_walk_finds_the_commands():
    assert {"proofward demo", "proofward consortium init", "proofward bundle export"} <= COMMANDS.keys()
    assert len(OPTIONS) > LEAST_OPTIONS


@pytest.mark.parametrize("name", OPTIONS)
def test_no_help_text_retypes_a_default(name):
    option = OPTIONS[name]
    assert retyped(option.help or "") == []
    if takes_something(option):
        assert option.show_default, "click says what it is"
        default = str(option.to_info_dict()["default"])
        assert default not in re.findall(r"[\w.-]+", option.help or "")
    assert option.help, "what is it for?"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_help_text_has_a_number_that_is_not_derived(path):
    assert [text for text in written(ast.parse(path.read_text())) if DIGIT.search(text)] == []


@pytest.mark.parametrize("text", ["Default: 5.", "15 unless given", "At least 3.", "All, if not given"])
def test_the_rule_catches_what_it_is_about(text):
    assert retyped(text)


def test_the_rule_about_numbers_catches_them():
    found = list(written(ast.parse("option(help=f'Port 8002, {port} or ' 'all.')")))
    assert [text for text in found if DIGIT.search(text)] == ["Port 8002, "]


def test_what_init_shows_is_what_it_takes():
    text = help_of("proofward consortium init")
    for count in usual.COUNTS:
        sites = tuple(Site(f"site-{number}", (HOSPITAL, VERIFIER)) for number in range(count))
        project = Project("A trial", ("fl.example.org",), sites).completed()
        for value, what in ((project.threshold, "hospitals"), (project.accepting, "verifiers"),
                            (project.minimum, "hospitals"), (project.abandoning, "hospitals")):  # fmt: skip
            assert re.search(rf"default: \([^)]*\b{value} of {count}\b[^)]* {what}\)", text), (value, count)
    bare = Project("A trial", ("fl.example.org",), ())
    for value in (f"PORT {bare.port}", bare.preset, bare.rounds, bare.deadline, bare.upload_slot):
        assert re.search(rf"default: \(?{value}\b", text), value


def test_engines_are_those_of_the_registry():
    for command in ("consortium init", "demo"):
        choice = OPTIONS[f"proofward {command} --engine"].type
        assert isinstance(choice, click.Choice) and set(ENGINES) <= set(choice.choices)
    assert OPTIONS["proofward consortium init --engine"].default == USUAL


@pytest.mark.slow
def test_help_appears_at_once():
    """What help texts are made from imports neither kernels nor numpy."""
    words = "import sys, proofward.cli.main; print([n for n in ('numpy', 'numba', 'nvflare') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_status_needs_no_kernels():
    """Commands that compute nothing in the field start without numba: an operator asks often."""
    names = "proofward.cli.kit.status, proofward.cli.kit.start, proofward.engines.flare.supervisor"
    words = f"import sys, {names}; print('numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
